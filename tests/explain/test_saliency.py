"""`digits.explain.saliency`: which ink speaks for which digit, against networks of which that is known."""

from statistics import mean

import numpy as np
import pytest
import torch

import bench.saliency
import model
from digits.data import synthetic
from digits.explain import saliency


class Pixel(torch.nn.Module):
    """Finds a 3 as likely as the pixel in row 12 and column 15 is dark, and looks at nothing else."""

    def forward(self, x):
        return torch.nn.functional.pad(x[:, :, 12, 15], (3, 6)) * 10


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    """A synthetic 8 in the MNIST frame."""
    split = synthetic.synthetic_digits(20, torch.Generator().manual_seed(3))
    return split.images[split.labels == 8][0, 0].numpy()


def test_the_pixel_that_a_network_looks_at_is_the_hottest():
    found = saliency.rise(np.full((28, 28), 200, np.uint8), Pixel())[3]
    assert divmod(int(found.argmax()), 28) == (12, 15)
    assert found[12, 15] == pytest.approx(0.9 * 10 * 200 / 255, rel=1e-4)  # less its share in the mean of the ten
    far = torch.ones(28, 28, dtype=torch.bool)
    far[7:18, 10:21] = False  # a blot covers what is around it as well
    assert found[far].abs().max() < 0.25 * found[12, 15]  # by chance: of 384 draws correlations reach 0.2


def test_of_a_linear_network_the_heat_is_what_its_weights_say(frame):
    """For softmax regression, weight times ink adds up; a blot spreads what each pixel says over its neighbours."""
    network = model.load("baselines/softmax.pth")
    weights = network.fc.weight.detach().double().numpy()
    says = (weights - weights.mean(0)) * frame.ravel() / 255  # (10, 784)
    together = np.cov(
        saliency.random_masks().reshape(saliency.NUM_MASKS, -1).double().numpy().T, bias=True
    )  # (784, 784)
    expected = (says @ together / together.diagonal()).reshape(10, 28, 28) * (frame > 0)
    np.testing.assert_allclose(saliency.rise(frame, network).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["cnn", "mlp", "softmax", "teacher"])
def test_any_network_has_heat_where_there_is_ink_and_nowhere_else(frame, name):
    torch.manual_seed(1)
    found = saliency.rise(frame, model.NETWORKS[name]().eval())
    assert found.shape == (10, 28, 28)
    assert found.isfinite().all()
    assert (found[:, torch.from_numpy(frame == 0)] == 0).all()
    assert found.abs().amax((1, 2)).min() > 0


def test_what_speaks_for_one_digit_speaks_against_others(frame, network):
    found = saliency.rise(frame, network)
    assert found.sum(0).abs().max() < 1e-4
    assert found[8].clamp(min=0).sum() > 0.8 * found[8].abs().sum()


def test_heat_is_the_same_each_time(frame, network):
    assert torch.equal(saliency.rise(frame, network), saliency.rise(frame.copy(), network))


def test_masks_hide_each_pixel_as_often_as_they_are_to():
    seen = saliency.random_masks()
    assert seen.shape == (saliency.NUM_MASKS, 28, 28)
    assert 0 <= seen.min() <= seen.max() <= 1
    assert (seen.mean(0) - saliency.KEEP_PROBABILITY).abs().max() < 0.08  # of 384 draws, 4 standard deviations


def test_heat_points_at_the_stroke_that_made_one_digit_another(network):
    """The bar that makes a 1 a 7 is why it is no 1 any more: see bench/saliency.py, which has many more hands."""
    with torch.inference_mode():
        known = list(bench.saliency.pairs(network, 7, 2))
    assert len(known) >= 18
    rows = [bench.saliency.judged(pair, saliency.rise(pair.frame, network).numpy()) for pair in known]
    chance = mean(float(pair.share[pair.frame > bench.saliency.INKED].mean()) for pair in known)
    assert mean(row["against_old_peak"] for row in rows) >= 0.85
    assert mean(row["against_old_share"] for row in rows) > 2 * chance
    assert mean(row["for_new_share"] for row in rows) > 1.2 * chance
