"""`digits.im2col`: the network as matrix products against its layers."""

import pytest
import torch

import model
from digits.im2col import MAX_IMAGES, Im2colCNN


@pytest.mark.parametrize("count", [1, 2, MAX_IMAGES, MAX_IMAGES + 1, 40])
def test_matrix_products_give_the_logits_of_the_layers(network, generator, count):
    images = torch.rand(count, 1, 28, 28, generator=generator)
    fast = model.for_inference(network)
    assert isinstance(fast, Im2colCNN)
    with torch.inference_mode():
        logits = network(images)
        assert torch.allclose(fast(images), logits, atol=1e-4)
        assert torch.equal(fast.forward_intermediates(images)["fc2"], network.forward_intermediates(images)["fc2"])


def test_other_networks_stay_as_they_are():
    trained = model.CNN()
    model.add_batch_norm(trained)
    for other in (model.MLP(), model.Softmax(), trained):
        assert model.for_inference(other) is other
