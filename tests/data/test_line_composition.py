"""`digits.data.line_composition`: strings of digits at the gaps that are asked for, and what they show."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import model
from digits.data import line_composition, line_degradations
from digits.data.glyph_bank import GlyphBank
from digits.data.line_composition import (
    MIN_ADVANCE,
    PLACED_THRESHOLD,
    STRING_SIZES,
    StringBatch,
    StringSizes,
    batch_size,
    compose_strings,
    place_patches,
)
from digits.data.random_batch import RandomBatch
from digits.recognition.line_image import LINE_HEIGHT
from digits.recognition.line_symbols import DIGITS, SYMBOLS
from digits.training.line_training import greedy_decode
from tests.helpers.line_strings import small_bank

SHORT = StringSizes(2, 5, 160)


@pytest.fixture(scope="module")
def bank() -> GlyphBank:
    return small_bank()


@pytest.fixture(scope="module")
def digits_only() -> GlyphBank:
    bank = small_bank(other_count=0)
    return GlyphBank(bank.images[: bank.digit_count], bank.symbols[: bank.digit_count], bank.digit_count, 0, 0)


@pytest.fixture
def _clean(monkeypatch):
    monkeypatch.setattr(line_degradations, "CLEAN_FRACTION", 1.0)


def compose(bank: GlyphBank, sizes: StringSizes = SHORT, count: int = 20, seed: int = 1) -> StringBatch:
    return compose_strings(bank, sizes, count, torch.Generator(bank.device).manual_seed(seed))


# -- gaps


def closest_gap(before: list[tuple[int, int]], patch: list[tuple[int, int]]) -> int | None:
    """The columns between the ink (row, column) of a line and that of a patch, where rows at most 4 apart are closest.

    None where no rows are so close.
    """
    gaps = [x - other_x - 1 for y, x in patch for other_y, other_x in before if abs(y - other_y) <= 4]
    return min(gaps, default=None)


def ink_points(patch: torch.Tensor, top: int, left: int) -> list[tuple[int, int]]:
    return [(top + y, left + x) for y, x in (patch > PLACED_THRESHOLD).nonzero().tolist()]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(-6, 15))
def test_closest_rows_of_neighbors_are_as_far_apart_as_asked(seed, gap):
    """Against the distances of all pairs of pixels; a digit may follow the one before the last more closely."""
    generator = torch.Generator().manual_seed(seed)
    patches = torch.rand(2, 4, 10, 10, generator=generator) * (torch.rand(2, 4, 10, 10, generator=generator) < 0.3)
    patches[..., 4, 5] = 1  # none is empty
    tops = torch.randint(0, 12, (2, 4), generator=generator)
    lefts, ends = place_patches(patches, tops, torch.full((2, 4), float(gap)))
    for row in range(2):
        before: list[tuple[int, int]] = []
        for k in range(4):
            points = ink_points(patches[row, k], int(tops[row, k]), int(lefts[row, k]))
            if k:
                by_boxes = min(x for _, x in points) - max(x for _, x in before) - 1
                measured = closest_gap(before, points)
                is_held_back = lefts[row, k] - lefts[row, k - 1] == MIN_ADVANCE
                expected = by_boxes if measured is None else measured
                assert expected == gap or (is_held_back and expected > gap)
            before += points
            assert ends[row, k] == max(x for _, x in before)


def test_first_digit_begins_in_column_8_wherever_its_ink_is_in_the_patch():
    patches = torch.zeros(1, 1, 10, 10)
    patches[0, 0, 3:7, 6:8] = 1
    lefts, ends = place_patches(patches, torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1))
    assert (lefts.tolist(), ends.tolist()) == ([[2]], [[9]])


def test_digits_that_would_overlap_completely_advance_nevertheless():
    patches = torch.ones(1, 3, 10, 10)
    lefts, _ = place_patches(patches, torch.zeros(1, 3, dtype=torch.long), torch.full((1, 3), -100.0))
    assert lefts[0].diff().tolist() == [MIN_ADVANCE] * 2


# -- strings


@pytest.mark.parametrize("sizes", STRING_SIZES, ids=lambda sizes: f"{sizes.least}-{sizes.most}")
def test_batch_has_the_shapes_that_its_sizes_say(bank, sizes):
    batch = compose(bank, sizes, count=6)
    assert batch.images.shape == (6, 1, LINE_HEIGHT, sizes.width)
    assert batch.symbols.shape == (6, sizes.most)
    assert 0 <= batch.images.min() <= batch.images.max() <= 1
    assert (batch.images.amax((1, 2, 3)) > 0.9).all()
    assert batch.symbols.min() >= 0
    assert batch.symbols.max() < len(SYMBOLS)
    assert batch.lengths.min() >= 1
    assert batch.lengths.max() <= sizes.most


def test_lengths_take_all_values_between_the_least_and_the_most(digits_only):
    lengths = compose(digits_only, StringSizes(2, 4, 256), count=60).lengths
    assert lengths.unique().tolist() == [2, 3, 4]


@pytest.mark.usefixtures("_clean")
def test_symbols_within_the_lengths_lie_inside_the_image(digits_only, monkeypatch):
    """Digits that do not fit on the canvas are left out, and do not count."""
    layouts = []
    original = line_degradations.degrade

    def remember(canvas, layout, *args):
        layouts.append((canvas.shape[3], layout))
        return original(canvas, layout, *args)

    monkeypatch.setattr(line_degradations, "degrade", remember)
    images, _, lengths = compose(digits_only, StringSizes(8, 12, 120), count=40)
    ((width, layout),) = layouts
    assert lengths.min() < 8  # not all fit
    assert layout.is_used.sum(1).tolist() == lengths.tolist()
    last = layout.ends.gather(1, lengths[:, None] - 1)[:, 0]
    assert (layout.first >= 0).all()
    assert ((last < width - 8) | (lengths == 1)).all()
    assert images[..., -1].max() < 0.2  # strokes end before the right edge


@pytest.mark.usefixtures("_clean")
def test_symbols_are_those_that_the_image_shows(digits_only):
    """Against the line reader that ships; synthetic digits are other ones than it was trained on."""
    reader, right, total = model.load_line_reader(), 0, 0
    for sizes in STRING_SIZES[:3]:
        images, symbols, lengths = compose(digits_only, sizes, count=40, seed=2)
        with torch.inference_mode():
            texts = greedy_decode(reader(images))
        assert all(symbol < len(DIGITS) for row in symbols.tolist() for symbol in row)
        expected = [row[:length] for row, length in zip(symbols.tolist(), lengths, strict=True)]
        right += sum(a == b for a, b in zip(texts, expected, strict=True))
        total += len(texts)
    assert right > 0.7 * total


def test_same_seed_gives_the_same_strings_and_another_seed_others(bank):
    first, again, other = compose(bank, seed=4), compose(bank, seed=4), compose(bank, seed=5)
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.images, other.images)


def test_single_strings_compose_whether_they_are_degraded_or_not(bank):
    """A batch without clean lines, or without others, once raised an error."""
    for seed in range(8):
        assert compose(bank, count=1, seed=seed).images.isfinite().all()


def test_strings_have_marks_and_other_characters_now_and_then(bank):
    symbols = compose(bank, count=200).symbols
    digits, marks = symbols < len(DIGITS), (symbols >= len(DIGITS)) & (symbols < len(SYMBOLS) - 1)
    assert 0.9 < digits.float().mean() < 0.99
    assert 0.01 < marks.float().mean() < 0.06
    assert not marks[:, 0].all()
    assert (symbols == len(SYMBOLS) - 1).any()


def test_digits_of_a_string_have_similar_stroke_widths(digits_only):
    rng = RandomBatch(100, torch.Generator().manual_seed(3))
    indices = line_composition._choose_glyphs(digits_only, 6, rng).float()  # in the order of the widths
    assert indices.std(1).mean() < 0.3 * indices.flatten().std()


def test_number_of_strings_in_a_batch_keeps_the_pixels_about_the_same():
    counts = [batch_size(sizes, 10_000) for sizes in STRING_SIZES]
    for sizes, count in zip(STRING_SIZES, counts, strict=True):
        assert 10_000 <= count * sizes.width < 10_000 + sizes.width
    assert batch_size(STRING_SIZES[-1], 1) == 1
    assert all(a > b for a, b in itertools.pairwise(counts))
