"""Array operations that several steps of the recognition share: statistics, padding, downscaling, stroke width.

The statistics and `pad` return what numpy returns, to the bit, without its overhead of tens of microseconds a call:
with numpy's own functions a reading of a picture of MNIST's size takes 1.25 to 1.4 times as long.
"""

import functools

import cv2
import numpy as np
from PIL import Image

from digits.recognition.geometry import Box

MIN_STRIP_SIDE = 32  # pixels of the shorter side that `downscale` leaves to a long strip


def median(values: np.ndarray) -> np.ndarray:
    """Compute the median of floats (N,), or of each column of (N, C), as `np.median(values, axis=0)`."""
    half = len(values) // 2
    if len(values) % 2:
        return np.partition(values, half, axis=0)[half]
    ordered = np.partition(values, (half - 1, half), axis=0)
    return (ordered[half - 1] + ordered[half]) / 2


def quantile(values: np.ndarray, fraction: float) -> np.floating:
    """Compute a quantile of float32 `values` of any shape, as `np.quantile(values, fraction)`."""
    position = (values.size - 1) * fraction
    below = int(position)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above), axis=None)
    low, high, weight = ordered[below], ordered[above], position - below
    # numpy interpolates from the nearer neighbor: the rounding depends on it.
    return low + (high - low) * weight if weight < 0.5 else high - (high - low) * (1 - weight)


def max_value(values: np.ndarray) -> np.floating:
    """Return the maximum of `values` (H, W), as `values.max()`."""
    return values.dtype.type(cv2.minMaxLoc(values)[1])


def pad(values: np.ndarray, margin: int) -> np.ndarray:
    """Surround `values` (H, W) with a `margin` of zeros, as `np.pad(values, margin)`."""
    return cv2.copyMakeBorder(values, margin, margin, margin, margin, cv2.BORDER_CONSTANT)


def crop_padded(values: np.ndarray, box: Box) -> np.ndarray:
    """Crop `values` (H, W) to `box`, with zeros where it extends beyond the array.

    Returns: a view of `values` where the box lies inside.
    """
    inside = values[max(0, box.top) : box.bottom, max(0, box.left) : box.right]
    if inside.shape == (box.height, box.width):
        return inside
    before_y, before_x = max(0, -box.top), max(0, -box.left)
    after_y, after_x = box.height - inside.shape[0] - before_y, box.width - inside.shape[1] - before_x
    return cv2.copyMakeBorder(inside, before_y, after_y, before_x, after_x, cv2.BORDER_CONSTANT)


def robust_sigma(deviations: np.ndarray) -> np.floating:
    """Estimate the standard deviation of normal noise from absolute `deviations` (N,); outliers hardly change it."""
    return 1.4826 * median(deviations)


# Pictures of one source are mostly of one size. The indices for a photo of 2 megapixels take 4 MB.
@functools.lru_cache(maxsize=4)
def border_indices(height: int, width: int) -> np.ndarray:
    """Return the flat indices (N,) of the outer 6 % of a picture, where there is seldom any writing."""
    edge = max(1, round(0.06 * min(height, width)))
    mask = np.ones((height, width), bool)
    mask[edge:-edge, edge:-edge] = False
    return np.flatnonzero(mask)


@functools.lru_cache(maxsize=64)  # most take a few hundred bytes
def rectangle_kernel(height: int, width: int) -> np.ndarray:
    """Return a (height, width) uint8 array of ones for cv2's morphology. It is cached: do not write to it."""
    return cv2.getStructuringElement(cv2.MORPH_RECT, (width, height))


def downscale(picture: np.ndarray, side: int) -> np.ndarray:
    """Area-average `picture`, (H, W) or (H, W, C), to a longer side of `side` pixels, for estimates; never enlarge it.

    A long strip keeps MIN_STRIP_SIDE pixels on its shorter side, as far as it has 4 * side² pixels at most.
    """
    height, width = picture.shape[:2]
    strip_scale = min(MIN_STRIP_SIDE / min(height, width), 2 * side / (height * width) ** 0.5)
    scale = max(side / max(height, width), strip_scale)
    if scale >= 1:
        return picture
    size = tuple(max(1, round(length * scale)) for length in picture.shape[1::-1])
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], *picture.shape[2:])


def block_average(values: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks of factor x factor pixels of `values` (H, W) float32: (ceil(H / factor), ceil(W / factor)).

    Blocks at the right and the bottom average the pixels that they have. In contrast to `downscale`, pixel x of the
    result covers exactly the pixels from factor * x on, so boxes can be mapped back.
    """
    return np.asarray(Image.fromarray(values).reduce(factor))


def stroke_width(intensity: np.ndarray) -> float:
    """Estimate the mean stroke width of `intensity` (H, W), soft edges included, in pixels.

    Twice the area (sum of intensities) over the length of the edges (sum of gradient magnitudes): a stroke of length
    l and width w has the area l * w and edges of 2 * l. Scaling the intensities does not change it. It is up to a fifth
    too low for diagonal strokes, whose edges count for longer.
    """
    dx, dy = intensity[:-1, 1:] - intensity[:-1, :-1], intensity[1:, :-1] - intensity[:-1, :-1]
    return float(2 * intensity.sum() / max(1e-6, np.sqrt(dx * dx + dy * dy).sum()))


def mask_stroke_width(mask: np.ndarray) -> float:
    """Estimate the mean stroke width of a binary `mask` (H, W) uint8, in pixels.

    Twice the area over the length of the contours, which run through the centers of the border pixels. On a mask
    `stroke_width` is about 7 % lower, as pixel gradients lengthen staircase edges; taken instead, it joins or parts
    components of 1 in 50 of those MNIST images that have several.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return 2 * mask.sum() / max(1.0, sum(cv2.arcLength(contour, True) for contour in contours))
