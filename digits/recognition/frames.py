"""Frames of forms around a number, with or without lines between its digits: finds them and subtracts them."""

from collections.abc import Sequence

import cv2
import numpy as np

from digits.recognition.geometry import Box
from digits.recognition.ruled_lines import MIN_LINE_LENGTH, RuledLine, find_long_lines, subtract_lines

MIN_FRAME_SIDE = 24  # pixels: in a smaller frame no digit can be read
MAX_FRAME_DENSITY = 0.6  # of its box: more is a blot, not thin lines with writing between them
MAX_LINE_THICKNESS = 0.06  # of the shorter side of its box
MIN_CROSSED_LENGTH = 0.6  # of the component's width or height: strokes that cross the frame enlarge the component
MIN_SIDES = 3  # of a frame: the fourth may be missing
MAX_SIDE_DEPTH = 0.08  # of the box's height or width: lines at its sides are not further inside
MIN_WRITING_HEIGHT = 0.3  # of the box's height: with less between the lines, the frame is a digit: an angular 0 or 8


def remove_frames(intensity: np.ndarray, mask: np.ndarray, peak: float) -> None:
    """Subtract frames with writing in them from `intensity` (H, W), in place.

    mask: the foreground pixels, (H, W) bool.
    peak: the intensity of the strongest strokes.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    sizes = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    may_be_frame = (stats[:, cv2.CC_STAT_AREA] <= MAX_FRAME_DENSITY * sizes.prod(1)) & (sizes.min(1) >= MIN_FRAME_SIDE)
    may_be_frame[0] = False  # the background
    for label in np.flatnonzero(may_be_frame).tolist():
        component = Box.from_size(*stats[label, : cv2.CC_STAT_AREA].tolist())
        box = _frame_box(labels[component.slices] == label).shift(component.left, component.top)
        frame = labels[box.slices] == label
        horizontal, vertical = (_find_lines(pixels, MIN_LINE_LENGTH) for pixels in (frame, frame.T))
        if _count_sides(horizontal, box.height) + _count_sides(vertical, box.width) < MIN_SIDES:
            continue
        rest = intensity.copy()
        subtract_lines(
            rest,
            [line.shift(box.top, box.left, intensity.shape[1]) for line in horizontal],
            [line.shift(box.left, box.top, intensity.shape[0]) for line in vertical],
            peak,
        )
        if _has_writing(mask[box.slices] & (rest[box.slices] > 0)):
            intensity[:] = rest


def _frame_box(component: np.ndarray) -> Box:
    """Return the box in which the long lines of a component (H, W) bool run: strokes may cross a frame."""
    left, right = _line_extent(component)
    top, bottom = _line_extent(component.T)
    return Box(left, top, right, bottom)


def _line_extent(component: np.ndarray) -> tuple[int, int]:
    """Return the columns between which most of the long horizontal lines of a component (H, W) bool run."""
    columns = [line.columns for line in _find_lines(component, MIN_CROSSED_LENGTH)]
    if not columns:
        return 0, component.shape[1]
    starts, ends = sorted(int(c[0]) for c in columns), sorted(int(c[-1]) + 1 for c in columns)
    return starts[len(columns) // 2], ends[(len(columns) - 1) // 2]


def _count_sides(lines: Sequence[RuledLine], height: int) -> int:
    """Count the sides, at the top and the bottom of a box of some `height`, at which there is a horizontal line."""
    depth = max(2, MAX_SIDE_DEPTH * height)
    return any(line.rows.start <= depth for line in lines) + any(line.rows.stop >= height - depth for line in lines)


def _find_lines(mask: np.ndarray, min_length: float) -> list[RuledLine]:
    return find_long_lines(np.ascontiguousarray(mask).view(np.uint8), min_length, MAX_LINE_THICKNESS)


def _has_writing(mask: np.ndarray) -> bool:
    """Whether a component of `mask` (H, W) bool, the inside of a frame, is high enough to be a digit.

    The rest of a side is not: half of the right one in an angular 6.
    """
    height, width = mask.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    left, right = stats[1:, cv2.CC_STAT_LEFT], stats[1:, cv2.CC_STAT_LEFT] + stats[1:, cv2.CC_STAT_WIDTH]
    depth = max(2, MAX_SIDE_DEPTH * width)
    is_inside = (right > depth) & (left < width - depth)
    return bool((is_inside & (stats[1:, cv2.CC_STAT_HEIGHT] >= MIN_WRITING_HEIGHT * height)).any())
