"""Ruled and squared paper: finds lines across the whole picture and subtracts them from the writing."""

from dataclasses import dataclass

import cv2
import numpy as np

from digits.recognition.arrays import quantile, rectangle_kernel

MIN_RUN_LENGTH = 1 / 12  # of the picture's width: shorter horizontal runs of pixels belong to strokes
MAX_RUN_GAP = 1 / 4  # of the picture's width: where strokes cross a line or noise breaks it, the gaps are smaller
MIN_LINE_LENGTH = 0.97  # of the picture's width
MIN_RUN_COVERAGE = 0.5  # of the picture's width: the runs of a line are at least as long in total
MAX_LINE_THICKNESS = 0.015  # of the picture's shorter side, or 2 pixels
# The intensity of a line is a low quantile over its columns, as a digit's bar may lie along it for a while.
LEVEL_QUANTILE = 0.4
LEVEL_MARGIN = 1.15  # factor on the quantile before it is subtracted, as the intensity varies along the line
MAX_LEVEL = 0.8  # of the peak: a stronger line is cleared, as strokes across it cannot be distinguished from it


@dataclass(frozen=True, eq=False)
class RuledLine:
    """A thin horizontal line from side to side of a picture.

    rows: the h rows that contain the line.
    region: its pixels in these rows, with soft edges and gaps, (h, W) bool.
    core: its pixels in long horizontal runs, (h, W) bool.
    """

    rows: slice
    region: np.ndarray
    core: np.ndarray


def subtract_ruled_lines(intensity: np.ndarray, mask: np.ndarray, peak: float) -> None:
    """Subtract horizontal and vertical lines from `intensity` (H, W), in place; stronger strokes across them stay.

    mask: the foreground pixels, (H, W) bool.
    peak: the intensity of the strongest strokes.
    """
    mask = mask.astype(np.uint8)
    bands = [(intensity[line.rows], line) for line in find_ruled_lines(mask)]
    bands += [(intensity.T[line.rows], line) for line in find_ruled_lines(mask.T)]
    # Measure all levels before subtracting the first line: lines cross each other.
    levels = [_line_level(band, line.core) for band, line in bands]
    for (band, line), level in zip(bands, levels, strict=True):
        rest = (band[line.region] - level).clip(0) * (peak / (peak - level)) if level < MAX_LEVEL * peak else 0
        band[line.region] = rest


def find_ruled_lines(mask: np.ndarray) -> list[RuledLine]:
    """Find the horizontal lines of `mask` (H, W) uint8 that are thin and run from side to side."""
    height, width = mask.shape
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, rectangle_kernel(1, max(9, int(MIN_RUN_LENGTH * width))))
    if runs.sum() < MIN_RUN_COVERAGE * width:
        return []
    joined = cv2.dilate(runs, rectangle_kernel(3, 1))
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, rectangle_kernel(1, int(MAX_RUN_GAP * width)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    lines, max_thickness = [], max(2, MAX_LINE_THICKNESS * min(height, width))
    for label in range(1, count):
        _, top, length, thickness, _ = stats[label].tolist()
        if length < MIN_LINE_LENGTH * width:
            continue
        rows = slice(top, top + thickness)
        region = labels[rows] == label
        core = region & (runs[rows] > 0)
        columns = core.any(0).sum()
        if columns >= MIN_RUN_COVERAGE * width and core.sum() <= max_thickness * columns:
            lines.append(RuledLine(rows, region, core))
    return lines


def _line_level(band: np.ndarray, core: np.ndarray) -> float:
    """Measure the intensity to subtract for a line with the mask `core` in its rows `band`, both (h, W)."""
    strongest = np.where(core, band, 0).max(0)
    return LEVEL_MARGIN * float(quantile(strongest[core.any(0)], LEVEL_QUANTILE))
