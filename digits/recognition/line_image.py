"""Line images: a text line scaled to the height that the line reader's network expects."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from digits.recognition.arrays import crop_padded, max_value, pad, rectangle_kernel, stroke_width
from digits.recognition.components import Component
from digits.recognition.foreground import FOREGROUND_THRESHOLD
from digits.recognition.geometry import Box, enclosing_box

LINE_HEIGHT = 32  # pixels: the height of a line image
INK_HEIGHT = 28  # pixels of it that the components of the line fill
MARGIN = 6  # pixels of the line image to the left and right of the components
MAX_LINE_WIDTH = 2_048  # pixels: a longer line, of more than about 80 digits, is not read as a whole
MIN_TALL_HEIGHT = 0.5  # of the tallest component's height: lower ones say nothing about the slope of the line
MIN_MARK_SIZE = 0.06  # of the line's height: a smaller component is dust, as decimal points are larger
SOFT_EDGE_WIDTH = 0.05  # of the line's height
MIN_STROKE_WIDTH = 1.6  # pixels of the line image: thinner strokes are thickened, as they would become pale
TARGET_STROKE_WIDTH = 2.2  # pixels of the line image: the width of thickened strokes


class View(NamedTuple):
    """A way to draw a line: its size, relative to the usual one, and a slant in columns per row."""

    zoom: float = 1.0
    slant: float = 0.0


class LineImage(NamedTuple):
    """A text line as the line reader's network sees it.

    pixels: (32, W) float32, from 0 (background) to 1 (the strongest strokes).
    left: the column of the foreground at the left edge of the image.
    scale: pixels of the line image per pixel of the foreground.
    """

    pixels: np.ndarray
    left: float
    scale: float

    def to_foreground_x(self, column: float) -> float:
        """Transform a column of the line image to a column of the foreground."""
        return self.left + column / self.scale

    def to_line_x(self, column: float) -> float:
        """Transform a column of the foreground to a column of the line image."""
        return (column - self.left) * self.scale


def draw_line_images(
    line: Sequence[Component],
    intensity: np.ndarray,
    others: Sequence[Component] = (),
    views: Sequence[View] = (View(),),
) -> list[LineImage]:
    """Draw `views` of a text line in line images of the same width, level where the line slopes.

    line: the components of the line, from left to right.
    intensity: the array (H, W) in which they were found.
    others: components of other lines, which are left out.

    Returns: no image of a line that is too long.
    """
    slope = _slope(line)
    box = enclosing_box([component.box for component in line])
    middle = (box.left + box.right) / 2
    tops, bottoms = zip(*(_vertical_range(component, slope, middle) for component in line), strict=True)
    height = max(bottoms) - min(tops)
    scale = INK_HEIGHT / height
    margin = int(np.ceil(MARGIN / scale)) + 1
    if scale * (box.width + 2 * margin) > MAX_LINE_WIDTH:
        return []
    region = _expand(box, margin, int(np.ceil(0.25 * height)) + 1)
    crop = _without(others, crop_padded(intensity, region).astype(np.float32), region)
    crop = _thicken(_without_specks(crop, height), scale)
    width = round(scale * crop.shape[1])
    width += -width % 4
    center = middle - region.left, (max(bottoms) + min(tops)) / 2 - region.top
    return [_draw_view(crop, view, scale, slope, center, region.left, width) for view in views]


def _draw_view(
    crop: np.ndarray, view: View, scale: float, slope: float, center: tuple[float, float], left: int, width: int
) -> LineImage:
    """Draw one view of `crop` (H, W), whose first column is `left` in the foreground."""
    pixels = _warp(crop, scale * view.zoom, slope, center, width, view.slant)
    return LineImage(pixels, left, scale * view.zoom)


def _slope(line: Sequence[Component]) -> float:
    """Estimate the slope of a line of at least three tall components, in rows per column."""
    tallest = max(component.height for component in line)
    tall = [component.box for component in line if component.height >= MIN_TALL_HEIGHT * tallest]
    if len(tall) < 3:
        return 0.0
    x = np.array([(box.left + box.right) / 2 for box in tall])
    y = np.array([(box.top + box.bottom) / 2 for box in tall])
    x = x - x.mean()
    return float(x @ y / max(1e-6, x @ x))


def _vertical_range(component: Component, slope: float, middle: float) -> tuple[float, float]:
    """Return the top and bottom of a component after the slope of the line is taken out around column `middle`."""
    box = component.box
    shift = slope * ((box.left + box.right) / 2 - middle)
    return box.top - shift, box.bottom - shift


def _expand(box: Box, x: int, y: int) -> Box:
    return Box(box.left - x, box.top - y, box.right + x, box.bottom + y)


def _without(components: Sequence[Component], crop: np.ndarray, region: Box) -> np.ndarray:
    """Remove components, with their soft edges, from the `crop` of a `region`, in place."""
    for component in components:
        box = component.box.expand(2)
        left, top = max(box.left, region.left), max(box.top, region.top)
        right, bottom = min(box.right, region.right), min(box.bottom, region.bottom)
        if left < right and top < bottom:
            mask = cv2.dilate(pad(component.mask.view(np.uint8), 2), rectangle_kernel(5, 5)).view(bool)
            inside = Box(left, top, right, bottom)
            part = mask[inside.shift(-box.left, -box.top).slices]
            crop[inside.shift(-region.left, -region.top).slices][part] = 0
    return crop


def _without_specks(crop: np.ndarray, height: float) -> np.ndarray:
    """Remove noise and dust from `crop` (H, W), but for soft edges and what may be a decimal point.

    height: of the line, in pixels of the crop.
    """
    mask = crop > FOREGROUND_THRESHOLD
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    is_kept = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) >= MIN_MARK_SIZE * height
    is_kept[0] = False  # the background
    kept = is_kept[np.asarray(labels, np.int64)]
    side = 2 * max(1, round(SOFT_EDGE_WIDTH * height)) + 1
    near = cv2.dilate(kept.view(np.uint8), rectangle_kernel(side, side)).view(bool)
    return crop * (kept | (near & ~mask))


def _thicken(crop: np.ndarray, scale: float) -> np.ndarray:
    """Dilate strokes of `crop` (H, W) that would be thin in the line image."""
    strokes = np.where(crop > FOREGROUND_THRESHOLD, crop, 0)
    width = stroke_width(strokes)
    if not 0 < width * scale < MIN_STROKE_WIDTH:
        return crop
    side = max(2, round(TARGET_STROKE_WIDTH / scale - width) + 1)
    return cv2.dilate(crop, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def _warp(
    crop: np.ndarray, scale: float, slope: float, center: tuple[float, float], width: int, slant: float
) -> np.ndarray:
    """Scale `crop` (H, W) to (32, width), level a line of some `slope` and slant it.

    center: column and row of the crop; the row comes to the middle of the result, around which the line is slanted.
    """
    factors = 1.0, 1.0
    if scale < 1:  # area averaging first, as a warp takes samples only
        size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
        factors = size[0] / crop.shape[1], size[1] / crop.shape[0]
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    # From the center of a pixel of the line image to a position in the original crop: x = (u + 0.5) / scale + …
    middle = LINE_HEIGHT / 2 - 0.5
    to_x = np.array([1 / scale, slant / scale, 0.5 / scale - slant * middle / scale])
    to_y = np.array([0, 1 / scale, center[1] - middle / scale]) + slope * (to_x - np.array([0, 0, center[0]]))
    matrix = np.array([to_x * factors[0], to_y * factors[1]]) - np.array([[0, 0, 0.5], [0, 0, 0.5]])
    flags = (cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(crop, matrix, (width, LINE_HEIGHT), flags=flags).clip(0)
    return pixels / max(1e-6, max_value(pixels))
