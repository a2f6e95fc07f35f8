"""Borders of a picture that are not background: a frame of one color around it, and the table beside a page."""

import numpy as np

from digits.recognition.arrays import median


def frame_width(colors: np.ndarray) -> int:
    """Measure a frame of one color around a picture (H, W, C) uint8, in pixels; 0 if there is none."""
    shorter = min(colors.shape[:2])
    frame, share = _dominant_color(_ring(colors, 0), 16)
    if share < 0.9:
        return 0
    for depth in range(1, round(0.08 * shorter)):
        if np.abs(median(_ring(colors, depth)) - frame).max() > 32:
            inner = depth + 1 + shorter // 500  # the frame's edge may be soft
            _, share = _dominant_color(_ring(colors, inner), 32)
            return inner + 1 if share > 0.6 else 0
    return 0


def remove_table(intensity: np.ndarray, mask: np.ndarray) -> None:
    """Clear, in place, what covers a whole side of `intensity` (H, W): the table that a page lies on.

    mask: (H, W) bool, the foreground pixels.
    """
    for side_mask, side in ((mask, intensity), (mask.T, intensity.T)):
        for rows_mask, rows in ((side_mask, side), (side_mask[::-1], side[::-1])):
            depth, min_coverage = 0, 0.97
            for coverage in rows_mask[: len(rows) // 3].mean(1):
                if coverage < min_coverage:
                    break
                depth, min_coverage = depth + 1, 0.5  # the page's edge may be crooked
            if depth:
                rows[: depth + 2 + len(rows) // 100] = 0


def _ring(colors: np.ndarray, depth: int) -> np.ndarray:
    """Return the pixels of `colors` (H, W, C) that are `depth` pixels from the border: (N, C) int."""
    height, width, channels = colors.shape
    lines = [depth, -1 - depth]
    rows, columns = colors[lines, depth : width - depth], colors[depth : height - depth, lines]
    return np.concatenate([rows.reshape(-1, channels), columns.reshape(-1, channels)]).astype(int)


def _dominant_color(colors: np.ndarray, tolerance: int) -> tuple[np.ndarray, float]:
    """Return the median of `colors` (N, C), and the share of them that differs by less than `tolerance` from it."""
    middle = median(colors)
    return middle, (np.abs(colors - middle).max(1) < tolerance).mean()
