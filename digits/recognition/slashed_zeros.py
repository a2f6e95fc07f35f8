"""Zeros with a stroke through them: the network has seen none and takes some for an 8, with certainty.

A bowl divided by a stroke has two holes, like an 8, but no waist: its outline is convex without the ends of the stroke,
and so are both holes together with the stroke between them.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from digits.recognition.arrays import pad

SCALE = 4  # digits of 28 pixels are enlarged, so that areas and outlines of holes are smooth
MIN_INTENSITY = 110  # of 255, in the enlarged digit; with 50 and 80 one zero less was recognized
STROKE_END_WIDTH = 19  # pixels of the enlarged digit: narrower parts of the outline are ends of strokes
CLOSING_WIDTH = 5  # pixels of the enlarged digit: added to the distance between the holes to fill it
# The following were chosen on 1,560 zeros of MNIST's first 40,000 training images and ellipses with strokes through
# them, and on the digits 2 to 9 but 7 of the last 20,000. 16 of the 23 zeros that were read as another digit with
# certainty are recognized, and 7 of the 13,682 digits, 2 of them eights. The other 7 zeros have one hole or none.
MIN_OUTER_SOLIDITY = 0.96  # of the outline without ends of strokes; eights: 0.84 (median)
MIN_OUTER_FRACTION = 0.8  # of the outline's area remains without ends of strokes; nines with a tail: less
MIN_INNER_SOLIDITY = 0.75  # of the holes and what is between them; eights: 0.58 (median), zeros: 0.94
MIN_HOLE_RATIO = 0.1  # smaller over larger hole: the loop where a pen turns back is smaller
# Of the probability of the most probable class: it remains the most probable one, but is no longer certain.
SHIFTED_FRACTION = 0.4


def shift_probability_to_zero(probabilities: Sequence[float], pixels: np.ndarray) -> list[float]:
    """Give the class 0 a share of the probability of another class if the digit is a bowl divided by a stroke.

    probabilities: of the ten classes.
    pixels: the normalized digit, (28, 28) uint8.
    """
    shared = list(probabilities)
    result = max(range(len(shared)), key=shared.__getitem__)
    if result and looks_like_slashed_zero(pixels):
        shared[0] += SHIFTED_FRACTION * shared[result]
        shared[result] *= 1 - SHIFTED_FRACTION
    return shared


def looks_like_slashed_zero(pixels: np.ndarray) -> bool:
    """Whether a normalized digit (28, 28) uint8 is a bowl that a stroke divides into two holes."""
    if not _has_two_holes(pad((pixels > MIN_INTENSITY).view(np.uint8), 1)):
        return False  # nine of ten digits; enlarging them would take six times as long
    padded = pad(pixels, STROKE_END_WIDTH // SCALE)
    enlarged = cv2.resize(padded, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    mask = (enlarged > MIN_INTENSITY).view(np.uint8)
    outline, holes = _find_holes(mask)
    return len(holes) == 2 and _is_round(_fill(mask.shape, [outline])) and _are_halves(mask.shape, holes)


def _is_round(outer: np.ndarray) -> bool:
    """Whether the digit with its holes filled, (H, W) uint8, is convex without the ends of strokes."""
    opened = cv2.morphologyEx(outer, cv2.MORPH_OPEN, _ellipse(STROKE_END_WIDTH))
    if cv2.countNonZero(opened) < MIN_OUTER_FRACTION * cv2.countNonZero(outer):
        return False
    return _solidity(opened) >= MIN_OUTER_SOLIDITY


def _are_halves(shape: tuple[int, ...], holes: Sequence[np.ndarray]) -> bool:
    """Whether two holes in a digit of `shape` are convex together with what is between them, and none is tiny."""
    smaller, larger = sorted(map(cv2.contourArea, holes))
    if smaller < MIN_HOLE_RATIO * larger:
        return False
    inner = pad(_fill(shape, holes), STROKE_END_WIDTH)
    closed = cv2.morphologyEx(inner, cv2.MORPH_CLOSE, _ellipse(int(_distance(*holes)) + CLOSING_WIDTH))
    return _solidity(closed) > MIN_INNER_SOLIDITY


def _has_two_holes(mask: np.ndarray) -> bool:
    """Whether `mask` (H, W) uint8, 0 along its edges, has two holes at least."""
    _, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return hierarchy is not None and bool(np.count_nonzero(hierarchy[0, :, 3] >= 0) >= 2)


def _find_holes(mask: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Find the outline of the largest component of `mask` (H, W) uint8 and the outlines of its two largest holes.

    Returns: contours (N, 1, 2); fewer than two holes where the others are in smaller components.
    """
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    parents = [int(row[3]) for row in hierarchy[0]]
    areas = [cv2.contourArea(contour) for contour in contours]
    outer = max((index for index, parent in enumerate(parents) if parent < 0), key=areas.__getitem__)
    holes = [index for index, parent in enumerate(parents) if parent == outer]
    largest = sorted(holes, key=areas.__getitem__)[-2:]
    return contours[outer], [contours[index] for index in largest]


def _fill(shape: tuple[int, ...], contours: Sequence[np.ndarray]) -> np.ndarray:
    """Return a mask of `shape`, 1 inside the contours."""
    return cv2.drawContours(np.zeros(shape, np.uint8), contours, -1, 1, cv2.FILLED)


def _solidity(mask: np.ndarray) -> float:
    """Return the area of `mask` (H, W) uint8, 1 inside, over that of its convex hull."""
    points = cv2.findNonZero(mask)
    hull = _fill(mask.shape, [cv2.convexHull(points)])
    return cv2.countNonZero(mask) / cv2.countNonZero(hull)


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the least distance between points of two contours (N, 1, 2)."""
    return float(np.linalg.norm(first.astype(np.float32) - second[:, 0], axis=2).min())


def _ellipse(side: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
