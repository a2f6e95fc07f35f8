"""`digits.explain.saliency`: saliency maps of networks for which they are known."""

from statistics import mean

import numpy as np
import pytest
import torch

import model
from bench import saliency as benchmark
from digits.data import synthetic
from digits.explain import saliency


class OnePixelNetwork(torch.nn.Module):
    """Its logit of 3 is proportional to the pixel in row 12 and column 15; nothing else matters."""

    def forward(self, x):
        return torch.nn.functional.pad(x[:, :, 12, 15], (3, 6)) * 10


@pytest.fixture(scope="module")
def eight() -> np.ndarray:
    """A normalized synthetic 8."""
    dataset = synthetic.synthetic_digits(20, torch.Generator().manual_seed(3))
    return dataset.images[dataset.labels == 8][0, 0].numpy()


def test_only_pixel_that_matters_is_the_peak():
    saliency_map = saliency.rise(np.full((28, 28), 200, np.uint8), OnePixelNetwork())[3]
    assert divmod(int(saliency_map.argmax()), 28) == (12, 15)
    # 0.9: the mean of the ten logits is subtracted.
    assert saliency_map[12, 15] == pytest.approx(0.9 * 10 * 200 / 255, rel=1e-4)
    far = torch.ones(28, 28, dtype=torch.bool)
    far[7:18, 10:21] = False  # a mask cell covers neighboring pixels as well
    # Not 0 by chance: with 384 masks correlations reach 0.2.
    assert saliency_map[far].abs().max() < 0.25 * saliency_map[12, 15]


def test_saliency_of_a_linear_network_follows_from_its_weights(eight):
    """In softmax regression, the contributions weight * intensity add up; masks spread them over neighboring pixels."""
    network = model.load("baselines/softmax.pth")
    weights = network.fc.weight.detach().double().numpy()
    contributions = (weights - weights.mean(0)) * eight.ravel() / 255  # (10, 784)
    masks = saliency.random_masks().reshape(saliency.NUM_MASKS, -1).double().numpy()
    covariance = np.cov(masks.T, bias=True)  # (784, 784)
    expected = (contributions @ covariance / covariance.diagonal()).reshape(10, 28, 28) * (eight > 0)
    np.testing.assert_allclose(saliency.rise(eight, network).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["cnn", "mlp", "softmax", "teacher"])
def test_saliency_of_any_network_is_zero_exactly_in_the_background(eight, name):
    torch.manual_seed(1)
    maps = saliency.rise(eight, model.NETWORKS[name]().eval())
    assert maps.shape == (10, 28, 28)
    assert maps.isfinite().all()
    assert (maps[:, torch.from_numpy(eight == 0)] == 0).all()
    assert maps.abs().amax((1, 2)).min() > 0


def test_maps_of_the_ten_classes_sum_to_zero(eight, network):
    maps = saliency.rise(eight, network)
    assert maps.sum(0).abs().max() < 1e-4
    assert maps[8].clamp(min=0).sum() > 0.8 * maps[8].abs().sum()


def test_saliency_is_deterministic(eight, network):
    assert torch.equal(saliency.rise(eight, network), saliency.rise(eight.copy(), network))


def test_masks_keep_each_pixel_visible_with_the_given_probability():
    masks = saliency.random_masks()
    assert masks.shape == (saliency.NUM_MASKS, 28, 28)
    assert 0 <= masks.min() <= masks.max() <= 1
    # 0.08 are 4 standard deviations of a mean of 384 masks.
    assert (masks.mean(0) - saliency.KEEP_PROBABILITY).abs().max() < 0.08


def test_saliency_points_at_the_stroke_that_changed_the_digit(network):
    """The bar that makes a 1 a 7 counts for 7 and against 1; bench/saliency.py measures more handwritings."""
    with torch.inference_mode():
        pairs = list(benchmark.find_pairs(network, 7, 2))
    assert len(pairs) >= 18
    scores = [benchmark.score_maps(pair, saliency.rise(pair.normalized, network).numpy()) for pair in pairs]
    chance = mean(benchmark.chance_level(pair) for pair in pairs)
    assert mean(score["against_old_peak"] for score in scores) >= 0.85
    assert mean(score["against_old_share"] for score in scores) > 2 * chance
    assert mean(score["for_new_share"] for score in scores) > 1.2 * chance
