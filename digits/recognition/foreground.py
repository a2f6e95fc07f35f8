"""Foreground extraction: how strongly each pixel of a picture belongs to the writing, for any colors and lighting.

The intensity of a pixel is the distance between its color and the background's color. All writing differs from the
background in one direction (darker, for example) and is thin: differences in the opposite direction measure the noise,
and regions wider than any stroke are shading. Noise, shading, rims, tables and ruled lines are removed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from digits.recognition.arrays import (
    border_indices,
    downscale,
    max_value,
    median,
    quantile,
    rectangle_kernel,
    robust_sigma,
    stroke_width,
)
from digits.recognition.background import estimate_background
from digits.recognition.borders import remove_object_rims, remove_table, rim_width
from digits.recognition.frames import remove_frames
from digits.recognition.ruled_lines import subtract_ruled_lines

MIN_CONTRAST = 0.08  # of black to white: a picture with less has no writing in it
FOREGROUND_THRESHOLD = 0.15  # of the peak intensity: pixels below it belong to no digit
STRONG_THRESHOLD = 0.4  # of the peak intensity: few strokes are weaker; ruled lines and the edges of shadows are
# Median intensity of the foreground: below it most pixels are shading, not writing. MNIST's images have 0.53 or more,
# hairlines 0.52, photos that people took 0.33.
MIN_MEDIAN_INTENSITY = 0.3
# Dust may be stronger than the strokes, so the peak intensity leaves out the strongest pixels: this fraction of all
# pixels, but no more than MAX_DUST_PIXELS.
MAX_DUST_FRACTION = 2e-4
MAX_DUST_PIXELS = 50
STRONGEST_QUANTILE = 0.98  # of the distances to the background: the pixels above it represent the writing
SHADING_SIDE = 192  # pixels of the longer side on which shading is estimated: it varies slowly
MIN_SHADING_CONTRAST = 0.02  # of black to white: weaker shading is ignored
MIN_SHADING_AREA = 0.08  # of the picture: smaller shading is ignored
MAX_STROKE_FRACTION = 0.36  # of the shorter side: strokes are thinner, unless the picture is a digit cut out
LOCAL_WINDOW = 0.25  # of the shorter side: writing covers less than half of most windows, so their median is background
MAX_PENUMBRA_CONTRAST = 0.2  # of black to white: the soft edge of a shadow has less
MIN_PENUMBRA_BORDER_FRACTION = 0.02  # of the pixels of a shadow's edge lie on the picture's border
MIN_OPPOSITE_FRACTION = 0.2  # of the border's pixels: if fewer have the opposite polarity, all measure the noise
NOISE_SIGMAS = 4  # standard deviations above the median of the noise
MIN_PENUMBRA_WIDTH = 0.06  # of the shorter side: the soft edge of a shadow is wider, on average; few strokes are
MIN_PAGE_SIDE = 64  # pixels: a picture that is less high or wide is a digit cut out, without rim or ruled lines


@dataclass(frozen=True, eq=False)
class Foreground:
    """The writing in a picture.

    intensity: (H, W) float32, from 0 in the background to 1 in the strongest strokes.
    contrast: of the strongest strokes to the background, from 0 to 1 (black to white).
    has_shading: whether shading was removed, such as a sharp shadow. Writing in it is paler, and may be lost.
    """

    intensity: np.ndarray
    contrast: float
    has_shading: bool = False

    def pad_to(self, shape: tuple[int, int], top: int, left: int) -> "Foreground":
        """Place this foreground at (top, left) in an empty one of `shape` (H, W)."""
        if shape == self.intensity.shape:
            return self
        height, width = self.intensity.shape
        padded = np.zeros(shape, np.float32)
        padded[top : top + height, left : left + width] = self.intensity
        return Foreground(padded, self.contrast, self.has_shading)


def extract_foreground(colors: np.ndarray) -> Foreground | None:
    """Extract the writing of a picture (H, W, C) uint8, with a smooth surface as background; None if it is blank."""
    if min(colors.shape[:2]) >= MIN_PAGE_SIDE and (margin := rim_width(colors)):
        inner = extract_foreground(colors[margin:-margin, margin:-margin])
        return inner and inner.pad_to(colors.shape[:2], margin, margin)
    colors = colors / np.float32(255)
    return _extract(colors, estimate_background(colors))


def extract_with_local_background(colors: np.ndarray) -> Foreground | None:
    """Extract the writing of a picture (H, W, C) uint8, with a local median as background; None if it is blank.

    The lighting may change in any way. Writing that covers more than half of LOCAL_WINDOW is lost.
    """
    height, width = colors.shape[:2]
    small = downscale(colors, SHADING_SIDE)
    background = cv2.medianBlur(small, round(LOCAL_WINDOW * min(small.shape[:2])) | 1)
    background = cv2.resize(background, (width, height)).reshape(colors.shape).astype(np.float32) / 255
    light = background.mean(2, keepdims=True)
    gain = light.max() / light.clip(max(light.max() / 4, 1 / 255))  # strokes in the shade are darker, too
    return _extract(colors / np.float32(255) * gain, background * gain)


def is_mostly_pale(foreground: Foreground) -> bool:
    """Whether most of the foreground is so pale that it is more likely the edge of a shadow than writing."""
    pixels = np.count_nonzero(foreground.intensity > FOREGROUND_THRESHOLD)
    return bool(np.count_nonzero(foreground.intensity > MIN_MEDIAN_INTENSITY) < 0.5 * pixels)


def threshold_strong(foreground: Foreground) -> Foreground:
    """Remove pixels below STRONG_THRESHOLD (edges of shadows, ruled lines, print-through), and rescale to 0 to 1."""
    intensity = (foreground.intensity - STRONG_THRESHOLD).clip(0) / (1 - STRONG_THRESHOLD)
    return Foreground(intensity, foreground.contrast, foreground.has_shading)


def _extract(colors: np.ndarray, background: np.ndarray) -> Foreground | None:
    """Extract the writing of `colors` (H, W, C) on `background`, (C,) or (H, W, C), both from 0 to 1."""
    intensity, shading = _foreground_distance(colors - background)
    if min(intensity.shape) >= MIN_PAGE_SIDE:
        if shading is not None:
            remove_object_rims(intensity, intensity > FOREGROUND_THRESHOLD * _peak(intensity), shading)
        remove_table(intensity, intensity > FOREGROUND_THRESHOLD * _peak(intensity))
        peak = _peak(intensity)
        subtract_ruled_lines(intensity, intensity > FOREGROUND_THRESHOLD * peak, peak)
        remove_frames(intensity, intensity > FOREGROUND_THRESHOLD * peak, peak)
    peak = _peak(intensity)
    if peak < MIN_CONTRAST or (peak < MAX_PENUMBRA_CONTRAST and _is_penumbra(intensity, peak)):
        return None
    intensity = intensity / peak
    intensity = np.minimum(intensity, 1) if _max_dust_pixels(intensity) else intensity
    return Foreground(intensity, peak, shading is not None)


def _foreground_distance(difference: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Compute the distance between the writing and the background, without shading and noise.

    difference: the picture's colors minus the background's, (H, W, C).
    Returns: (H, W), from 0 in the background to 1, the distance from black to white; and the shading that was
    subtracted from it, (H, W), None where there is none.
    """
    channels = difference.shape[2]
    distance = np.abs(difference[..., 0])
    if channels > 1:
        distance = np.sqrt(np.einsum("hwc,hwc->hw", difference, difference) / channels)
    opposite = _opposite_polarity(difference, distance)
    if opposite is None:
        sides = [distance]
    else:
        opposite_distance = distance * opposite
        sides = [distance - opposite_distance, opposite_distance]
    shadings = [_shading(side) for side in sides]
    if any(shading is not None for shading in shadings):
        pairs = zip(sides, shadings, strict=True)
        sides = [side if shading is None else np.maximum(side - shading, 0) for side, shading in pairs]
        # The strongest pixels may have been shading: then the writing differs in the opposite direction.
        if opposite is not None and _peak(sides[1]) > _peak(sides[0]):
            sides, opposite = sides[::-1], ~opposite
    known = [shading for shading in shadings if shading is not None]
    noise = _noise_level(sides, opposite)
    return np.maximum(sides[0] - noise, 0) if noise else sides[0], np.maximum.reduce(known) if known else None


