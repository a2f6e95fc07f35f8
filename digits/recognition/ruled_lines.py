"""Ruled and squared paper: finds lines across the whole picture and subtracts them from the writing."""

from dataclasses import dataclass

import cv2
import numpy as np

from digits.recognition.arrays import quantile


@dataclass(frozen=True, eq=False)
class RuledLine:
    """A thin line from side to side: the rows that it crosses, and its pixels in them, two masks (h, W) bool."""

    rows: slice
    region: np.ndarray  # all pixels that the line may cover, its soft edges and gaps included
    core: np.ndarray  # the pixels of `region` that are surely on the line


def subtract_ruled_lines(intensity: np.ndarray, mask: np.ndarray, peak: float) -> None:
    """Subtract horizontal and vertical lines from `intensity` (H, W), in place; darker strokes across them stay.

    mask: (H, W) bool, the foreground pixels. peak: the intensity of the strongest strokes.
    """
    mask = mask.astype(np.uint8)
    bands = [(intensity[line.rows], line) for line in find_ruled_lines(mask)]
    bands += [(intensity.T[line.rows], line) for line in find_ruled_lines(mask.T)]
    # All levels are measured before the first line is subtracted: the lines cross.
    levels = [_line_level(band, line.core) for band, line in bands]
    for (band, line), level in zip(bands, levels, strict=True):
        rest = (band[line.region] - level).clip(0) * (peak / (peak - level)) if level < 0.8 * peak else 0
        band[line.region] = rest


def find_ruled_lines(mask: np.ndarray) -> list[RuledLine]:
    """Find the horizontal lines of `mask` (H, W) uint8 that are thin and run from side to side."""
    height, width = mask.shape
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, max(9, width // 12)), np.uint8))
    if runs.sum() < 0.5 * width:
        return []
    joined = cv2.dilate(runs, np.ones((3, 1), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((1, width // 4), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    lines = []
    for label in range(1, count):
        _, top, run_width, run_height, _ = stats[label].tolist()
        if run_width < 0.97 * width:
            continue
        rows = slice(top, top + run_height)
        region = labels[rows] == label
        core = region & (runs[rows] > 0)
        columns = core.any(0).sum()
        if columns >= 0.5 * width and core.sum() <= max(2, 0.015 * min(height, width)) * columns:
            lines.append(RuledLine(rows, region, core))
    return lines


def _line_level(band: np.ndarray, core: np.ndarray) -> float:
    """Measure the intensity of a line in its rows `band` (h, W).

    A low quantile over the columns, as a digit's bar may lie along the line for a while; 15 % more for its variation.
    """
    strongest = np.where(core, band, 0).max(0)
    return 1.15 * float(quantile(strongest[core.any(0)], 0.4))
