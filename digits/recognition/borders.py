"""Borders of a picture that are not background: a rim of one color around it, and a table next to the page."""

import cv2
import numpy as np

from digits.recognition.arrays import downscale, max_value, median, rectangle_kernel

RIM_TOLERANCE = 16  # of 255: colors of one rim differ by less from their median
MIN_RIM_FRACTION = 0.9  # of the outermost pixels have the rim's color
MAX_RIM_WIDTH = 0.08  # of the picture's shorter side
MIN_RIM_CONTRAST = 32  # of 255, to the median color inside the rim
MIN_INNER_FRACTION = 0.6  # of the pixels next to the rim have one color, as paper has
MIN_TABLE_COVERAGE = 0.97  # of the outermost row or column
MIN_TABLE_EDGE_COVERAGE = 0.5  # of further rows or columns: the page's edge may be crooked
RIM_SIDE = 192  # pixels of the longer side on which the rims of objects are found: shading varies slowly
RIM_KERNEL_SIDE = 7  # pixels of it: the rim of an object and its soft edge are narrower
MIN_RIM_STEP = 0.4  # of the strongest shading: less is the soft edge of a shadow
MAX_PALE_INTENSITY = 0.5  # of the strongest one
MAX_STRONG_FRACTION = 0.2  # of the pixels of a pale component: the others are weaker
MIN_RIM_AREA_FRACTION = 0.7  # of a component's pixels: with fewer at a step, it is writing that crosses the step
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


def remove_object_rims(intensity: np.ndarray, mask: np.ndarray, shading: np.ndarray) -> None:
    """Clear the rims of dark objects such as a finger, of which `shading` is the inside, in place.

    They reach into the picture from outside, or are pale, as the blurred edge of a page is. Writing is neither.

    intensity: (H, W), without the shading.
    mask: the foreground pixels, (H, W) bool.
    shading: (H, W); its steps are where objects end.
    """
    small = downscale(shading, RIM_SIDE)
    step = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, rectangle_kernel(RIM_KERNEL_SIDE, RIM_KERNEL_SIDE))
    is_step = (step > MIN_RIM_STEP * max_value(small)).view(np.uint8)
    near_step = cv2.resize(is_step, mask.shape[::-1], interpolation=cv2.INTER_NEAREST).view(bool)
    count, found = cv2.connectedComponents(mask.view(np.uint8))
    labels = np.asarray(found, np.int64)
    areas = np.bincount(labels.ravel(), minlength=count)
    areas_near_step = np.bincount(labels[near_step], minlength=count)
    is_rim = areas_near_step > MIN_RIM_AREA_FRACTION * areas
    is_rim[0] = False
    at_border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    strong_areas = np.bincount(labels[mask & (intensity > MAX_PALE_INTENSITY * max_value(intensity))], minlength=count)
    is_rim &= (np.bincount(at_border, minlength=count) > 0) | (strong_areas < MAX_STRONG_FRACTION * areas)
    intensity[is_rim[labels]] = 0


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
