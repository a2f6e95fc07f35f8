"""Page detection: finds the sheet of paper in a photo that also shows the table.

A page is a large region without edges that has four corners and writing in it, which makes holes in the region. At
the edge of a page colors change within a pixel or two; in a shadow they change slowly.
"""

from typing import NamedTuple

import cv2
import numpy as np

from digits.recognition.arrays import downscale, median, rectangle_kernel

DETECTION_SIDE = 160  # pixels of the longer side on which pages are detected
# Of 255: colors in 3x3 pixels differ by no more inside a page, where light falls off and paper has grain.
MAX_GRADIENT = 16
MIN_PAGE_AREA = 0.1  # of the picture: a smaller region is not a page
MAX_PAGE_AREA = 0.95  # of the picture: around a larger page there is no table to remove
MIN_RECTANGULARITY = 0.88  # of the smallest rectangle around the page, of any angle: a disc fills pi / 4
MIN_HOLE_AREA = 1e-3  # of the page: a page with smaller holes has only specks on it
MIN_PAPER_FRACTION = 0.5  # of the page: its paper; the rest is writing
SMOOTHING_SIGMA = 0.15  # of the page's longer side: the paper's color varies slowly
PAGE_EDGE_WIDTH = 3  # pixels, of DETECTION_SIDE, that are cut off all around: the page's edge is soft
RING_WIDTH = 6  # pixels, of DETECTION_SIDE, on both sides of the edge, whose colors are compared
MIN_PAGE_CONTRAST = 20  # of 255, between them: with less it is no page on a table, but a cell of squared paper


class Page(NamedTuple):
    """The box around a page, at (top, left) in the picture.

    colors: the box's pixels, (h, w, C) uint8; those outside of the page have the color of its paper.
    """

    top: int
    left: int
    colors: np.ndarray


def find_page(colors: np.ndarray) -> Page | None:
    """Find a page with writing in a picture (H, W, C) uint8; None if there is none."""
    small = cv2.medianBlur(downscale(colors, DETECTION_SIDE), 3)
    small = small.reshape(*small.shape[:2], -1)
    masks = _largest_page(small)
    if masks is None:
        return None
    page, paper = masks
    edge_kernel = rectangle_kernel(2 * PAGE_EDGE_WIDTH + 1, 2 * PAGE_EDGE_WIDTH + 1)
    page = cv2.erode(page, edge_kernel, borderType=cv2.BORDER_REPLICATE)
    rows, columns = np.flatnonzero(page.any(1)), np.flatnonzero(page.any(0))
    if not len(rows):
        return None
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale_y, scale_x = colors.shape[0] / small.shape[0], colors.shape[1] / small.shape[1]
    top, bottom = round(rows[0] * scale_y), round((rows[-1] + 1) * scale_y)
    left, right = round(columns[0] * scale_x), round((columns[-1] + 1) * scale_x)
    size = (right - left, bottom - top)
    background = cv2.resize(_extrapolate_background(small[box], (page & paper)[box]), size).reshape(*size[::-1], -1)
    mask = cv2.resize(page[box], size, interpolation=cv2.INTER_NEAREST) > 0
    return Page(top, left, np.where(mask[..., None], colors[top:bottom, left:right], background))


def _largest_page(small: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Find the largest page in `small` (H, W, C) uint8.

    Returns: two masks (H, W) uint8 of 0 and 1: the page, and its paper, without the writing.
    """
    gradient = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, rectangle_kernel(3, 3)).reshape(small.shape).max(2)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((gradient <= MAX_GRADIENT).astype(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    for label in np.argsort(-areas, kind="stable").tolist():
        if label and areas[label] > MIN_PAGE_AREA * labels.size:  # label 0 is the edges
            paper = (labels == label).astype(np.uint8)
            page = _fill_page(paper)
            if page is not None and _edge_contrast(small, page) >= MIN_PAGE_CONTRAST:
                return page, paper
    return None


def _edge_contrast(small: np.ndarray, page: np.ndarray) -> float:
    """Measure the difference between the median colors of `small` (H, W, C) inside and outside of the page's edge.

    page: mask (H, W) uint8.

    Returns: the largest over the channels, from 0 to 255; 0 where there is nothing to compare.
    """
    near, far = (rectangle_kernel(2 * r + 1, 2 * r + 1) for r in (PAGE_EDGE_WIDTH, PAGE_EDGE_WIDTH + RING_WIDTH))
    outside = cv2.subtract(cv2.dilate(page, far), cv2.dilate(page, near))
    inside = cv2.subtract(cv2.erode(page, near), cv2.erode(page, far))
    if not outside.any() or not inside.any():  # no table around it, or a page too small to have writing
        return 0.0
    colors = small.astype(np.float32)
    return float(np.abs(median(colors[outside > 0]) - median(colors[inside > 0])).max())


def _fill_page(region: np.ndarray) -> np.ndarray | None:
    """Fill the holes of a `region` (H, W) uint8; None if it is not a page: four corners, with writing in it."""
    contours, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))  # the hull, as writing may reach the edge
    page = cv2.drawContours(np.zeros_like(region), [hull], -1, 1, cv2.FILLED)
    area, hole_area = page.sum(), (page & (1 - region)).sum()
    _, (width, height), _ = cv2.minAreaRect(hull)
    is_rectangular = area >= MIN_RECTANGULARITY * (width + 1) * (height + 1)
    has_writing = MIN_HOLE_AREA * area <= hole_area and region.sum() > MIN_PAPER_FRACTION * area
    return page if is_rectangular and has_writing and page.mean() <= MAX_PAGE_AREA else None


def _extrapolate_background(colors: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Smooth `colors` (H, W, C) uint8 where the mask `paper` (H, W) is 1, and extend them to the other pixels."""
    mask = paper.astype(np.float32)[..., None]
    sigma = SMOOTHING_SIGMA * max(colors.shape[:2])
    weights = cv2.GaussianBlur(mask, (0, 0), sigma)[..., None]
    sums = cv2.GaussianBlur(colors * mask, (0, 0), sigma).reshape(colors.shape)
    return (sums / (weights + 1e-6)).round().astype(np.uint8)
