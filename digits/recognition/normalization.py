"""Normalize a digit as MNIST's makers did: 20 pixels on the longer side, centered by mass in 28×28 pixels.

A network only reads inputs that look like its training data. An MNIST image comes back nearly unchanged: in 96.5 % of
them no pixel changes by more than 1. Inputs unlike any MNIST image are first brought near to them: hairlines, strokes
that blur has made pale along their middle, and the steps of a few enlarged pixels. Source: LeCun's MNIST page.
"""

import functools
from typing import NamedTuple

import cv2
import numpy as np

from digits.recognition.arrays import crop_padded, max_value, pad, rectangle_kernel, stroke_width
from digits.recognition.foreground import FOREGROUND_THRESHOLD
from digits.recognition.geometry import IDENTITY, AxisTransform, Box

IMAGE_SIZE = 28  # pixels: the side of a normalized digit
DIGIT_SIZE = 20  # pixels: the longer side of the digit in it
MIN_INPUT_SIDE = 16  # pixels: a digit with a shorter longer side is first enlarged smoothly
THICKENING_SIDE = 80  # pixels: the longer side at which thin strokes are thickened
MIN_STROKE_WIDTH = 1.4  # pixels of the normalized digit: 99 % of MNIST's strokes are wider
TARGET_STROKE_WIDTH = 2.0  # pixels of the normalized digit: the width of thickened strokes
RIDGE_TOLERANCE = 0.01  # of the peak: a pixel on the middle of a stroke is at most so much below its neighbors
MIN_RIDGE_INTENSITY = 0.3  # of the peak: local maxima below it are noise or soft edges
STROKE_QUANTILE = 0.3  # of the intensities along the middle of strokes: the stroke intensity of a digit
MIN_STROKE_INTENSITY = 0.85  # of the peak: 99.5 % of MNIST's digits exceed it along most of their strokes
PADDED_INDICES = np.arange(IMAGE_SIZE + 2, dtype=np.float64)  # of an axis of the normalized digit with a border of one


class NormalizedDigit(NamedTuple):
    """A normalized digit.

    pixels: the network's input, (28, 28) uint8.
    transform: from pixels of the array that was normalized to pixels of the normalized digit.
    box: of the digit, in pixels of the normalized digit; it may begin before 0.
    """

    pixels: np.ndarray
    transform: AxisTransform
    box: Box


class _Crop(NamedTuple):
    """A digit with a margin on all sides, its peak intensity scaled to 1, and the transform from the input's pixels."""

    intensity: np.ndarray
    margin: int
    transform: AxisTransform

    @property
    def digit_size(self) -> int:
        """The longer side of the digit in pixels."""
        return max(self.intensity.shape) - 2 * self.margin


def normalize(intensity: np.ndarray) -> np.ndarray:
    """Normalize a digit.

    intensity: (H, W), from 0 to any peak; all of it belongs to the digit.

    Returns: the network's input, (28, 28) uint8.
    """
    return normalize_with_transform(intensity).pixels


def normalize_with_transform(intensity: np.ndarray) -> NormalizedDigit:
    """Normalize a digit like `normalize`, and return how the pixels of its input and output correspond."""
    crop = _crop(intensity)
    if crop.digit_size < MIN_INPUT_SIDE:
        crop = _enlarge(crop)
    digit = _area_resample(crop.intensity, crop.margin)
    if _is_thin(digit):
        crop = _thicken(crop)
        digit = _area_resample(crop.intensity, crop.margin)
    pixels, left, top = _center_by_mass(_stretch(digit))
    height, width = digit.shape[0] - 2, digit.shape[1] - 2
    scale_x = width / (crop.intensity.shape[1] - 2 * crop.margin)
    scale_y = height / (crop.intensity.shape[0] - 2 * crop.margin)
    resampling = AxisTransform(scale_x, scale_y, left - scale_x * crop.margin, top - scale_y * crop.margin)
    return NormalizedDigit(pixels, crop.transform.then(resampling), Box.from_size(left, top, width, height))


def _is_thin(digit: np.ndarray) -> bool:
    """Whether the strokes of `digit` (H, W) are thinner than MIN_STROKE_WIDTH.

    Mostly they are not, which a bound shows quickly: an edge is at most as long as its steps in x and y together.
    """
    corners = digit[:-1, :-1]
    steps = cv2.norm(digit[:-1, 1:], corners, cv2.NORM_L1) + cv2.norm(digit[1:, :-1], corners, cv2.NORM_L1)
    return 2 * cv2.sumElems(digit)[0] < 1.001 * MIN_STROKE_WIDTH * steps and stroke_width(digit) < MIN_STROKE_WIDTH


