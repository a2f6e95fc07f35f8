"""Foreground hypotheses: the ways in which the writing of a picture may be extracted, the most probable first."""

from collections.abc import Iterator

import numpy as np

from digits.recognition.cell_frames import find_cell_interior
from digits.recognition.foreground import (
    MIN_PAGE_SIDE,
    Foreground,
    extract_foreground,
    extract_with_local_background,
    is_mostly_pale,
    threshold_strong,
)
from digits.recognition.page_detection import find_page


def foreground_hypotheses(array: np.ndarray) -> Iterator[Foreground | None]:
    """Extract possible foregrounds of a picture (H, W, C) uint8, the most probable first.

    Of a cell of a form, only the interior is searched.
    In order: the whole foreground, unless it is mostly pale; its strong intensities only; the foreground of a page in
    the picture; the foreground relative to a local background.
    """
    shape, interior = array.shape[:2], find_cell_interior(array)
    for foreground in _hypotheses_of_interior(array[interior.slices]):
        yield foreground and foreground.pad_to(shape, interior.top, interior.left)


def _hypotheses_of_interior(array: np.ndarray) -> Iterator[Foreground | None]:
    """Extract possible foregrounds as `foreground_hypotheses` does, from a picture (H, W, C) without frame lines."""
    first = extract_foreground(array)
    if first is None and (array == array[0, 0]).all():  # a blank page that was drawn: the rest takes half a second
        yield None
        return
    if not first or not is_mostly_pale(first):
        yield first
    if first:
        yield threshold_strong(first)
    if min(array.shape[:2]) >= MIN_PAGE_SIDE:
        if page := find_page(array):
            inner = extract_foreground(page.colors)
            yield inner and inner.pad_to(array.shape[:2], page.top, page.left)
        yield extract_with_local_background(array)
