"""`digits.data.glyph_bank`: digits by stroke width, marks and other characters, each with its symbol."""

import numpy as np
import pytest
import torch

from digits.data import glyph_bank, synthetic
from digits.data.glyph_bank import GlyphBank, draw_marks, make_glyph_bank, stroke_widths
from digits.recognition import arrays
from digits.recognition.line_symbols import MARKS, OTHER, SYMBOLS

MARK_COUNT = 9


@pytest.fixture(autouse=True)
def _few_marks(monkeypatch):
    monkeypatch.setattr(glyph_bank, "MARK_COUNT", MARK_COUNT)


@pytest.fixture
def digits(generator):
    return synthetic.synthetic_digits(40, generator)


@pytest.fixture
def bank(digits) -> GlyphBank:
    return make_glyph_bank(digits, 3, 1, disable_progress=True)


def ink_box(image: torch.Tensor) -> tuple[int, int, int, int]:
    """The left, top, right and bottom of what is drawn in `image` (28, 28), the last two not included."""
    rows, columns = ((image > 80).any(axis).nonzero()[:, 0] for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def marks_of(mark: str) -> torch.Tensor:
    marks = draw_marks(torch.Generator().manual_seed(2))
    return marks.images[marks.labels == SYMBOLS.index(mark), 0]


def test_stroke_widths_are_those_of_the_recognizer(digits):
    images = digits.images[:, 0]
    expected = [arrays.stroke_width(np.pad(image, 1)) for image in images.float().numpy()]
    torch.testing.assert_close(stroke_widths(images), torch.tensor(expected), atol=1e-3, rtol=1e-3)


def test_digits_come_first_and_are_sorted_by_stroke_width(bank, digits):
    assert bank.digit_count == len(digits)
    widths = stroke_widths(bank.images[:40])
    assert (widths.diff() >= 0).all()
    before = {(image.numpy().tobytes(), int(label)) for image, label in zip(digits.images, digits.labels, strict=True)}
    after = {(i.numpy().tobytes(), int(s)) for i, s in zip(bank.images[:40], bank.symbols[:40], strict=True)}
    assert after == before  # each with its own label


def test_marks_follow_and_then_other_characters_with_their_symbols(bank):
    assert (bank.mark_count, bank.other_count) == (len(MARKS) * MARK_COUNT, 3)
    assert bank.images.shape == (40 + bank.mark_count + 3, 28, 28)
    symbols = bank.symbols[40:].tolist()
    assert symbols[-3:] == [SYMBOLS.index(OTHER)] * 3
    for mark in MARKS:
        assert symbols.count(SYMBOLS.index(mark)) == MARK_COUNT
    assert (bank.images.flatten(1).amax(1) > 80).all()  # none is empty


def test_bank_without_other_characters_has_digits_and_marks_only(digits):
    bank = make_glyph_bank(digits, 0, 1, disable_progress=True)
    assert bank.other_count == 0
    assert len(bank.images) == len(bank.symbols) == bank.digit_count + bank.mark_count


def test_same_seed_gives_the_same_glyphs(bank, digits):
    again, other = (make_glyph_bank(digits, 3, seed, disable_progress=True) for seed in (1, 2))
    assert torch.equal(bank.images, again.images)
    assert not torch.equal(bank.images, other.images)


@pytest.mark.parametrize(("mark", "place"), [(".", "foot"), (",", "foot"), ("-", "middle"), ("+", "middle")])
def test_marks_stand_at_their_height(mark, place):
    lowest, highest = {"foot": (19, 28), "middle": (10, 18)}[place]
    for image in marks_of(mark):
        _, top, _, bottom = ink_box(image)
        assert lowest <= (top + bottom) / 2 <= highest


def test_marks_have_their_shape():
    for image in marks_of("-"):
        left, top, right, bottom = ink_box(image)
        assert right - left > bottom - top
    for image in marks_of("/"):
        left, top, right, bottom = ink_box(image)
        assert bottom - top > 14
        upper, lower = (float(columns.float().mean()) for columns in _ink_columns(image, top, bottom))
        assert upper > lower  # it leans to the right
    for image in marks_of(":"):
        _, top, _, bottom = ink_box(image)
        assert (image[top:bottom] < 80).all(1).any()  # two dots, with an empty row between them
    for image in marks_of("."):
        left, top, right, bottom = ink_box(image)
        assert max(right - left, bottom - top) <= 8


def _ink_columns(image: torch.Tensor, top: int, bottom: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The columns of the ink in the first and in the last three rows of a box."""
    upper, lower = image[top : top + 3], image[bottom - 3 : bottom]
    return (upper > 80).nonzero()[:, 1], (lower > 80).nonzero()[:, 1]