def _crop(intensity: np.ndarray, transform: AxisTransform = IDENTITY) -> _Crop:
    """Crop `intensity` (H, W) to the digit and a margin for the soft edge of its strokes.

    The margin is at least as wide as a pixel of the normalized digit.
    transform: from the input of the normalization to pixels of `intensity`.
    """
    peak = max_value(intensity)
    box = Box.from_size(*cv2.boundingRect((intensity > FOREGROUND_THRESHOLD * peak).view(np.uint8)))
    margin = -(-max(box.width, box.height) // DIGIT_SIZE)
    crop = (crop_padded(intensity, box.expand(margin)) / peak).astype(np.float32, copy=False)
    return _Crop(crop, margin, transform.then(AxisTransform(offset_x=margin - box.left, offset_y=margin - box.top)))


def _enlarge(crop: _Crop) -> _Crop:
    """Enlarge a digit of few pixels to twice DIGIT_SIZE by cubic interpolation."""
    scale = 2 * DIGIT_SIZE / crop.digit_size
    enlarged = cv2.resize(pad(crop.intensity, 1), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    padded = crop.transform.then(AxisTransform(offset_x=1, offset_y=1))
    return _crop(np.maximum(enlarged, 0), padded.then(AxisTransform(scale, scale)))


def _thicken(crop: _Crop) -> _Crop:
    """Dilate strokes to TARGET_STROKE_WIDTH pixels of the normalized digit."""
    height, width = crop.intensity.shape
    scale = THICKENING_SIDE / crop.digit_size
    size = (max(3, round(width * scale)), max(3, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(crop.intensity, size, interpolation=interpolation)
    crop = _crop(resized, crop.transform.then(AxisTransform(size[0] / width, size[1] / height)))
    side = max(3, round(TARGET_STROKE_WIDTH * THICKENING_SIDE / DIGIT_SIZE - stroke_width(crop.intensity)) + 1)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    padded = crop.transform.then(AxisTransform(offset_x=side, offset_y=side))
    return _crop(cv2.dilate(pad(crop.intensity, side), ellipse), padded)


def _area_resample(intensity: np.ndarray, margin: int) -> np.ndarray:
    """Resample `intensity` (H, W) inside the `margin` to DIGIT_SIZE pixels on the longer side by area averaging.

    Returns: (h + 2, w + 2), with a peak of 1; of the margin, one pixel on each side is averaged, too.
    """
    height, width = intensity.shape[0] - 2 * margin, intensity.shape[1] - 2 * margin
    scale = DIGIT_SIZE / max(height, width)
    if scale == 1:
        return intensity  # each pixel is its own average
    rows = _area_weights(height, max(1, round(height * scale)), margin)
    columns = _area_weights(width, max(1, round(width * scale)), margin)
    digit = rows @ intensity @ columns.T
    return digit / max_value(digit)


@functools.lru_cache(maxsize=64)  # at most 4 KB each for components below 28 pixels, seldom 100 KB
def _area_weights(length: int, count: int, margin: int) -> np.ndarray:
    """Return the weights that average `length` pixels inside the margins of an axis into `count` ones.

    Returns: (count + 2, length + 2 * margin) float32, not to be written to; the first and last row average the margins.
    """
    step = length / count
    edges = margin + step * np.arange(-1, count + 2, dtype=np.float32)[:, None]
    pixels = np.arange(length + 2 * margin, dtype=np.float32)
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return overlap.clip(0) / np.float32(step)


def _stretch(digit: np.ndarray) -> np.ndarray:
    """Stretch `digit` (H, W), 0 to 1, if its strokes are paler along their middle than MNIST's."""
    ridge = digit[(digit > cv2.dilate(digit, rectangle_kernel(3, 3)) - RIDGE_TOLERANCE) & (digit > MIN_RIDGE_INTENSITY)]
    ridge.sort()
    level = ridge[int(STROKE_QUANTILE * len(ridge))]
    return np.minimum(digit / level, 1) if level < MIN_STROKE_INTENSITY else digit


def _center_by_mass(digit: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Shift `digit` (h + 2, w + 2), 0 to 1, by whole pixels until its center of mass is 14 in pixel indices.

    Returns: (28, 28) uint8, and the left and top of the digit, without its border of one pixel, in it.
    """
    left, top = _start(np.add.reduce(digit, 0)), _start(np.add.reduce(digit, 1))
    padded = np.zeros((IMAGE_SIZE + 2, IMAGE_SIZE + 2), np.float32)  # the soft edge may fall outside the 28 pixels
    padded[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return cv2.convertScaleAbs(padded[1:-1, 1:-1], alpha=255), left, top  # rounded


def _start(mass: np.ndarray) -> int:
    """Return the index at which `mass` (L,) begins on the padded axis if its center of mass is in the middle."""
    center = float(mass.dot(PADDED_INDICES[: len(mass)]) / np.add.reduce(mass))
    return min(max(round(IMAGE_SIZE / 2 - center) + 1, 0), IMAGE_SIZE + 2 - len(mass))
