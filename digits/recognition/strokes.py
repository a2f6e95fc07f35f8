"""Strokes as data: rasterizes a drawing so that each stroke of the pen is a component of its own.

A picture of a drawing has lost two things. A pen of fixed width hides the shape of small digits, so the strokes are
drawn with a pen that suits their height. Strokes that cross are one connected component, so each keeps its own pixels:
`segmentation` then groups strokes into digits, and overlapping digits are separated without cuts.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from digits.recognition.components import MAX_COMPONENT_SIDE, MAX_COMPONENTS, Component, merge
from digits.recognition.foreground import Foreground
from digits.recognition.geometry import IDENTITY, AxisTransform, Box
from digits.recognition.results import TextLine, Trace
from digits.recognition.text_lines import MIN_DIGIT_HEIGHT, MIN_VERTICAL_OVERLAP, order_in_lines

# Pen width over the height of a line's digits. MNIST's strokes are 2 to 4 pixels wide in digits of 20. With a ninth or
# a seventh, and with a pen for each digit instead of each line, the readings of 640 drawings (bench/drawings.py) did
# not differ by more than chance.
PEN_WIDTH = 1 / 8
LINE_HEIGHT = 100  # pixels of the tallest line: five times a normalized digit, which gets soft edges when downscaled
# Of the geometric mean of the paper's sides: a lower line is drawn with the pen of this height, so that the trace of a
# click does not become a 1 but remains a blot.
MIN_LINE_HEIGHT = 0.03
MIN_EXTENT = 1e-6  # units: the least height of a line, where the paper is not known
MAX_LINE_ASPECT = 100  # width over height: dots alone have no height, and no line has as many digits
MAX_ASPECT = 4  # width over height: a wider stroke is a dash, or digits written without lifting the pen
MAX_PIXELS = 4_000_000  # of the foreground, and of all components, which may overlap: as in the largest pictures
MIN_STACKED_OVERLAP = 0.5  # of the narrower stroke's width: with more in common, one stands above the other
FRACTION_BITS = 4  # of the coordinates that cv2 draws: sixteenths of a pixel


@dataclass(frozen=True)
class Drawing:
    """Strokes on paper.

    strokes: each (P, 2) float, its points (x, y), y downwards, finite, in any unit.
    width, height: of the paper, whose upper left corner is (0, 0); None if unknown.
    """

    strokes: Sequence[np.ndarray]
    width: float | None = None
    height: float | None = None


class RasterizedDrawing(NamedTuple):
    """The foreground of a drawing, its text lines, whose components are strokes, and the transform to the paper.

    text_lines: as `text_lines.find_text_lines` returns them: empty for a blank drawing, None for a crowded one.
    """

    foreground: Foreground | None
    text_lines: list[list[Component]] | None
    to_paper: AxisTransform


def rasterize(drawing: Drawing) -> RasterizedDrawing:
    """Rasterize a drawing; it is blank only without strokes, as even a dot has the width of the pen."""
    if len(drawing.strokes) > MAX_COMPONENTS:
        return RasterizedDrawing(None, None, IDENTITY)
    if not drawing.strokes:
        return RasterizedDrawing(None, [], IDENTITY)
    boxes = np.array([[*stroke.min(0), *stroke.max(0)] for stroke in drawing.strokes])  # (N, 4)
    extent = boxes[:, 2:].max(0) - boxes[:, :2].min(0)
    paper = drawing.width or extent[0], drawing.height or extent[1]
    smallest = max(MIN_LINE_HEIGHT * math.sqrt(paper[0] * paper[1]), extent.max() / MAX_LINE_ASPECT, MIN_EXTENT)
    heights = np.maximum(measure_line_heights(boxes), smallest)
    origin = boxes[:, :2].min(0) - PEN_WIDTH * heights.max()
    scale = _raster_scale(boxes, heights)
    to_paper = AxisTransform(1 / scale, 1 / scale, *origin.tolist())
    components = [
        draw_stroke((stroke - origin) * scale, max(1, round(PEN_WIDTH * height * scale)), index, to_paper)
        for index, (stroke, height) in enumerate(zip(drawing.strokes, heights.tolist(), strict=True))
    ]
    text_lines = order_in_lines(merge_stacked(components))
    return RasterizedDrawing(Foreground(_draw_components(components), 1.0), text_lines, to_paper)


def measure_line_heights(boxes: np.ndarray) -> np.ndarray:
    """Return for each stroke the height of the digits in its line.

    boxes: (N, 4) float: left, top, right, bottom of each stroke.

    Returns: (N,): the height of the tallest stroke that is connected with this one by strokes that overlap
    vertically, but at least MIN_DIGIT_HEIGHT of the tallest of all.
    """
    left, top, right, bottom = boxes.T
    own = bottom - top
    overlaps = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    connected = overlaps >= MIN_VERTICAL_OVERLAP * np.minimum.outer(own, own)
    heights = np.maximum(own, (right - left) / MAX_ASPECT)
    for _ in boxes:
        tallest = np.where(connected, heights, 0).max(1)
        if (tallest == heights).all():
            break
        heights = tallest
    return np.maximum(heights, MIN_DIGIT_HEIGHT * heights.max())


def _raster_scale(boxes: np.ndarray, heights: np.ndarray) -> float:
    """Return the pixels per unit: LINE_HEIGHT for the tallest line, fewer where that exceeds the limits of pixels."""
    pen = PEN_WIDTH * heights.max()
    sides = boxes[:, 2:] - boxes[:, :2] + 3 * pen  # of each stroke: the pen and its rounding
    whole = boxes[:, 2:].max(0) - boxes[:, :2].min(0) + 3 * pen
    pixels = max(whole.prod(), sides.prod(1).sum())
    return float(min(LINE_HEIGHT / heights.max(), MAX_COMPONENT_SIDE / whole.max(), math.sqrt(MAX_PIXELS / pixels)))


def draw_stroke(points: np.ndarray, pen_width: int, index: int, to_paper: AxisTransform = IDENTITY) -> Component:
    """Draw a stroke with a round pen, `pen_width` pixels wide or one more: widths are odd.

    points: (P, 2) in pixels of the raster, at least `pen_width` from its upper and left edge.
    index: of the stroke in its drawing.
    """
    margin = pen_width // 2 + 1
    left, top = (np.floor(points.min(0)).astype(int) - margin).tolist()
    right, bottom = (np.ceil(points.max(0)).astype(int) + margin + 1).tolist()
    mask = np.zeros((bottom - top, right - left), np.uint8)
    points = np.concatenate([points, points[-1:]])  # of a single point cv2 draws nothing, of two equal ones a dot
    fixed_point = np.rint((points - (left, top)) * 2**FRACTION_BITS).astype(np.int32)
    cv2.polylines(mask, [fixed_point], False, 1, max(1, pen_width - 1), shift=FRACTION_BITS)  # cv2 draws 11 as 13
    inked = Box.from_size(*cv2.boundingRect(mask))
    return Component(inked.shift(left, top), mask[inked.slices].view(bool), to_paper, frozenset([index]))


def _draw_components(components: Sequence[Component]) -> np.ndarray:
    """Draw the pixels of all components: (H, W) float32, 0 or 1. Hard edges, as soft ones would belong to several."""
    height = max(component.box.bottom for component in components)
    width = max(component.box.right for component in components)
    intensity = np.zeros((height, width), np.float32)
    for component in components:
        intensity[component.box.slices][component.mask] = 1
    return intensity


def merge_stacked(components: Sequence[Component]) -> list[Component]:
    """Merge strokes that touch one above the other, such as the two circles of an 8: they are no two text lines."""
    merged: list[Component] = []
    for component in sorted(components, key=lambda c: c.box.top):
        upper = next((i for i, other in enumerate(merged) if _stands_on(other.box, component.box)), None)
        if upper is None:
            merged.append(component)
        else:
            merged[upper] = merge([merged[upper], component])
    return merged


def _stands_on(upper: Box, lower: Box) -> bool:
    overlap_y = upper.overlap_y(lower) / min(upper.height, lower.height)
    is_above = 0 <= overlap_y <= MIN_VERTICAL_OVERLAP
    return is_above and upper.overlap_x(lower) >= MIN_STACKED_OVERLAP * min(upper.width, lower.width)


def clip_boxes(trace: Trace, drawing: Drawing) -> Trace:
    """Clip the boxes of a trace's digits and marks to the paper, as far as its size is known: strokes may leave it."""
    width, height = drawing.width, drawing.height

    def clip(box: Box) -> Box:
        left, top, right, bottom = box
        if width is not None:
            left, right = (min(max(x, 0), math.ceil(width)) for x in (left, right))
        if height is not None:
            top, bottom = (min(max(y, 0), math.ceil(height)) for y in (top, bottom))
        return Box(left, top, right, bottom)

    def clip_line(line: TextLine) -> TextLine:
        digits = tuple(dataclasses.replace(digit, box=clip(digit.box)) for digit in line.digits)
        marks = tuple(dataclasses.replace(mark, box=clip(mark.box)) for mark in line.marks)
        return dataclasses.replace(line, digits=digits, marks=marks)

    lines = tuple(map(clip_line, trace.reading.lines))
    return dataclasses.replace(trace, reading=dataclasses.replace(trace.reading, lines=lines))
