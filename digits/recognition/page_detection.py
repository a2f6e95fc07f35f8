"""The sheet of paper in a photo that also shows what it lies on.

A sheet is a wide region without edges, four-cornered, with something written in it: around the writing the
region has holes. Where the sheet ends the light changes within a pixel or two, where a shadow falls it changes
slowly.
"""

import cv2
import numpy as np

from digits.recognition.arrays import downscale

DETECTION_SIDE = 160  # pixels of the longer side, on which it is looked for
MAX_GRADIENT = (
    16  # of 255, by which colors in 3x3 pixels differ inside a sheet at most: light falling off, paper's grain
)
MIN_AREA = 0.1  # of the picture: a smaller region is no sheet
MAX_AREA = 0.95  # of the picture: a larger one has no table beside it
MIN_RECTANGULARITY = 0.88  # of the rectangle around it, turned as it is: a round region is pi / 4 of it
MIN_HOLE_AREA = 1e-3  # of the sheet, in holes: less is a speck
EDGE_WIDTH = 3  # pixels of DETECTION_SIDE taken off all around: the sheet's edge is soft


def find_page(colors: np.ndarray) -> tuple[int, int, np.ndarray] | None:
    """The sheet in a picture (H, W, C) uint8: its top and left, and the part of the picture with it, (h, w, C) uint8.

    What is not the sheet in that part is like paper. None where no sheet is seen.
    """
    small = cv2.medianBlur(downscale(colors, DETECTION_SIDE), 3)
    small = small.reshape(*small.shape[:2], -1)
    whole = _largest_page(small)
    if whole is None:
        return None
    whole = cv2.erode(
        whole, np.ones((2 * EDGE_WIDTH + 1, 2 * EDGE_WIDTH + 1), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    rows, columns = whole.any(1).nonzero()[0], whole.any(0).nonzero()[0]
    if not len(rows):
        return None
    place = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    down, across = colors.shape[0] / small.shape[0], colors.shape[1] / small.shape[1]
    top, bottom = round(rows[0] * down), round((rows[-1] + 1) * down)
    left, right = round(columns[0] * across), round((columns[-1] + 1) * across)
    size = (right - left, bottom - top)
    paper = cv2.resize(_extrapolate_background(small[place], whole[place]), size).reshape(*size[::-1], -1)
    inside = cv2.resize(whole[place], size, interpolation=cv2.INTER_NEAREST) > 0
    return top, left, np.where(inside[..., None], colors[top:bottom, left:right], paper)


def _largest_page(small: np.ndarray) -> np.ndarray | None:
    """The largest sheet in `small` (H, W, C) uint8, with what is written on it: (H, W) uint8, 1 there."""
    steps = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).reshape(small.shape).max(2)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((steps <= MAX_GRADIENT).astype(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    for number in np.argsort(-areas, kind="stable").tolist():
        if number and areas[number] > MIN_AREA * labels.size:  # 0 is where the steps are
            whole = _fill_holes((labels == number).astype(np.uint8))
            if whole is not None:
                return whole
    return None


def _fill_holes(region: np.ndarray) -> np.ndarray | None:
    """A `region` (H, W) uint8 without its holes, if it is four-cornered and has something written in it."""
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))  # writing may reach the edge
    whole = cv2.drawContours(np.zeros_like(region), [hull], -1, 1, cv2.FILLED)
    _, (wide, tall), _ = cv2.minAreaRect(hull)
    written = (whole & (1 - region)).sum()
    if (
        whole.sum() < MIN_RECTANGULARITY * (wide + 1) * (tall + 1)
        or whole.mean() > MAX_AREA
        or written < MIN_HOLE_AREA * whole.sum()
    ):
        return None
    return whole if region.sum() > 0.5 * whole.sum() else None


def _extrapolate_background(colors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """`colors` (H, W, C) uint8 where they are `known` (H, W), smoothed and carried on to where they are not."""
    known = known.astype(np.float32)[..., None]
    reach = 0.15 * max(colors.shape[:2])
    weights = cv2.GaussianBlur(known, (0, 0), reach)[..., None]
    sums = cv2.GaussianBlur(colors * known, (0, 0), reach).reshape(colors.shape)
    return (sums / (weights + 1e-6)).round().astype(np.uint8)
