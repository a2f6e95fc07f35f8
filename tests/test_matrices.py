"""The network as products of matrices against its layers."""

import pytest
import torch

import model
from digits.matrices import Quick


@pytest.mark.parametrize("count", [1, 2, Quick.FEW, Quick.FEW + 1, 40])
def test_the_quick_form_of_the_network_is_the_same_function(network, random, count):
    frames = torch.rand(count, 1, 28, 28, generator=random)
    with torch.inference_mode():
        assert torch.allclose(model.quick(network)(frames), network(frames), atol=1e-4)
