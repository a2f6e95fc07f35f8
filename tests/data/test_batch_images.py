"""`digits.data.batch_images`: operations that treat each image of a batch with parameters of its own."""

import cv2
import pytest
import torch

from digits.data.batch_images import BLUR_RADIUS, gaussian_blur, normalize_peak, smooth_noise
from digits.data.random_batch import RandomBatch


def test_each_image_is_blurred_with_its_own_sigma_as_by_opencv(generator):
    images = torch.rand(3, 1, 20, 30, generator=generator)
    sigmas = torch.tensor([0.5, 1.0, 1.9])
    side = 2 * BLUR_RADIUS + 1
    for image, blurred, sigma in zip(images, gaussian_blur(images, sigmas), sigmas.tolist(), strict=True):
        expected = cv2.GaussianBlur(image[0].numpy(), (side, side), sigma, borderType=cv2.BORDER_CONSTANT)
        torch.testing.assert_close(blurred[0], torch.from_numpy(expected), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("peak", [0.1, 0.5, 2.0])
def test_brightest_pixel_of_each_image_becomes_1(peak):
    images = torch.zeros(2, 1, 4, 4)
    images[0, 0, 1, 2], images[0, 0, 2, 2], images[1, 0, 0, 0] = peak, peak / 2, 1
    normalized = normalize_peak(images)
    assert normalized.amax((1, 2, 3)).tolist() == [1, 1]
    assert normalized[0, 0, 2, 2] == 0.5


def test_empty_image_stays_dark():
    assert normalize_peak(torch.full((1, 1, 4, 4), 0.001)).max() < 0.05


def test_smooth_noise_varies_less_from_pixel_to_pixel_the_larger_its_cells(generator):
    images = torch.zeros(8, 1, 60, 90)
    fine, coarse = (smooth_noise(images, cell, RandomBatch(8, generator)) for cell in (3, 15))
    for noise in (fine, coarse):
        assert noise.shape == images.shape
        assert 0.4 < noise.std() < 1.2
    assert coarse.diff(dim=3).abs().mean() < 0.5 * fine.diff(dim=3).abs().mean()
