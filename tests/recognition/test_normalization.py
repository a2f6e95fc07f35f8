"""`digits.recognition.normalization`: a digit's ink becomes the frame that MNIST's makers would have made."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from bench.images import encode_image
from digits.data import synthetic
from digits.recognition import normalization
from tests.helpers.images import normalize_picture


@pytest.fixture(scope="module")
def seven() -> np.ndarray:
    """A handwritten 7 on a sheet of 200 x 200: ink from 0 to 1."""
    return synthetic.rasterize(synthetic.digit_strokes(7, torch.Generator().manual_seed(1)), 200, 16).numpy()


def oracle(ink: np.ndarray) -> np.ndarray:
    """The MNIST frame as its description says it, pixel by pixel, for ink whose box is known: all of `ink`.

    Every pixel of the result is the mean of the ink under it, which is split 40 times each way.
    """
    height, width = ink.shape
    longer = max(height, width)
    rows, columns = max(1, round(20 * height / longer)), max(1, round(20 * width / longer))
    fine = ink.repeat(rows, 0).repeat(columns, 1)  # now each result pixel is `height` x `width` whole cells
    small = fine.reshape(rows, height, columns, width).mean((1, 3))
    small = small / small.max() * 255
    out = np.zeros((28, 28))
    mass = small.sum()
    top = round(14 - (small.sum(1) * np.arange(rows)).sum() / mass)
    left = round(14 - (small.sum(0) * np.arange(columns)).sum() / mass)
    out[top : top + rows, left : left + columns] = small
    return out


@pytest.mark.parametrize("shape", [(40, 40), (60, 25), (33, 80), (100, 100), (20, 20), (20, 13)])
def test_the_frame_is_the_one_that_mnists_description_gives(shape):
    values = np.random.default_rng(shape).uniform(0.92, 1, shape).astype(np.float32)
    values[0, 0] = 1
    assert np.abs(normalization.normalize(values) - oracle(values)).max() <= 1


def test_mnist_images_come_back_as_they_were(real_mnist):
    images = real_mnist["train"].images[:2000, 0].numpy()
    off = [
        np.abs(normalize_picture(encode_image(Image.fromarray(image))).astype(int) - image).max() for image in images
    ]
    # To 255 stretched from 254, a pixel is off by one. What differs more has strokes thinner or paler than
    # nearly all, or a pixel of dust far from it.
    assert np.mean(np.array(off) <= 1) > 0.965


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (lambda i: 255 - i, 0.5),
        (lambda i: np.pad(255 - i, ((30, 2), (5, 60)), constant_values=255), 0.5),
        (lambda i: i.repeat(9, 0).repeat(9, 1), 0.5),
        (lambda i: np.stack([i // 2, i // 3, i // 4], -1) + 20, 2),
        (lambda i: (60 + 0.4 * i).round().astype(np.uint8), 1),
    ],
    ids=["inverted", "padded", "enlarged", "coloured", "pale"],
)
def test_a_changed_mnist_image_comes_back_to_nearly_itself(real_mnist, change, allowed):
    for image in _some(real_mnist):
        again = normalize_picture(encode_image(Image.fromarray(change(image)))).astype(float)
        assert np.abs(again - image).mean() <= allowed


def _some(real_mnist) -> np.ndarray:
    """100 training images that come back as they were."""
    images = real_mnist["train"].images[:110, 0].numpy()
    return np.stack(
        [i for i in images if np.abs(normalize_picture(encode_image(Image.fromarray(i))).astype(int) - i).max() <= 1][
            :100
        ]
    )


def test_a_hairline_gets_a_stroke_as_mnist_has(seven):
    thin = synthetic.rasterize(synthetic.digit_strokes(7, torch.Generator().manual_seed(1)), 400, 1.5).numpy()
    assert normalization.stroke_width(normalization.normalize(thin) / 255) == pytest.approx(
        normalization.TARGET_STROKE_WIDTH, abs=0.4
    )
    assert agreement(normalization.normalize(thin), normalization.normalize(seven)) > 0.7


def test_a_blurred_digit_is_as_dark_along_its_strokes_as_mnists(seven):
    blurred = cv2.GaussianBlur(seven, (0, 0), 12)
    averaged = normalization._area_resample(*normalization._crop(blurred)[:2])
    assert (normalization.normalize(blurred) > 200).sum() > 1.5 * (averaged > 200 / 255).sum()
    assert agreement(normalization.normalize(blurred), normalization.normalize(seven)) > 0.7


def test_a_digit_of_a_few_pixels_is_framed_without_steps(seven):
    small = cv2.resize(seven, (12, 12), interpolation=cv2.INTER_AREA)
    assert agreement(normalization.normalize(small), normalization.normalize(seven)) > 0.8


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """How alike two frames are: their correlation."""
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]
