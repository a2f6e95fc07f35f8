"""`digits.augment`: each digit moves by itself, within the limits, and repeatably."""

import pytest
import torch

from digits import augment, synthetic
from digits.augment import Affine

STILL = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0}


def blob(x: float, y: float) -> torch.Tensor:
    """A soft spot of ink around (x, y): (1, 1, 28, 28)."""
    axis = torch.arange(28.0)
    return (-((axis[None] - x) ** 2 + (axis[:, None] - y) ** 2) / 8).exp()[None, None]


def centres(images: torch.Tensor) -> torch.Tensor:
    """Centres of mass (B, 2) as x, y in pixels."""
    axis, mass = torch.arange(28.0), images.sum((1, 2, 3))
    return torch.stack([(images.sum((1, 2)) * axis).sum(1), (images.sum((1, 3)) * axis).sum(1)], 1) / mass[:, None]


def test_without_reach_nothing_changes(random):
    images = synthetic.digits(20, random).images.float() / 255
    torch.testing.assert_close(augment.affine(images, Affine(**STILL), random), images, atol=1e-5, rtol=0)


def test_the_same_generator_state_gives_the_same_digits():
    images = torch.rand(9, 1, 28, 28)
    one, two = (augment.affine(images, Affine(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, two)


def test_equal_digits_become_different_ones(random):
    images = blob(14, 14).expand(50, -1, -1, -1)
    assert len(augment.affine(images, Affine(), random).flatten(1).unique(dim=0)) == 50


def test_a_shift_moves_by_up_to_its_pixels_in_all_directions(random):
    images = blob(13.5, 13.5).expand(500, -1, -1, -1)
    moved = centres(augment.affine(images, Affine(**STILL | {"shift": 2.0}), random)) - 13.5
    assert moved.abs().max() <= 2.01
    assert (moved.amin(0) < -1.8).all()
    assert (moved.amax(0) > 1.8).all()


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [
        ({"rotation": 10.0}, 8 * 0.98, 8.01),  # cos 10° = 0.985
        ({"scale": 0.1}, 8 / 1.1, 8 / 0.9),
    ],
)
def test_turning_keeps_the_distance_from_the_middle_and_scaling_changes_it_by_its_share(change, low, high, random):
    images = blob(13.5, 13.5 + 8).expand(500, -1, -1, -1)
    down = centres(augment.affine(images, Affine(**STILL | change), random))[:, 1] - 13.5
    assert low - 0.05 <= down.min() < down.max() <= high + 0.05


def test_shear_leans_without_lifting(random):
    images = blob(13.5, 13.5 + 8).expand(500, -1, -1, -1)
    moved = centres(augment.affine(images, Affine(**STILL | {"shear": 0.15}), random)) - torch.tensor([13.5, 21.5])
    assert moved[:, 0].abs().max() == pytest.approx(8 * 0.15, abs=0.05)
    assert moved[:, 1].abs().max() < 0.02
