"""Cells of forms: finds the frame lines that were cut off with a small picture, and the interior of the cell.

A frame line is thin and straight, and runs from side to side of the picture or up to another frame line. So do some
bars of digits that were cut out tightly, but another stroke continues them, or nothing else is written.
"""

from typing import NamedTuple

import cv2
import numpy as np

from digits.recognition.arrays import max_value, median
from digits.recognition.geometry import Box

# Pixels: of 8,000 MNIST images cropped to their ink, 4 had a bar as straight and thin as a frame line, all below it.
MIN_CELL_SIDE = 24
MAX_CELL_SIDE = 128  # pixels: a picture that is higher and wider is a page; a cell of 63 pixels enlarged twice is not
# With less paper the median color is that of the ink or of its soft edges, as in bold digits cut out tightly.
MIN_PAPER_FRACTION = 0.5  # of the picture
MIN_BORDER_PAPER_FRACTION = 0.25  # of the pixels on the border: two lines cover half of them
LINE_THRESHOLD = 0.25  # of the largest distance to the background: lines are darker; the palest measured had 0.4
MAX_LINE_DEPTH = 0.25  # of the picture's height or width, from the border
MAX_LINE_GAP = 0.03  # of a line's length, between its ends, which reach the border or another line
MAX_LINE_THICKNESS = 0.07  # of the picture's shorter side: 2 pixels of 30 …
MAX_THICKNESS_FLOOR = 2.5  # … pixels, and what JPEG adds
# Of the interior's largest distance to the background: strokes without their soft edges. With 0.8, twice as many lines
# were missed as with 0.5 or 0.65, as the strongest pixels of thin strokes are rare.
STROKE_THRESHOLD = 0.5
SOFT_EDGE = 2  # pixels: among so many rows next to a line one has no stroke
MIN_WRITING_SIZE = 0.2  # of the interior's shorter side: less is dust, not a digit


class FrameInsets(NamedTuple):
    """How many rows or columns of pixels lie between each side of a picture and the interior; 0 without a line."""

    top: int
    right: int
    bottom: int
    left: int

    def interior(self, shape: tuple[int, int]) -> Box:
        """Return the box inside, in a picture of `shape` (H, W)."""
        return Box(self.left, self.top, shape[1] - self.right, shape[0] - self.bottom)


def find_cell_interior(colors: np.ndarray) -> Box:
    """Find the box inside the frame lines of a picture (H, W, C) uint8; the box of the whole picture without lines.

    Lines may end where they cross, so whether one is a line depends on the others: first all candidates count as
    lines; those that fail are dropped, and the rest is checked again, until none fails.
    """
    shape = colors.shape[:2]
    if not MIN_CELL_SIDE <= min(shape) < MAX_CELL_SIDE:
        return Box(0, 0, shape[1], shape[0])
    distance = _distance_to_background(colors)
    insets = _line_candidates(distance > LINE_THRESHOLD * max_value(distance))
    while any(insets):
        inside = distance[insets.interior(shape).slices]
        strokes = distance > STROKE_THRESHOLD * inside.max()
        if not _has_writing(strokes[insets.interior(shape).slices]):
            break
        checked = FrameInsets(*(inset and _line_inset(distance, strokes, insets, k) for k, inset in enumerate(insets)))
        if checked.count(0) == insets.count(0):
            return checked.interior(shape)
        insets = checked
    return Box(0, 0, shape[1], shape[0])


def _distance_to_background(colors: np.ndarray) -> np.ndarray:
    """Compute the distance of `colors` (H, W, C) to their median, the largest over the channels: (H, W) float32."""
    colors = colors.astype(np.float32)
    distance = np.abs(colors - median(colors.reshape(-1, colors.shape[2])))
    return distance[..., 0] if distance.shape[2] == 1 else distance.max(2)


