"""`digits.data.augmentation`: each digit moves by itself, within the limits, and repeatably."""

import pytest
import torch

from digits.data import augmentation, synthetic
from digits.data.augmentation import AugmentationRanges

STILL = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0}


def warped(images: torch.Tensor, by: AugmentationRanges, generator: torch.Generator) -> torch.Tensor:
    return augmentation.sample(images, augmentation.sampling_grids(len(images), by, generator))


def blob(x: float, y: float) -> torch.Tensor:
    """A soft spot of ink around (x, y): (1, 1, 28, 28)."""
    axis = torch.arange(28.0)
    return (-((axis[None] - x) ** 2 + (axis[:, None] - y) ** 2) / 8).exp()[None, None]


def centres(images: torch.Tensor) -> torch.Tensor:
    """Centres of mass (B, 2) as x, y in pixels."""
    axis, mass = torch.arange(28.0), images.sum((1, 2, 3))
    return torch.stack([(images.sum((1, 2)) * axis).sum(1), (images.sum((1, 3)) * axis).sum(1)], 1) / mass[:, None]


def test_without_reach_nothing_changes(random):
    images = synthetic.synthetic_digits(20, random).images.float() / 255
    torch.testing.assert_close(warped(images, AugmentationRanges(**STILL), random), images, atol=1e-5, rtol=0)


def test_the_same_generator_state_gives_the_same_digits():
    images = torch.rand(9, 1, 28, 28)
    one, two = (warped(images, AugmentationRanges(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, two)


def test_equal_digits_become_different_ones(random):
    images = blob(14, 14).expand(50, -1, -1, -1)
    assert len(warped(images, AugmentationRanges(), random).flatten(1).unique(dim=0)) == 50


def test_a_shift_moves_by_up_to_its_pixels_in_all_directions(random):
    images = blob(13.5, 13.5).expand(500, -1, -1, -1)
    moved = centres(warped(images, AugmentationRanges(**STILL | {"shift": 2.0}), random)) - 13.5
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
    down = centres(warped(images, AugmentationRanges(**STILL | change), random))[:, 1] - 13.5
    assert low - 0.05 <= down.min() < down.max() <= high + 0.05


def test_shear_leans_without_lifting(random):
    images = blob(13.5, 13.5 + 8).expand(500, -1, -1, -1)
    moved = centres(warped(images, AugmentationRanges(**STILL | {"shear": 0.15}), random)) - torch.tensor([13.5, 21.5])
    assert moved[:, 0].abs().max() == pytest.approx(8 * 0.15, abs=0.05)
    assert moved[:, 1].abs().max() < 0.02


def test_bending_moves_each_place_a_little_and_places_far_apart_differently(random):
    places = [(6.0, 6.0), (21.0, 21.0)]
    moved = []
    for x, y in places:
        images = blob(x, y).expand(400, -1, -1, -1)
        moved.append(
            centres(warped(images, AugmentationRanges(**STILL | {"elastic": 1.5}), torch.Generator().manual_seed(3)))
        )
        moved[-1] -= torch.tensor([x, y])
    for shift in moved:
        assert 0.5 < shift.abs().max() < 2.5  # bicubic interpolation may overshoot its knots
        assert shift.mean(0).abs().max() < 0.15
    together = torch.corrcoef(torch.stack([moved[0][:, 0], moved[1][:, 0]]))[0, 1]
    assert together.abs() < 0.3


def test_copies_of_a_whole_split_are_bytes_and_each_digit_has_its_own_map(random):
    images = synthetic.synthetic_digits(600, random).images
    copy = augmentation.augment(images, AugmentationRanges(elastic=1.0), torch.Generator().manual_seed(5))
    assert (copy.dtype, copy.shape) == (torch.uint8, images.shape)
    assert torch.equal(
        copy, augmentation.augment(images, AugmentationRanges(elastic=1.0), torch.Generator().manual_seed(5))
    )
    assert not torch.equal(
        copy, augmentation.augment(images, AugmentationRanges(elastic=1.0), torch.Generator().manual_seed(6))
    )
    alike = augmentation.augment(images[:1].expand(600, -1, -1, -1), AugmentationRanges(), random)
    assert len(alike.flatten(1).unique(dim=0)) > 590


def test_a_warp_of_no_reach_leaves_bytes_as_they_are(random):
    images = synthetic.synthetic_digits(5, random).images
    assert torch.equal(augmentation.augment(images, AugmentationRanges().scaled(0, elastic=0), random), images)
