"""Quick stand-ins for numpy's statistics: the same to the bit."""

import numpy as np
import pytest

from digits.recognition import arrays

RANDOM = np.random.default_rng(1)


def samples() -> list[np.ndarray]:
    """Of 1 to 60 numbers, all apart or many alike."""
    apart = [RANDOM.random(n).astype(np.float32) for n in range(1, 61)]
    return apart + [np.round(numbers * 8) / np.float32(255) for numbers in apart]


def test_the_median_is_numpys():
    for numbers in samples():
        assert arrays.median(numbers) == np.median(numbers)
        assert arrays.median(numbers).dtype == np.float32
        columns = RANDOM.permuted(np.stack([numbers, 2 * numbers, -numbers], 1), axis=0)
        assert (arrays.median(columns) == np.median(columns, axis=0)).all()


@pytest.mark.parametrize("share", [0.0, 0.4, 0.98, 1.0])
def test_the_quantile_is_numpys(share):
    for numbers in samples():
        found, expected = arrays.quantile(numbers, share), np.quantile(numbers, share)
        assert (found, found.dtype) == (expected, expected.dtype)
    square = RANDOM.random((9, 9)).astype(np.float32)
    assert arrays.quantile(square[::2], share) == np.quantile(square[::2], share)


def test_medians_leave_what_they_are_given_as_it_is():
    numbers = np.array([3, 1, 2, 0], np.float32)
    arrays.median(numbers), arrays.quantile(numbers, 0.5)
    assert numbers.tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(("shape", "count"), [((28, 28), 28 * 28 - 24 * 24), ((1, 9), 9), ((2, 5), 10), ((3, 3), 8)])
def test_the_border_is_a_ring(shape, count):
    picture = np.zeros(shape, np.uint8)
    picture.ravel()[arrays.border_indices(*shape)] = 1
    assert picture.sum() == count
    assert picture[0].all()
    assert picture[:, -1].all()


def test_a_kernel_is_all_ones():
    assert (arrays.rectangle_kernel(3, 5) == np.ones((3, 5), np.uint8)).all()
    assert arrays.rectangle_kernel(3, 5).shape == (3, 5)


def test_the_largest_and_a_margin_are_numpys():
    for kind in (np.float32, np.float64, np.uint8):
        square = (100 * RANDOM.random((9, 12))).astype(kind)
        for part in (square, square[2:5, 3:7], square.T):
            assert (arrays.max_value(part), arrays.max_value(part).dtype) == (part.max(), part.dtype)
            assert (arrays.pad(part, 3) == np.pad(part, 3)).all()