def _line_candidates(mask: np.ndarray) -> FrameInsets:
    """Find the outermost rows and columns of `mask` (H, W) bool, on each side, that are covered for the most part.

    Two lines that form a corner end where they cross, up to MAX_LINE_DEPTH from the border.
    """
    height, width = mask.shape
    pixels = mask.view(np.uint8)
    rows = cv2.reduce(pixels, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / width
    columns = cv2.reduce(pixels, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / height
    insets = [0, 0, 0, 0]
    if max(rows.max(), columns.max()) < 1 - MAX_LINE_DEPTH:
        return FrameInsets(*insets)  # as in most pictures of digits
    border = (rows[0] + rows[-1] + columns[0] + columns[-1]) / 4
    if border > 1 - MIN_BORDER_PAPER_FRACTION or rows.mean() > 1 - MIN_PAPER_FRACTION:
        return FrameInsets(*insets)
    for side, coverage in enumerate((rows, columns[::-1], rows[::-1], columns)):
        covered = coverage[: int(MAX_LINE_DEPTH * len(coverage))] >= 1 - MAX_LINE_DEPTH
        if covered.any():
            start, end = _first_run(covered)
            # A long stroke next to the line may prolong the run.
            insets[side] = min(end, start + int(_max_thickness(mask.shape)) + 1)
    return FrameInsets(*insets)


def _line_inset(distance: np.ndarray, strokes: np.ndarray, insets: FrameInsets, side: int) -> int:
    """Measure the depth of the interior behind the outermost line on one side; 0 if there is no frame line.

    distance: to the background, (H, W). strokes: the pixels of strokes and lines, (H, W) bool.
    insets: of the lines on all sides; beyond these the line need not be covered. side: its index in `insets`.
    """
    # The side comes to the top, and the next sides of `insets` come to the right, the bottom and the left.
    distance, strokes = np.rot90(distance, side), np.rot90(strokes, side)
    interior = FrameInsets(*(insets[side:] + insets[:side])).interior(distance.shape)
    columns = slice(interior.left, interior.right)
    profile = np.quantile(distance[: int(MAX_LINE_DEPTH * len(distance)) + SOFT_EDGE, columns], MAX_LINE_GAP, axis=1)
    threshold = LINE_THRESHOLD * distance.max()
    covered = profile > threshold
    if not covered.any():
        return 0
    start, end = _first_run(covered)
    reaches_both_ends = (distance[start:end, columns][:, [0, -1]].max(0) > threshold).all()
    is_thin = profile[start:end].sum() <= _max_thickness(distance.shape) * profile[start:end].max()
    outside, edge = strokes[: max(0, start - 1), columns], strokes[end : end + SOFT_EDGE, columns]
    is_isolated = not outside.any() and not edge.any(1).all()
    is_1 = side % 2 and _is_tight(strokes[end + 1 : interior.bottom, columns], interior, distance.shape[1])
    return end + 1 if reaches_both_ends and is_thin and is_isolated and not is_1 else 0


def _is_tight(strokes: np.ndarray, interior: Box, width: int) -> bool:
    """Whether `strokes` (h, w) bool behind a line touch the picture's border at an end of the line.

    Then a vertical line may be the 1 of a number that was cut out tightly.
    """
    return bool((interior.left == 0 and strokes[:, 0].any()) or (interior.right == width and strokes[:, -1].any()))


def _has_writing(strokes: np.ndarray) -> bool:
    """Whether `strokes` (H, W) bool are large enough to be a digit."""
    y, x = strokes.nonzero()
    return bool(len(y)) and max(np.ptp(y), np.ptp(x)) + 1 >= MIN_WRITING_SIZE * min(strokes.shape)


def _first_run(covered: np.ndarray) -> tuple[int, int]:
    """Return start and end of the first run of True in `covered` (N,) bool, which has one."""
    start = int(covered.argmax())
    return start, start + int(np.append(covered[start:], False).argmin())


def _max_thickness(shape: tuple[int, int]) -> float:
    """Return the largest thickness of a line, in pixels, in a picture of `shape` (H, W)."""
    return max(MAX_THICKNESS_FLOOR, MAX_LINE_THICKNESS * min(shape))
