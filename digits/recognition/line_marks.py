"""Marks between and beside the digits of a text line: the point of 3.14, a minus, a letter."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from digits.recognition.components import Component
from digits.recognition.foreground import FOREGROUND_THRESHOLD
from digits.recognition.geometry import Box, enclosing_box
from digits.recognition.line_reader import AlignedSymbol, boundaries_between
from digits.recognition.line_symbols import DIGITS, OTHER, SYMBOLS


class ForegroundMark(NamedTuple):
    """A mark, or another character, between or beside the digits.

    symbol: one of `line_symbols.MARKS`; None for another character.
    box: in pixels of the foreground.
    position: the number of digits of the line to the left of it.
    """

    symbol: str | None
    box: Box
    position: int


def find_marks(
    symbols: Sequence[AlignedSymbol], line: Sequence[Component], intensity: np.ndarray
) -> tuple[ForegroundMark, ...]:
    """List the marks and other characters of a line, with the boxes of their strokes in pixels of `intensity`."""
    if all(symbol.index < len(DIGITS) for symbol in symbols):
        return ()
    box = enclosing_box([component.box for component in line])
    cuts = boundaries_between(symbols)
    marks, position = [], 0
    for symbol, left, right in zip(symbols, [box.left, *cuts], [*cuts, box.right], strict=True):
        if symbol.index < len(DIGITS):
            position += 1
        else:
            name = SYMBOLS[symbol.index]
            own = [component.box for component in line if _is_between(component.box, left, right)]
            mark_box = enclosing_box(own) if own else _stroke_box(intensity, box, left, right)
            marks.append(ForegroundMark(None if name == OTHER else name, mark_box, position))
    return tuple(marks)


def _is_between(box: Box, left: float, right: float) -> bool:
    """Whether most of a box lies between two columns."""
    return min(box.right, right) - max(box.left, left) > 0.5 * box.width


def _stroke_box(intensity: np.ndarray, box: Box, left: float, right: float) -> Box:
    """Return the box of the strokes of a line in `box` between two columns; the whole region where there are none."""
    start = min(max(round(left), box.left), box.right - 1)
    region = Box(start, box.top, max(start + 1, min(round(right), box.right)), box.bottom)
    strokes = intensity[region.slices] > FOREGROUND_THRESHOLD
    return _box_of(strokes).shift(region.left, region.top) if strokes.any() else region


def _box_of(mask: np.ndarray) -> Box:
    """Return the box of the true pixels of `mask` (H, W) bool."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
