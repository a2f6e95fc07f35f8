"""A digit's ink as MNIST's makers framed theirs: 20 pixels on its longer side, centred by mass in 28x28.

A network only reads what looks like its training data. An image of MNIST comes back as it was; what MNIST has
none of is brought near to it first: hairlines, strokes that are pale along their middle as blur makes them,
the steps of a few enlarged pixels. Source of the frame: LeCun's MNIST page.
"""

import functools

import cv2
import numpy as np

from digits.recognition.arrays import max_value, pad, rectangle_kernel
from digits.recognition.foreground import FOREGROUND_THRESHOLD

IMAGE_SIZE, DIGIT_SIZE = 28, 20  # MNIST's frame, and the square in it that a digit fills
THICKENING_SIDE = 80  # pixels of the longer side, on which strokes are thickened
MIN_INPUT_SIDE = 16  # pixels: a smaller digit is enlarged smoothly first
MIN_STROKE_WIDTH, TARGET_STROKE_WIDTH = (
    1.4,
    2.0,
)  # pixels of the frame: 99 % of MNIST's strokes are wider; what thinner ones become
MIN_STROKE_INTENSITY = (
    0.85  # of the darkest ink: 99.5 % of MNIST's digits are darker than that along most of their strokes
)
# How pixels move along the two axes: (x, y) comes to (a * x + c, b * y + d), in pixels from the upper left corner.
AxisTransform = tuple[float, float, float, float]  # a, b, c, d
PIXEL_INDICES = np.arange(
    IMAGE_SIZE + 2, dtype=np.float64
)  # along an axis of the frame with one more pixel on each side


def normalize(ink: np.ndarray) -> np.ndarray:
    """The digit whose ink is all of (H, W), from 0 to some peak, in MNIST's frame: (28, 28) uint8."""
    return normalize_with_transforms(ink)[0]


def normalize_with_transforms(ink: np.ndarray) -> tuple[np.ndarray, list[AxisTransform], tuple[int, int, int, int]]:
    """As `frame`; besides, the moves by which pixels of `ink` came into it, and the digit's box there.

    The box is left, top, right, bottom in pixels of the frame, right and bottom outside; it may begin before 0.
    """
    ink, margin, move = _crop(ink)
    moves = [move]
    side = max(ink.shape) - 2 * margin
    if side < MIN_INPUT_SIDE:
        times = 2 * DIGIT_SIZE / side
        ink = cv2.resize(pad(ink, 1), None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
        ink, margin, move = _crop(np.maximum(ink, 0))
        moves += [(times, times, times, times), move]
    digit = _area_resample(ink, margin)
    if _is_thin(digit):
        ink, margin, more = _thickened(ink, margin)
        digit = _area_resample(ink, margin)
        moves += more
    framed, left, top = _center_of_mass(_stretch(digit))
    height, width = digit.shape[0] - 2, digit.shape[1] - 2
    across, down = width / (ink.shape[1] - 2 * margin), height / (ink.shape[0] - 2 * margin)
    moves.append((across, down, left - across * margin, top - down * margin))
    return framed, moves, (left, top, left + width, top + height)


def invert(moves: list[AxisTransform], x: float, y: float) -> tuple[float, float]:
    """Where the point was that `moves`, made one after the other, brought to (x, y)."""
    for a, b, c, d in reversed(moves):
        x, y = (x - c) / a, (y - d) / b
    return x, y


def stroke_width(ink: np.ndarray) -> float:
    """How wide the strokes of `ink` (H, W) are, in its pixels: twice their area over the length of their edges."""
    across, down = ink[:-1, 1:] - ink[:-1, :-1], ink[1:, :-1] - ink[:-1, :-1]
    return float(2 * ink.sum() / max(1e-6, np.sqrt(across * across + down * down).sum()))


def _is_thin(digit: np.ndarray) -> bool:
    """Whether the strokes of `digit` (H, W) are thinner than THIN; mostly they are not, as is quickly seen.

    An edge is at most as long as its steps across and down are together.
    """
    corners = digit[:-1, :-1]
    steps = cv2.norm(digit[:-1, 1:], corners, cv2.NORM_L1) + cv2.norm(digit[1:, :-1], corners, cv2.NORM_L1)
    return 2 * cv2.sumElems(digit)[0] < 1.001 * MIN_STROKE_WIDTH * steps and stroke_width(digit) < MIN_STROKE_WIDTH


def _crop(ink: np.ndarray) -> tuple[np.ndarray, int, AxisTransform]:
    """`ink` (H, W) cut out and made 1 where it is darkest, the margin around it and the move that this is.

    The margin, for the soft edge of strokes, is at least as wide as one pixel of the frame will be.
    """
    peak = max_value(ink)
    left, top, width, height = cv2.boundingRect((ink > FOREGROUND_THRESHOLD * peak).view(np.uint8))
    margin = -(-max(height, width) // DIGIT_SIZE)
    around = np.zeros((height + 2 * margin, width + 2 * margin), np.float32)
    outer = ink[max(0, top - margin) : top + height + margin, max(0, left - margin) : left + width + margin]
    down, across = margin - min(top, margin), margin - min(left, margin)
    np.divide(outer, peak, out=around[down : down + outer.shape[0], across : across + outer.shape[1]])
    return around, margin, (1.0, 1.0, margin - left, margin - top)


def _thickened(ink: np.ndarray, margin: int) -> tuple[np.ndarray, int, list[AxisTransform]]:
    """`ink` (H, W) with strokes AIM pixels of the frame wide, and its margin, as `_cut` gives them; its moves."""
    scale = THICKENING_SIDE / (max(ink.shape) - 2 * margin)
    size = tuple(max(3, round(length * scale)) for length in ink.shape[::-1])
    resized: AxisTransform = (size[0] / ink.shape[1], size[1] / ink.shape[0], 0.0, 0.0)
    ink, margin, cut = _crop(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))
    pen = max(3, round(TARGET_STROKE_WIDTH * THICKENING_SIDE / DIGIT_SIZE - stroke_width(ink)) + 1)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (pen, pen))
    ink, margin, last = _crop(cv2.dilate(pad(ink, pen), ellipse))
    return ink, margin, [resized, cut, (1.0, 1.0, pen, pen), last]


