"""Borders of a picture that are not background: a rim of one color around it, and a table next to the page."""

import numpy as np

from digits.recognition.arrays import median

RIM_TOLERANCE = 16  # of 255: colors of one rim differ by less from their median
MIN_RIM_FRACTION = 0.9  # of the outermost pixels have the rim's color
MAX_RIM_WIDTH = 0.08  # of the picture's shorter side
MIN_RIM_CONTRAST = 32  # of 255, to the median color inside the rim
MIN_INNER_FRACTION = 0.6  # of the pixels next to the rim have one color, as paper has
MIN_TABLE_COVERAGE = 0.97  # of the outermost row or column
MIN_TABLE_EDGE_COVERAGE = 0.5  # of further rows or columns: the page's edge may be crooked
MAX_TABLE_DEPTH = 1 / 3  # of the picture's height or width


def rim_width(colors: np.ndarray) -> int:
    """Measure the rim of one color around a picture (H, W, C) uint8, in pixels; 0 if there is none."""
    shorter = min(colors.shape[:2])
    rim, fraction = _dominant_color(_ring(colors, 0), RIM_TOLERANCE)
    if fraction < MIN_RIM_FRACTION:
        return 0
    for depth in range(1, round(MAX_RIM_WIDTH * shorter)):
        if np.abs(median(_ring(colors, depth)) - rim).max() > MIN_RIM_CONTRAST:
            inner = depth + 1 + shorter // 500  # its edge is soft over more pixels in a large picture
            _, fraction = _dominant_color(_ring(colors, inner), MIN_RIM_CONTRAST)
            return inner + 1 if fraction > MIN_INNER_FRACTION else 0
    return 0


def remove_table(intensity: np.ndarray, mask: np.ndarray) -> None:
    """Clear regions of `intensity` (H, W) that cover a whole side of the picture, in place.

    mask: the foreground pixels, (H, W) bool.
    """
    for side_mask, side in ((mask, intensity), (mask.T, intensity.T)):
        for rows_mask, rows in ((side_mask, side), (side_mask[::-1], side[::-1])):
            depth, min_coverage = 0, MIN_TABLE_COVERAGE
            for coverage in rows_mask[: int(MAX_TABLE_DEPTH * len(rows))].mean(1):
                if coverage < min_coverage:
                    break
                depth, min_coverage = depth + 1, MIN_TABLE_EDGE_COVERAGE
            if depth:
                rows[: depth + 2 + len(rows) // 100] = 0  # its edge is soft over more pixels in a large picture


def _ring(colors: np.ndarray, depth: int) -> np.ndarray:
    """Return the pixels of `colors` (H, W, C) that are `depth` pixels from the border: (N, C) int."""
    height, width, channels = colors.shape
    lines = [depth, -1 - depth]
    rows, columns = colors[lines, depth : width - depth], colors[depth : height - depth, lines]
    return np.concatenate([rows.reshape(-1, channels), columns.reshape(-1, channels)]).astype(int)


def _dominant_color(colors: np.ndarray, tolerance: int) -> tuple[np.ndarray, float]:
    """Return the median of `colors` (N, C), and the fraction of them that differ by less than `tolerance` from it."""
    middle = median(colors)
    return middle, (np.abs(colors - middle).max(1) < tolerance).mean()
