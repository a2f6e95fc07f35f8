"""What numpy can do, to the bit, without the tens of microseconds that it spends before it begins.

For a picture of MNIST's size those were most of the time that reading it took.
"""

import functools

import cv2
import numpy as np

MIN_STRIP_SIDE = 32  # pixels that the shorter side keeps when a picture is shrunk


def median(values: np.ndarray) -> np.ndarray:
    """The median of (N,) or of each column of (N, C), as `np.median(values, axis=0)`; of the same type if floats."""
    half = len(values) // 2
    if len(values) % 2:
        return np.partition(values, half, axis=0)[half]
    ordered = np.partition(values, (half - 1, half), axis=0)
    return (ordered[half - 1] + ordered[half]) / 2


def quantile(values: np.ndarray, share: float) -> np.floating:
    """What `share` of `values`, float32 of any shape, is not above, as `np.quantile(values, share)`."""
    place = (values.size - 1) * share
    below = int(place)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above), axis=None)
    low, high, weight = ordered[below], ordered[above], place - below
    # From the nearer end, as numpy does, so that the same is rounded.
    return low + (high - low) * weight if weight < 0.5 else high - (high - low) * (1 - weight)


@functools.lru_cache(maxsize=4)  # pictures from one page are of one size; of a photo of 2 megapixels it takes 4 MB
def border_indices(height: int, width: int) -> np.ndarray:
    """Where the border of a picture is, on which seldom anything is written: indices (N,) into its pixels in a row."""
    edge = max(1, round(0.06 * min(height, width)))
    mask = np.ones((height, width), bool)
    mask[edge:-edge, edge:-edge] = False
    return np.flatnonzero(mask)


@functools.lru_cache(maxsize=64)  # of a few hundred bytes each, mostly
def rectangle_kernel(height: int, width: int) -> np.ndarray:
    """A rectangle of ones for cv2's morphology, (height, width) uint8; not to be written to."""
    return cv2.getStructuringElement(cv2.MORPH_RECT, (width, height))


def max_value(values: np.ndarray) -> np.floating:
    """The largest of `values` (H, W), as `values.max()`."""
    return values.dtype.type(cv2.minMaxLoc(values)[1])


def pad(values: np.ndarray, margin: int) -> np.ndarray:
    """`values` (H, W) with a `margin` of zeros around them, as `np.pad(values, margin)`."""
    return cv2.copyMakeBorder(values, margin, margin, margin, margin, cv2.BORDER_CONSTANT)


def downscale(picture: np.ndarray, side: int) -> np.ndarray:
    """`picture` (H, W) or (H, W, C) reduced to `side` pixels on its longer side; a strip to MIN_STRIP_SIDE on its shorter,
    or to 4 * side² in all."""
    height, width = picture.shape[:2]
    strip = min(MIN_STRIP_SIDE / min(height, width), 2 * side / (height * width) ** 0.5)
    shrink = max(side / max(height, width), strip)
    if shrink >= 1:
        return picture
    size = tuple(max(1, round(length * shrink)) for length in picture.shape[1::-1])
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], *picture.shape[2:])