def _opposite_polarity(difference: np.ndarray, distance: np.ndarray) -> np.ndarray | None:
    """Find the pixels that differ from the background in the opposite direction to the strongest pixels.

    difference: the picture's colors minus the background's, (H, W, C).
    distance: the norm of `difference`, (H, W).
    Returns: (H, W) bool; None if there are no such pixels.
    """
    lowest, highest, _, _ = cv2.minMaxLoc(difference.reshape(len(difference), -1))
    if lowest >= 0 or highest <= 0:  # as in black on white: no angle between differences is obtuse
        return None
    height, width = distance.shape
    # On a grid of at most about 200 x 200 pixels, which is enough for a quantile.
    strongest = distance >= quantile(distance[:: 1 + height // 200, :: 1 + width // 200], STRONGEST_QUANTILE)
    return difference @ difference[strongest].mean(0) < 0


def _shading(distance: np.ndarray) -> np.ndarray | None:
    """Estimate the part of `distance` (H, W) that is wider than a stroke, by an opening; None if it is negligible."""
    height, width = distance.shape
    small = downscale(distance, SHADING_SIDE)
    shaded = small > MIN_SHADING_CONTRAST
    if np.count_nonzero(shaded) / small.size < MIN_SHADING_AREA:
        return None  # an opening is nowhere above its input
    diameter = round((MAX_STROKE_FRACTION if min(height, width) >= MIN_PAGE_SIDE else 0.5) * min(small.shape)) | 1
    # A square inside the disc, as its side is below diameter / √2: if it fits nowhere, neither does the disc. The test
    # is faster than the opening.
    square = round(0.6 * diameter)
    if not max_value(cv2.erode(_replicate(shaded.view(np.uint8), square // 2), rectangle_kernel(square, square))):
        return None
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    opened = cv2.morphologyEx(_replicate(small, diameter), cv2.MORPH_OPEN, disc)
    opened = opened[diameter:-diameter, diameter:-diameter]
    if (opened > MIN_SHADING_CONTRAST).mean() < MIN_SHADING_AREA:
        return None
    return cv2.resize(cv2.GaussianBlur(opened, (0, 0), 1), (width, height))


def _replicate(values: np.ndarray, margin: int) -> np.ndarray:
    """Extend `values` (H, W) by a `margin` that repeats the border, as shadows continue outside of a picture."""
    return cv2.copyMakeBorder(values, margin, margin, margin, margin, cv2.BORDER_REPLICATE)


def _noise_level(sides: list[np.ndarray], opposite: np.ndarray | None) -> float:
    """Estimate an upper limit of the background's noise from the picture's border.

    sides: distances (H, W) in the direction of the writing and, if there are any, in the opposite direction.
    opposite: the pixels that differ in the opposite direction, (H, W) bool. These are noise for certain, and the noise
        in the direction of the writing is as strong, so they are preferred if there are enough on the border.
    """
    border = border_indices(*sides[0].shape)
    noise = None if opposite is None else sides[1].take(border)[opposite.take(border)]
    if noise is None or len(noise) < MIN_OPPOSITE_FRACTION * len(border):
        noise = sides[0].take(border)
    if np.count_nonzero(noise) < 0.5 * len(noise):
        return 0.0  # both medians are 0
    middle = median(noise)
    return float(middle + NOISE_SIGMAS * robust_sigma(np.abs(noise - middle)))


def _peak(intensity: np.ndarray) -> float:
    """Return the intensity of the strongest strokes: the maximum of (H, W) after leaving out dust."""
    dust = _max_dust_pixels(intensity)
    if not dust:
        return float(max_value(intensity))
    values = intensity.ravel()
    if len(intensity) > dust:
        # Of so many rows the maximum reaches this, so the peak does: the rest need not be sorted, which took a third of
        # the time of a page.
        row_maxima = cv2.reduce(intensity, 1, cv2.REDUCE_MAX).ravel()
        values = intensity[intensity >= np.partition(row_maxima, -dust - 1)[-dust - 1]]
    return float(np.partition(values, -dust - 1)[-dust - 1])


def _max_dust_pixels(intensity: np.ndarray) -> int:
    """Return how many pixels of (H, W) may be stronger than the peak."""
    return int(min(MAX_DUST_FRACTION * intensity.size, MAX_DUST_PIXELS))


def _is_penumbra(intensity: np.ndarray, peak: float) -> bool:
    """Whether `intensity` (H, W) is the soft edge of a shadow: wider than strokes, and reaching the border."""
    smooth = cv2.GaussianBlur(intensity, (0, 0), max(0.5, 0.01 * min(intensity.shape)))  # noise has edges, too
    mask = intensity > FOREGROUND_THRESHOLD * peak
    is_wide = stroke_width(smooth) > MIN_PENUMBRA_WIDTH * min(mask.shape)
    return is_wide and mask.take(border_indices(*mask.shape)).sum() > MIN_PENUMBRA_BORDER_FRACTION * mask.sum()