def _area_resample(ink: np.ndarray, margin: int) -> np.ndarray:
    """What is inside the `margin` of `ink` (H, W) area-averaged to 20 pixels on its longer side, aspect kept.

    (h + 2, w + 2), 1 where it is darkest, as one pixel around it is averaged, too.
    """
    height, width = ink.shape[0] - 2 * margin, ink.shape[1] - 2 * margin
    scale = DIGIT_SIZE / max(height, width)
    if scale == 1:
        return ink  # each pixel is its own average
    down = _area_weights(height, max(1, round(height * scale)), margin)
    across = _area_weights(width, max(1, round(width * scale)), margin)
    digit = down @ ink @ across.T
    return digit / max_value(digit)


def _center_of_mass(digit: np.ndarray) -> tuple[np.ndarray, int, int]:
    """`digit` (h, w), 0 to 1, in the frame, by whole pixels, its centre of mass at 14 in pixel indices: uint8.

    And where in the frame it begins inside of the one more pixel around it: left and top.
    """
    left, top = _start(np.add.reduce(digit, 0)), _start(np.add.reduce(digit, 1))
    framed = np.zeros((IMAGE_SIZE + 2, IMAGE_SIZE + 2), np.float32)  # the soft edge may fall outside the frame
    framed[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return cv2.convertScaleAbs(framed[1:-1, 1:-1], alpha=255), left, top  # rounded


def _stretch(digit: np.ndarray) -> np.ndarray:
    """`digit` (H, W), 0 to 1, with strokes as dark along their middle as MNIST's are."""
    middle = digit[(digit > cv2.dilate(digit, rectangle_kernel(3, 3)) - 0.01) & (digit > 0.3)]
    middle.sort()
    level = middle[int(0.3 * len(middle))]
    return np.minimum(digit / level, 1) if level < MIN_STROKE_INTENSITY else digit


@functools.lru_cache(maxsize=64)  # each of 4 KB at most where a part is smaller than 28 pixels, seldom of 100
def _area_weights(length: int, parts: int, margin: int) -> np.ndarray:
    """How the `length` pixels inside the margins of an axis are averaged into `parts`, and one more each side.

    (parts + 2, length + 2 * margin) float32, not to be written to: the share that each pixel has in each part.
    """
    step = length / parts
    edges = margin + step * np.arange(-1, parts + 2, dtype=np.float32)[:, None]
    pixels = np.arange(length + 2 * margin, dtype=np.float32)
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return overlap.clip(0) / np.float32(step)


def _start(mass: np.ndarray) -> int:
    """Where in a frame with one more pixel on each side `mass` (L,) begins, to have its centre central."""
    centre = float(mass.dot(PIXEL_INDICES[: len(mass)]) / np.add.reduce(mass))
    return min(max(round(IMAGE_SIZE / 2 - centre) + 1, 0), IMAGE_SIZE + 2 - len(mass))
