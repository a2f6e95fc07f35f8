"""`digits.data.augmentation`: each image is warped on its own, within the ranges, and reproducibly."""

import pytest
import torch

from digits.data import augmentation, synthetic
from digits.data.augmentation import AugmentationRanges

IDENTITY = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0}


def warp(images: torch.Tensor, generator: torch.Generator, **ranges: float) -> torch.Tensor:
    """Warp float images by maps with the given ranges, all others 0."""
    grids = augmentation.sampling_grids(len(images), AugmentationRanges(**IDENTITY | ranges), generator)
    return augmentation.grid_sample(images, grids)


def gaussian_spot(x: float, y: float) -> torch.Tensor:
    """Draw a Gaussian spot around (x, y): (1, 1, 28, 28)."""
    axis = torch.arange(28.0)
    return (-((axis[None] - x) ** 2 + (axis[:, None] - y) ** 2) / 8).exp()[None, None]


def centers_of_mass(images: torch.Tensor) -> torch.Tensor:
    """Centers of mass (B, 2) as x, y in pixels."""
    axis, mass = torch.arange(28.0), images.sum((1, 2, 3))
    return torch.stack([(images.sum((1, 2)) * axis).sum(1), (images.sum((1, 3)) * axis).sum(1)], 1) / mass[:, None]


def test_zero_ranges_leave_images_unchanged(generator):
    images = synthetic.synthetic_digits(20, generator).images.float() / 255
    torch.testing.assert_close(warp(images, generator), images, atol=1e-5, rtol=0)


def test_equal_generators_give_equal_images():
    images = torch.rand(9, 1, 28, 28)
    grids = [augmentation.sampling_grids(9, AugmentationRanges(), torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*(augmentation.grid_sample(images, grid) for grid in grids))


def test_equal_images_become_different_ones(generator):
    images = gaussian_spot(14, 14).expand(50, -1, -1, -1)
    warped = augmentation.grid_sample(images, augmentation.sampling_grids(50, AugmentationRanges(), generator))
    assert len(warped.flatten(1).unique(dim=0)) == 50


def test_shift_moves_by_up_to_its_range_in_all_directions(generator):
    images = gaussian_spot(13.5, 13.5).expand(500, -1, -1, -1)
    shift = centers_of_mass(warp(images, generator, shift=2.0)) - 13.5
    assert shift.abs().max() <= 2.01
    assert (shift.amin(0) < -1.8).all()
    assert (shift.amax(0) > 1.8).all()


@pytest.mark.parametrize(
    ("ranges", "low", "high"),
    [
        ({"rotation": 10.0}, 8 * 0.98, 8.01),  # cos 10° = 0.985
        ({"scale": 0.1}, 8 / 1.1, 8 / 0.9),
    ],
)
def test_rotation_keeps_and_scaling_changes_the_distance_from_the_center(ranges, low, high, generator):
    images = gaussian_spot(13.5, 13.5 + 8).expand(500, -1, -1, -1)
    distance_y = centers_of_mass(warp(images, generator, **ranges))[:, 1] - 13.5
    assert low - 0.05 <= distance_y.min() < distance_y.max() <= high + 0.05


def test_shear_moves_points_horizontally_only(generator):
    images = gaussian_spot(13.5, 13.5 + 8).expand(500, -1, -1, -1)
    shift = centers_of_mass(warp(images, generator, shear=0.15)) - torch.tensor([13.5, 21.5])
    assert shift[:, 0].abs().max() == pytest.approx(8 * 0.15, abs=0.05)
    assert shift[:, 1].abs().max() < 0.02


def test_elastic_distortion_moves_distant_points_independently():
    shifts = []
    for x, y in [(6.0, 6.0), (21.0, 21.0)]:
        images = gaussian_spot(x, y).expand(400, -1, -1, -1)
        warped = warp(images, torch.Generator().manual_seed(3), elastic=1.5)
        shifts.append(centers_of_mass(warped) - torch.tensor([x, y]))
    for shift in shifts:
        assert 0.5 < shift.abs().max() < 2.5  # bicubic interpolation may overshoot its control points
        assert shift.mean(0).abs().max() < 0.15
    correlation = torch.corrcoef(torch.stack([shifts[0][:, 0], shifts[1][:, 0]]))[0, 1]
    assert correlation.abs() < 0.3


def test_larger_images_are_warped_by_the_same_number_of_pixels(generator):
    image = torch.zeros(1, 1, 56, 56)
    image[0, 0, 28, 28] = 1
    grids = augmentation.sampling_grids(200, AugmentationRanges(**IDENTITY | {"shift": 2.0}), generator, size=56)
    images = augmentation.grid_sample(image.expand(200, -1, -1, -1), grids)
    rows = (images.sum((1, 3)) * torch.arange(56.0)).sum(1) / images.sum((1, 2, 3))
    assert 1.8 < (rows - 28).abs().max() <= 2.01


def test_augment_is_reproducible_and_draws_a_map_for_each_image(generator):
    images, ranges = synthetic.synthetic_digits(600, generator).images, AugmentationRanges(elastic=1.0)
    first, again, other = (
        augmentation.augment(images, ranges, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert (first.dtype, first.shape) == (torch.uint8, images.shape)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    views = augmentation.augment(images[:1].expand(600, -1, -1, -1), AugmentationRanges(), generator)
    assert len(views.flatten(1).unique(dim=0)) > 590


def test_augment_with_zero_ranges_returns_the_images(generator):
    images = synthetic.synthetic_digits(5, generator).images
    assert torch.equal(augmentation.augment(images, AugmentationRanges().scaled(0, elastic=0), generator), images)
