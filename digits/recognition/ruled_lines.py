"""Ruled and squared paper: finds lines across the whole picture and subtracts them from the writing."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from digits.recognition.arrays import quantile, rectangle_kernel

MIN_RUN_LENGTH = 1 / 12  # of the picture's width: shorter horizontal runs of pixels belong to strokes
MAX_RUN_GAP = 1 / 4  # of the picture's width: where strokes cross a line or noise breaks it, the gaps are smaller
MIN_LINE_LENGTH = 0.97  # of the picture's width
MIN_RUN_COVERAGE = 0.5  # of a line's length: its runs are at least as long in total
MIN_FADING_LENGTH = 0.3  # of the picture's width: the length of a line that fades in the shade
MAX_SIDE_GAP = 0.02  # of the picture's width, between the runs of such a line and a side
MIN_FADING_LINES = 3  # in a picture, each from one of its sides: bars of digits are no such lines
MAX_LINE_THICKNESS = 0.015  # of the picture's shorter side
MAX_THICKNESS_FLOOR = 2  # pixels
# The intensity of a line is a low quantile over its columns, as a digit's bar may lie along it for a while.
LEVEL_QUANTILE = 0.4
LEVEL_MARGIN = 1.15  # factor on the quantile before it is subtracted, as the intensity varies along the line
MAX_LEVEL = 0.8  # of the peak: a stronger line is cleared, as strokes across it are not stronger


@dataclass(frozen=True, eq=False)
class RuledLine:
    """A thin, long horizontal line.

    rows: the h rows that contain the line.
    region: its pixels in these rows, with soft edges and gaps, (h, W) bool.
    core: its pixels in long horizontal runs, (h, W) bool.
    """

    rows: slice
    region: np.ndarray
    core: np.ndarray

    @property
    def columns(self) -> np.ndarray:
        """The columns that the line covers, in ascending order."""
        return np.flatnonzero(self.region.any(0))

    def extend(self) -> "RuledLine":
        """Return this line with a region that runs on straight from its ends to both sides of the picture."""
        columns, region = self.columns, self.region.copy()
        region[:, : columns[0]] = region[:, columns[0], None]
        region[:, columns[-1] + 1 :] = region[:, columns[-1], None]
        return RuledLine(self.rows, region, self.core)

    def shift(self, top: int, left: int, width: int) -> "RuledLine":
        """Return this line of a part of a picture, whose corner is at (top, left), in the picture of some `width`."""
        columns = (0, 0), (left, width - left - self.region.shape[1])
        rows = slice(top + self.rows.start, top + self.rows.stop)
        return RuledLine(rows, np.pad(self.region, columns), np.pad(self.core, columns))


def subtract_ruled_lines(intensity: np.ndarray, mask: np.ndarray, peak: float) -> None:
    """Subtract horizontal and vertical lines from `intensity` (H, W), in place; strokes across them stay.

    mask: the foreground pixels, (H, W) bool.
    peak: the intensity of the strongest strokes.
    """
    mask = mask.astype(np.uint8)
    subtract_lines(intensity, find_ruled_lines(mask), find_ruled_lines(mask.T), peak)


def subtract_lines(
    intensity: np.ndarray, horizontal: Sequence[RuledLine], vertical: Sequence[RuledLine], peak: float
) -> None:
    """Subtract lines from `intensity` (H, W), in place; strokes across them stay.

    vertical: lines whose rows are columns of `intensity`.
    peak: the intensity of the strongest strokes.
    """
    lines = [*((intensity, line) for line in horizontal), *((intensity.T, line) for line in vertical)]
    # Measure all levels before subtracting the first line: lines cross each other.
    levels = [_line_level(oriented[line.rows], line.core) for oriented, line in lines]
    for (oriented, line), level in zip(lines, levels, strict=True):
        band = oriented[line.rows]
        rest = (band[line.region] - level).clip(0) * (peak / (peak - level)) if level < MAX_LEVEL * peak else 0
        band[line.region] = rest
    for (oriented, line), level in zip(lines, levels, strict=True):
        if level >= MAX_LEVEL * peak:
            _bridge_strokes(oriented, line)


def _bridge_strokes(intensity: np.ndarray, line: RuledLine) -> None:
    """Restore the strokes across a line that was cleared in `intensity` (H, W), in place, from both of its sides.

    Strokes above and below the line are connected straight, up to a slant of 45°, as strongly as the weaker of the two.
    Source: Dalitz et al. 2008, "A comparative study of staff removal algorithms", interpolates strokes in this way.
    """
    columns = line.columns
    region, width = line.region[:, columns], len(columns)
    first = line.rows.start + region.argmax(0)
    last = line.rows.stop - 1 - region[::-1].argmax(0)
    thickness = int((last - first).max()) + 1
    edges = np.maximum(first - 1, 0), np.minimum(last + 1, len(intensity) - 1)
    above, below = (np.pad(intensity[rows, columns], thickness) for rows in edges)
    for depth in range(thickness):
        strokes = np.zeros(width, np.float32)
        for slant in range(-thickness, thickness + 1):  # columns from above the line to below it
            start = thickness - round(slant * (depth + 1) / (thickness + 1))
            connected = np.minimum(above[start : start + width], below[start + slant : start + slant + width])
            strokes = np.maximum(strokes, connected)
        rows = np.minimum(first + depth, last)
        intensity[rows, columns] = np.maximum(intensity[rows, columns], strokes)


def find_ruled_lines(mask: np.ndarray) -> list[RuledLine]:
    """Find the horizontal lines of `mask` (H, W) uint8 that are thin and run from side to side.

    In the shade, lines may fade before they reach the other side: several such lines are found as well.
    """
    width = mask.shape[1]
    lines = find_long_lines(mask, MIN_FADING_LENGTH)
    full = [line for line in lines if np.ptp(line.columns) >= MIN_LINE_LENGTH * width - 1]
    fading = [line for line in lines if _reaches_a_side(line)]
    return [line.extend() for line in fading] if len(fading) >= MIN_FADING_LINES else full


def _reaches_a_side(line: RuledLine) -> bool:
    """Whether a line is long enough to fade, and its runs begin at a side: its region may be closed up to there."""
    width = line.core.shape[1]
    columns = np.flatnonzero(line.core.any(0))
    first, last = columns[0], columns[-1]
    is_long = last - first >= MIN_FADING_LENGTH * width
    return bool(is_long and min(first, width - 1 - last) < max(2, MAX_SIDE_GAP * width))


def find_long_lines(mask: np.ndarray, min_length: float, max_thickness: float = MAX_LINE_THICKNESS) -> list[RuledLine]:
    """Find the thin horizontal lines of `mask` (H, W) uint8.

    min_length: relative to the width.
    max_thickness: relative to the shorter side; at least MAX_THICKNESS_FLOOR pixels are allowed.
    """
    height, width = mask.shape
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, rectangle_kernel(1, max(9, int(MIN_RUN_LENGTH * width))))
    if runs.sum() < MIN_RUN_COVERAGE * min_length * width:
        return []
    max_pixels = max(MAX_THICKNESS_FLOOR, max_thickness * min(height, width))
    # Bold strokes have long runs as well.
    bold = cv2.morphologyEx(runs, cv2.MORPH_OPEN, rectangle_kernel(2 * int(max_pixels) + 1, 1))
    runs = cv2.subtract(runs, bold)
    joined = cv2.dilate(runs, rectangle_kernel(3, 1))
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, rectangle_kernel(1, int(MAX_RUN_GAP * width)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    lines = []
    for label in range(1, count):
        _, top, length, thickness, _ = stats[label].tolist()
        if length < min_length * width:
            continue
        rows = slice(top, top + thickness)
        region = labels[rows] == label
        core = region & (runs[rows] > 0)
        columns = core.any(0).sum()
        if columns >= MIN_RUN_COVERAGE * length and core.sum() <= max_pixels * columns:
            lines.append(RuledLine(rows, region, core))
    return lines


def _line_level(band: np.ndarray, core: np.ndarray) -> float:
    """Measure the intensity to subtract for a line with the mask `core` in its rows `band`, both (h, W)."""
    strongest = np.where(core, band, 0).max(0)
    return LEVEL_MARGIN * float(quantile(strongest[core.any(0)], LEVEL_QUANTILE))
