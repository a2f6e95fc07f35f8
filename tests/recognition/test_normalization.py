"""`digits.recognition.normalization`: a digit becomes the 28×28 image that MNIST's makers would have made."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from bench.sample_images import encode_image
from digits.data import synthetic
from digits.recognition.arrays import stroke_width
from digits.recognition.normalization import (
    TARGET_STROKE_WIDTH,
    _area_resample,
    _crop,
    normalize,
    normalize_with_transform,
)
from tests.helpers.images import normalize_picture


@pytest.fixture(scope="module")
def seven() -> np.ndarray:
    """A handwritten 7, (200, 200) from 0 to 1."""
    return synthetic.rasterize(synthetic.digit_strokes(7, torch.Generator().manual_seed(1)), 200, 16).numpy()


def normalize_exactly(intensity: np.ndarray) -> np.ndarray:
    """Normalize as MNIST's description says, pixel by pixel, for a digit whose box is all of `intensity`: the oracle.

    Every pixel of the result is the mean of the intensity under it: each input pixel is repeated so often that pixels
    of the result cover whole cells.
    """
    height, width = intensity.shape
    longer = max(height, width)
    rows, columns = max(1, round(20 * height / longer)), max(1, round(20 * width / longer))
    fine = intensity.repeat(rows, 0).repeat(columns, 1)  # each pixel of the result is `height` × `width` cells
    small = fine.reshape(rows, height, columns, width).mean((1, 3))
    small = small / small.max() * 255
    out = np.zeros((28, 28))
    mass = small.sum()
    top = round(14 - (small.sum(1) * np.arange(rows)).sum() / mass)
    left = round(14 - (small.sum(0) * np.arange(columns)).sum() / mass)
    out[top : top + rows, left : left + columns] = small
    return out


@pytest.mark.parametrize("shape", [(40, 40), (60, 25), (33, 80), (100, 100), (20, 20), (20, 13)])
def test_normalized_digit_follows_mnists_description(shape):
    values = np.random.default_rng(shape).uniform(0.92, 1, shape).astype(np.float32)
    values[0, 0] = 1
    assert np.abs(normalize(values) - normalize_exactly(values)).max() <= 1


def test_nearly_all_mnist_images_change_by_at_most_1(real_mnist):
    images = real_mnist["train"].images[:2000, 0].numpy()
    errors = [largest_error(image) for image in images]
    # Stretching 254 to 255 changes pixels by one. Images that differ more have strokes thinner or paler than nearly
    # all others, or a speck far from the digit.
    assert np.mean(np.array(errors) <= 1) > 0.965


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (lambda i: 255 - i, 0.5),
        (lambda i: np.pad(255 - i, ((30, 2), (5, 60)), constant_values=255), 0.5),
        (lambda i: i.repeat(9, 0).repeat(9, 1), 0.5),
        (lambda i: np.stack([i // 2, i // 3, i // 4], -1) + 20, 2),
        (lambda i: (60 + 0.4 * i).round().astype(np.uint8), 1),
    ],
    ids=["inverted", "padded", "enlarged", "colored", "pale"],
)
def test_transformed_mnist_images_are_normalized_to_nearly_themselves(real_mnist, change, allowed):
    images = real_mnist["train"].images[:110, 0].numpy()
    for image in [image for image in images if largest_error(image) <= 1][:100]:
        normalized = normalize_picture(encode_image(Image.fromarray(change(image)))).astype(float)
        assert np.abs(normalized - image).mean() <= allowed


def largest_error(image: np.ndarray) -> int:
    """Return the largest difference of a pixel between an MNIST image and what its PNG file is normalized to."""
    return np.abs(normalize_picture(encode_image(Image.fromarray(image))).astype(int) - image).max()


def test_hairlines_are_thickened(seven):
    thin = synthetic.rasterize(synthetic.digit_strokes(7, torch.Generator().manual_seed(1)), 400, 1.5).numpy()
    assert stroke_width(normalize(thin) / 255) == pytest.approx(TARGET_STROKE_WIDTH, abs=0.4)
    assert correlation(normalize(thin), normalize(seven)) > 0.7


def test_hairline_of_a_large_picture_is_not_broken():
    hairline = synthetic.rasterize(synthetic.digit_strokes(7, torch.Generator().manual_seed(1)), 1000, 2).numpy()
    count, _ = cv2.connectedComponents((normalize(hairline) > 128).astype(np.uint8))
    assert count == 2  # the background and one stroke


def test_blurred_digit_is_stretched(seven):
    blurred = cv2.GaussianBlur(seven, (0, 0), 12)
    crop = _crop(blurred)
    averaged = _area_resample(crop.intensity, crop.margin)
    assert (normalize(blurred) > 200).sum() > 1.5 * (averaged > 200 / 255).sum()
    assert correlation(normalize(blurred), normalize(seven)) > 0.7


def test_digit_of_few_pixels_is_enlarged_smoothly(seven):
    small = cv2.resize(seven, (12, 12), interpolation=cv2.INTER_AREA)
    assert correlation(normalize(small), normalize(seven)) > 0.8


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.mark.parametrize("side", [12, 60, 400])
@pytest.mark.parametrize("normalized_width", [0.4, 2.5])
def test_transform_maps_the_digits_box_to_that_of_the_result(side, normalized_width):
    """Small digits are enlarged and hairlines thickened; the transform includes both."""
    generator = torch.Generator().manual_seed(1)
    digit = synthetic.rasterize(synthetic.digit_strokes(0, generator), side, normalized_width * side / 20).numpy()
    rows, columns = (digit > 0.15).any(1).nonzero()[0], (digit > 0.15).any(0).nonzero()[0]
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    normalized = normalize_with_transform(digit)
    assert normalized.transform.apply_to_box(box) == pytest.approx(normalized.box, abs=1.2)
    assert max(normalized.box.width, normalized.box.height) == 20
