"""`digits.data.digit_strings`: digits of one writer at the gap that is asked for."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from digits.data import digit_strings
from digits.data.digit_strings import GAPS, GapRange
from digits.data.mnist import ImageDataset

WRITERS = torch.arange(40) // 8  # five people


def bars(widths: list[int]) -> np.ndarray:
    """Digits that are vertical bars of 20 pixels' height: (N, 28, 28) uint8."""
    images = np.zeros((len(widths), 28, 28), np.uint8)
    for image, width in zip(images, widths, strict=True):
        image[4:24, 14 - width // 2 : 14 - width // 2 + width] = 255
    return images


@pytest.fixture
def digits() -> ImageDataset:
    """40 bars; the label is the number of their writer, their width differs within a writer."""
    images = bars([2 + index % 8 for index in range(40)])
    return ImageDataset(torch.from_numpy(images)[:, None], WRITERS)


def draw(digits: ImageDataset, count: int = 30, seed: int = 1) -> list[digit_strings.DigitString]:
    return list(digit_strings.draw_strings(digits, WRITERS, count, 3, GAPS["apart"], 40, seed))


def closest_distance(line: np.ndarray, digit: np.ndarray, gap: int) -> int:
    """The number of columns between the ink of `line` and that of `digit` once appended, where they are closest."""
    result = digit_strings.append(line, digit, gap)
    left = result.shape[1] - digit.shape[1]
    distances = []
    for before, after in zip(line, digit, strict=True):
        if before.any() and after.any():
            distances.append(left + after.nonzero()[0][0] - before.nonzero()[0][-1] - 1)
    return min(distances)


@given(st.integers(0, 2**32), st.integers(-5, 20))
def test_gap_is_that_of_the_closest_row(seed, gap):
    line, digit = np.random.default_rng(seed).integers(0, 2, (2, 12, 9)).astype(np.float32)
    line[0] = digit[0] = 1  # a row that both have
    assert closest_distance(line, digit, gap) == gap


def ink_columns(intensity: np.ndarray) -> np.ndarray:
    return (intensity > digit_strings.INK_THRESHOLD).any(0).nonzero()[0]


@pytest.mark.parametrize("gap", [-0.1, 0, 0.25])
def test_bars_are_as_far_apart_as_asked(gap):
    size, images = 60, bars([8, 4, 6])
    columns = ink_columns(digit_strings.compose(images, [gap, gap], [0, 0, 0], size))
    widths = [len(ink_columns(digit_strings.compose(images[n : n + 1], [], [0], size))) for n in range(3)]
    assert columns[-1] + 1 - columns[0] == sum(widths) + 2 * round(gap * size)
    assert (np.diff(columns) > 1).sum() == (2 if gap > 0 else 0)


@pytest.mark.parametrize("size", [30, 96])
def test_digits_have_the_size_asked_for_and_paper_around_them(size):
    intensity = digit_strings.compose(bars([4, 4]), [0.2], [0, 0], size)
    rows = (intensity > digit_strings.INK_THRESHOLD).any(1).nonzero()[0]
    assert rows[-1] + 1 - rows[0] == pytest.approx(size, abs=2)
    margin = round(digit_strings.MARGIN * size)
    assert rows[0] == intensity.shape[0] - 1 - rows[-1] == margin
    assert intensity.dtype == np.float32
    assert intensity.min() == 0
    assert intensity.max() == pytest.approx(1)


def test_offset_lowers_a_digit():
    level, lowered = (digit_strings.compose(bars([4, 4]), [0.2], [0, offset], 40) for offset in (0, 0.25))
    assert len(lowered) == len(level) + 10


def test_digits_without_a_common_row_stand_behind_each_other():
    line, digit = np.zeros((4, 5), np.float32), np.zeros((4, 3), np.float32)
    line[0], digit[3] = 1, 1
    assert digit_strings.append(line, digit, 2).shape == (4, 10)


def test_string_is_written_by_one_person_with_different_images(digits):
    for string in draw(digits):
        assert string.text in {"000", "111", "222", "333", "444"}
        columns = (string.intensity > digit_strings.INK_THRESHOLD).any(0)
        widths = [sum(run) for is_ink, run in itertools.groupby(columns.tolist()) if is_ink]
        assert len(set(widths)) == 3


def test_writers_of_too_few_digits_are_left_out(digits):
    by_two = torch.cat([torch.zeros(38, dtype=torch.long), torch.ones(2, dtype=torch.long)])
    strings = list(digit_strings.draw_strings(digits, by_two, 20, 38, GAPS["apart"], 10, 1))
    assert all(sorted(string.text) == sorted("".join(map(str, WRITERS[:38].tolist()))) for string in strings)


def test_same_seed_draws_the_same_strings(digits):
    first, again, other = draw(digits), draw(digits), draw(digits, seed=2)
    assert all(np.array_equal(a.intensity, b.intensity) for a, b in zip(first, again, strict=True))
    assert [string.text for string in first] != [string.text for string in other]


def test_named_gaps_do_not_overlap():
    assert [GAPS[name] for name in ("overlapping", "touching", "apart")] == [
        GapRange(-0.12, -0.05),
        GapRange(-0.05, 0.0),
        GapRange(0.05, 0.30),
    ]
