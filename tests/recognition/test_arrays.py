"""`digits.recognition.arrays`: the statistics equal numpy's to the bit; sizes and stroke widths are measured right."""

import numpy as np
import pytest

from digits.recognition import arrays
from digits.recognition.geometry import Box

RANDOM = np.random.default_rng(1)


def samples() -> list[np.ndarray]:
    """Return float32 arrays of 1 to 60 numbers, distinct ones and ones with many equal values."""
    distinct = [RANDOM.random(n).astype(np.float32) for n in range(1, 61)]
    return distinct + [np.round(numbers * 8) / np.float32(255) for numbers in distinct]


def test_median_equals_numpy():
    for numbers in samples():
        assert arrays.median(numbers) == np.median(numbers)
        assert arrays.median(numbers).dtype == np.float32
        columns = RANDOM.permuted(np.stack([numbers, 2 * numbers, -numbers], 1), axis=0)
        assert (arrays.median(columns) == np.median(columns, axis=0)).all()


@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.98, 1.0])
def test_quantile_equals_numpy(fraction):
    for numbers in samples():
        actual, expected = arrays.quantile(numbers, fraction), np.quantile(numbers, fraction)
        assert (actual, actual.dtype) == (expected, expected.dtype)
    square = RANDOM.random((9, 9)).astype(np.float32)
    assert arrays.quantile(square[::2], fraction) == np.quantile(square[::2], fraction)


def test_median_and_quantile_do_not_modify_their_input():
    numbers = np.array([3, 1, 2, 0], np.float32)
    arrays.median(numbers), arrays.quantile(numbers, 0.5)
    assert numbers.tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(("shape", "count"), [((28, 28), 28 * 28 - 24 * 24), ((1, 9), 9), ((2, 5), 10), ((3, 3), 8)])
def test_border_indices_form_a_ring(shape, count):
    picture = np.zeros(shape, np.uint8)
    picture.ravel()[arrays.border_indices(*shape)] = 1
    assert picture.sum() == count
    assert picture[0].all()
    assert picture[:, -1].all()


def test_rectangle_kernel_is_all_ones():
    assert (arrays.rectangle_kernel(3, 5) == np.ones((3, 5), np.uint8)).all()
    assert arrays.rectangle_kernel(3, 5).shape == (3, 5)


def test_max_value_and_pad_equal_numpy():
    for dtype in (np.float32, np.float64, np.uint8):
        square = (100 * RANDOM.random((9, 12))).astype(dtype)
        for view in (square, square[2:5, 3:7], square.T):
            assert (arrays.max_value(view), arrays.max_value(view).dtype) == (view.max(), view.dtype)
            assert (arrays.pad(view, 3) == np.pad(view, 3)).all()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((50, 100), (50, 100)), ((100, 400, 3), (50, 200, 3)), ((4_000, 400), (320, 32)), ((20, 4_000), (20, 4_000))],
)
def test_downscale_keeps_small_pictures_and_the_width_of_strips(shape, expected):
    assert arrays.downscale(np.zeros(shape, np.uint8), 200).shape == expected


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_block_average_equals_the_mean_of_each_block(factor):
    values = RANDOM.random((5 * factor + 1, 4 * factor)).astype(np.float32)
    averages = arrays.block_average(values, factor)
    whole_blocks = values[:-1].reshape(5, factor, 4, factor)
    assert averages.shape == (6, 4)
    assert averages[:5] == pytest.approx(whole_blocks.mean((1, 3)))
    assert averages[5] == pytest.approx(values[-1].reshape(4, factor).mean(1))  # only the pixels that exist


@pytest.mark.parametrize("width", [3, 8, 15])
@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90])
def test_stroke_widths_of_a_bar_are_twice_its_area_over_its_perimeter(width, angle):
    y, x = np.mgrid[-150:151, -150:151]
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    outside = np.maximum(np.abs(y * cosine - x * sine) - width / 2, np.abs(x * cosine + y * sine) - 120)
    intensity = (0.5 - outside).clip(0, 1).astype(np.float32)  # a bar of 240 x width pixels with soft edges
    expected = 240 * width / (240 + width)
    assert arrays.stroke_width(intensity) == pytest.approx(expected, rel=0.2)  # diagonal edges count for longer
    assert arrays.stroke_width(intensity / 3) == pytest.approx(arrays.stroke_width(intensity))
    assert arrays.mask_stroke_width((intensity > 0.5).view(np.uint8)) == pytest.approx(expected, rel=0.2)


def test_stroke_widths_of_an_empty_picture_are_zero():
    assert arrays.stroke_width(np.zeros((9, 9), np.float32)) == 0
    assert arrays.mask_stroke_width(np.zeros((9, 9), np.uint8)) == 0


@pytest.mark.parametrize("box", [(2, 1, 5, 4), (-3, -2, 4, 3), (4, 3, 9, 8), (-1, -1, 8, 7)])
def test_crop_is_padded_with_zeros_beyond_the_array(box):
    values = np.arange(1, 43, dtype=np.float32).reshape(6, 7)
    left, top, right, bottom = box
    expected = np.pad(values, 9)[top + 9 : bottom + 9, left + 9 : right + 9]
    assert (arrays.crop_padded(values, Box(*box)) == expected).all()


def test_robust_sigma_is_that_of_normal_noise_with_outliers():
    noise = np.random.default_rng(1).normal(0, 3, 10_000)
    noise[:300] = 100
    assert arrays.robust_sigma(np.abs(noise)) == pytest.approx(3, rel=0.05)
