"""From a picture to its ink: what stands out from the paper, whatever the colors and the light.

Ink is what differs in color from the paper. The paper's color is that of the border; where it changes, a
smooth surface is fitted to it (light that falls off), and what is wider than any stroke is taken off (the
shadow of a hand). Its grain, seen where it differs the other way than ink does, is no ink. Then what is no
writing goes: a frame around the picture, the table beside the sheet, ruled lines.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from digits.recognition.arrays import border_indices, downscale, max_value, median, quantile, rectangle_kernel
from digits.recognition.background import estimate_background

MIN_CONTRAST = 0.08  # least contrast, as a share of black to white, that counts as written
FOREGROUND_THRESHOLD = 0.15  # what is below this share of the darkest ink is no edge of a digit
MIN_MEDIAN_INTENSITY = (
    0.3  # median of the ink: if paler, most is shade (MNIST: from 0.53 on, hairlines 0.52, people's photos 0.33)
)
STRONG_THRESHOLD = 0.4  # of the darkest ink: few strokes are as pale
OUTLIER_SHARE, MAX_OUTLIERS = (
    2e-4,
    50,
)  # share of the pixels, and pixels, that may be darker than what is called the darkest ink
SHADING_SIDE = 192  # pixels of the longer side, enough to find shadows on
LOCAL_WINDOW = 0.25  # of the shorter side: the median of so much is paper, as it is the most of it
MAX_STROKE_FRACTION = 0.36  # of the shorter side: no stroke is as wide, but for those of a digit cut out
SHADING_MIN_CONTRAST, SHADING_MIN_AREA = 0.02, 0.08  # of black to white, and of the picture: what is less is no shadow
PENUMBRA_MAX_CONTRAST, PENUMBRA_MIN_WIDTH = (
    0.2,
    0.06,
)  # what has less contrast, of the shorter side wider strokes, and goes on outside is half-shade
MIN_PAGE_SIDE = 64  # pixels: a smaller picture is a digit cut out, with no rules, edges or frame


@dataclass(frozen=True)
class Foreground:
    """How much of it each pixel has, (H, W) float32 from 0 to 1, the darkest; its contrast to the paper, 0 to 1."""

    intensity: np.ndarray
    contrast: float

    def pad_to(self, shape: tuple[int, int], top: int, left: int) -> "Foreground":
        """This ink in a larger picture of `shape` (H, W)."""
        around = np.zeros(shape, np.float32)
        around[top : top + self.intensity.shape[0], left : left + self.intensity.shape[1]] = self.intensity
        return Foreground(around, self.contrast)


def extract_foreground(colors: np.ndarray) -> Foreground | None:
    """The ink of a picture (H, W, C) uint8; None where nothing is written."""
    if margin := _margin(colors):
        inner = extract_foreground(colors[margin:-margin, margin:-margin])
        return inner and Foreground(np.pad(inner.intensity, margin), inner.contrast)
    colors = colors / np.float32(255)
    return _extract(estimate_background(colors), colors)


def extract_with_local_background(colors: np.ndarray) -> Foreground | None:
    """The same, taking for paper what is seen around each place, so that light may change however it likes.

    Where writing covers more than half of LOCAL_WINDOW it is then taken for paper, too.
    """
    height, width = colors.shape[:2]
    small = downscale(colors, SHADING_SIDE)
    paper = cv2.medianBlur(small, round(LOCAL_WINDOW * min(small.shape[:2])) | 1)
    paper = cv2.resize(paper, (width, height)).reshape(colors.shape).astype(np.float32) / 255
    light = paper.mean(2, keepdims=True)  # ink in the shade is darker, too
    evened = light.max() / light.clip(max(light.max() / 4, 1 / 255))
    return _extract(paper * evened, colors / np.float32(255) * evened)


def _extract(paper: np.ndarray, colors: np.ndarray) -> Foreground | None:
    """The ink of `colors` (H, W, C) on `paper`, (C,) or (H, W, C), from 0 to 1 both; None where there is none."""
    intensity = _distance(colors - paper)
    if min(intensity.shape) >= MIN_PAGE_SIDE:
        _remove_borders(intensity)
        _remove_ruled_lines(intensity)
    peak = _peak(intensity)
    if peak < MIN_CONTRAST or (
        peak < PENUMBRA_MAX_CONTRAST and _is_shade(intensity > FOREGROUND_THRESHOLD * peak, stroke_width(intensity))
    ):
        return None
    intensity = intensity / peak
    return Foreground(np.minimum(intensity, 1) if _outlier_pixels(intensity) else intensity, peak)


def is_mostly_pale(ink: Foreground) -> bool:
    """Whether most of `ink` is so pale that it is rather the edge of a shadow than writing."""
    return np.count_nonzero(ink.intensity > MIN_MEDIAN_INTENSITY) < 0.5 * np.count_nonzero(
        ink.intensity > FOREGROUND_THRESHOLD
    )


def threshold_strong(ink: Foreground) -> Foreground:
    """`ink` without what is paler than STRONG_THRESHOLD of it: the edge of a shadow, rules, what shows through from behind."""
    return Foreground((ink.intensity - STRONG_THRESHOLD).clip(0) / (1 - STRONG_THRESHOLD), ink.contrast)


def _margin(colors: np.ndarray) -> int:
    """How wide a frame of one color is that runs along all sides of the picture (H, W, C) uint8; 0 for none."""
    height, width = colors.shape[:2]
    if min(height, width) < MIN_PAGE_SIDE:
        return 0

    def ring(k: int) -> np.ndarray:  # the pixels k from the border, (N, C)
        across, down = colors[[k, -1 - k], k : width - k], colors[k : height - k, [k, -1 - k]]
        return np.concatenate([across.reshape(-1, colors.shape[2]), down.reshape(-1, colors.shape[2])]).astype(int)

    def alike(k: int, reach: int) -> tuple[np.ndarray, float]:  # their median; the share of them near it
        pixels = ring(k)
        middle = median(pixels)
        return middle, (np.abs(pixels - middle).max(1) < reach).mean()

    frame, share = alike(0, 16)
    if share < 0.9:
        return 0
    for k in range(1, round(0.08 * min(height, width))):
        if np.abs(median(ring(k)) - frame).max() > 32:
            inner = k + 1 + min(height, width) // 500  # its edge may be soft
            return inner + 1 if alike(inner, 32)[1] > 0.6 else 0
    return 0


def _distance(difference: np.ndarray) -> np.ndarray:
    """How far each color is from the paper's, given their `difference` (H, W, C): (H, W), 1 from black to white.

    Ink lies to one side of the paper, darker say: what lies to the other, and what is no more than grain, is 0.
    """
    channels = difference.shape[2]
    distance = np.abs(difference[..., 0])
    if channels > 1:
        distance = np.sqrt(np.einsum("hwc,hwc->hw", difference, difference) / channels)
    other = _opposite_polarity(difference, distance)
    opposite = None if other is None else distance * other
    sides = [distance] if other is None else [distance - opposite, opposite]
    wide = [_shading(side) for side in sides]
    if any(part is not None for part in wide):  # light and shade: writing is what is thin, be it lighter or darker
        sides = [side if part is None else np.maximum(side - part, 0) for side, part in zip(sides, wide, strict=True)]
        if other is not None and _peak(sides[1]) > _peak(sides[0]):
            sides, other = sides[::-1], ~other
    noise = _noise_level(sides, other)
    return np.maximum(sides[0] - noise, 0) if noise else sides[0]


def _opposite_polarity(difference: np.ndarray, distance: np.ndarray) -> np.ndarray | None:
    """Which colors lie to the other side of the paper than the strongest do, (H, W) bool; None where none does.

    Given their `difference` (H, W, C) to the paper and their `distance` (H, W).
    """
    least, most, _, _ = cv2.minMaxLoc(difference.reshape(len(difference), -1))
    if least >= 0 or most <= 0:  # as where black is written on white: no angle is obtuse
        return None
    height, width = distance.shape
    strongest = distance >= quantile(distance[:: 1 + height // 200, :: 1 + width // 200], 0.98)
    return difference @ difference[strongest].mean(0) < 0


def _shading(distance: np.ndarray) -> np.ndarray | None:
    """What of `distance` (H, W) is wider than a stroke, its opening; None where there is little of that."""
    height, width = distance.shape
    small = downscale(distance, SHADING_SIDE)
    shaded = small > SHADING_MIN_CONTRAST
    if np.count_nonzero(shaded) / small.size < SHADING_MIN_AREA:
        return None  # at once, as an opening is nowhere more
    side = round((MAX_STROKE_FRACTION if min(height, width) >= MIN_PAGE_SIDE else 0.5) * min(small.shape)) | 1
    inside = round(0.6 * side)  # of a square in that disc: where not even that fits, nothing is left
    if not max_value(cv2.erode(_continued(shaded.view(np.uint8), inside // 2), rectangle_kernel(inside, inside))):
        return None
    around = _continued(small, side)
    wide = cv2.morphologyEx(around, cv2.MORPH_OPEN, _disc(side))[side:-side, side:-side]
    if (wide > SHADING_MIN_CONTRAST).mean() < SHADING_MIN_AREA:
        return None
    return cv2.resize(cv2.GaussianBlur(wide, (0, 0), 1), (width, height))


def _continued(picture: np.ndarray, margin: int) -> np.ndarray:
    """`picture` (H, W) with a `margin` in which its border goes on, as shadows do."""
    return cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_REPLICATE)


def _noise_level(sides: list[np.ndarray], other: np.ndarray | None) -> float:
    """What of the first of `sides`, (H, W) each, is grain of the paper: on the border, the median and four deviations.

    What differs from the paper to the `other` side than ink does, (H, W) bool, by as much as the second of `sides`
    says, is surely grain, and that which looks like ink is as strong.
    """
    rim = border_indices(*sides[0].shape)
    grain = () if other is None else sides[1].take(rim)[other.take(rim)]
    if len(grain) < 0.2 * len(rim):
        grain = sides[0].take(rim)
    if np.count_nonzero(grain) < 0.5 * len(grain):
        return 0.0  # as both medians are
    middle = median(grain)
    return float(middle + 4 * 1.4826 * median(np.abs(grain - middle)))


def _peak(intensity: np.ndarray) -> float:
    """How dark the darkest ink is, but for dust."""
    motes = _outlier_pixels(intensity)
    return float(np.partition(intensity.ravel(), -motes - 1)[-motes - 1] if motes else max_value(intensity))


def _outlier_pixels(intensity: np.ndarray) -> int:
    """How many pixels of (H, W) may be darker than what is called the darkest ink."""
    return int(min(OUTLIER_SHARE * intensity.size, MAX_OUTLIERS))


def _remove_borders(intensity: np.ndarray) -> None:
    """Take off what covers whole sides of `intensity` (H, W), in place: the table beside the sheet."""
    mask = intensity > FOREGROUND_THRESHOLD * _peak(intensity)
    for side, ink in (
        (mask, intensity),
        (mask[::-1], intensity[::-1]),
        (mask.T, intensity.T),
        (mask.T[::-1], intensity.T[::-1]),
    ):
        covered, most = side[: len(side) // 3].mean(1), 0.97
        depth = 0
        for share in covered:
            if share < most:
                break
            depth, most = depth + 1, 0.5  # its edge may be crooked
        if depth:
            ink[: depth + 2 + len(side) // 100] = 0


def _remove_ruled_lines(intensity: np.ndarray) -> None:
    """Take off ruled lines, in place; what is darker than them is written over them and stays."""
    peak = _peak(intensity)
    mask = (intensity > FOREGROUND_THRESHOLD * peak).astype(np.uint8)
    lines = [(intensity[rows], *line) for rows, *line in _ruled_lines(mask)]
    lines += [(intensity.T[columns], *line) for columns, *line in _ruled_lines(mask.T)]
    levels = []
    for band, _, inside in lines:
        # A digit's bar may lie along it for a while: of its columns the lighter ones count.
        levels.append(1.15 * float(quantile(np.where(inside, band, 0).max(0)[inside.any(0)], 0.4)))
    for (band, line, _), level in zip(lines, levels, strict=True):
        band[line] = (band[line] - level).clip(0) * (peak / (peak - level)) if level < 0.8 * peak else 0


def _ruled_lines(mask: np.ndarray) -> list[tuple[slice, np.ndarray, np.ndarray]]:
    """Thin lines from side to side of `mask` (H, W) uint8: the rows h of each, where in them it is, widely and closely.

    (h, W) bool both.
    """
    height, width = mask.shape
    flat = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, max(9, width // 12)), np.uint8))
    if flat.sum() < 0.5 * width:
        return []
    joined = cv2.dilate(flat, np.ones((3, 1), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((1, width // 4), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    found = []
    for number in (n for n in range(1, count) if stats[n][cv2.CC_STAT_WIDTH] >= 0.97 * width):
        top, tall = stats[number][cv2.CC_STAT_TOP], stats[number][cv2.CC_STAT_HEIGHT]
        rows = slice(int(top), int(top + tall))
        line = labels[rows] == number
        inside = line & (flat[rows] > 0)
        columns = inside.any(0).sum()
        if columns >= 0.5 * width and inside.sum() <= max(2, 0.015 * min(height, width)) * columns:
            found.append((rows, line, inside))
    return found


def _is_shade(mask: np.ndarray, width: float) -> bool:
    """Whether what is in `mask` (H, W), of a mean `width`, is broad and reaches the border."""
    return (
        width > PENUMBRA_MIN_WIDTH * min(mask.shape)
        and mask.take(border_indices(*mask.shape)).sum() > 0.02 * mask.sum()
    )


def stroke_width(intensity: np.ndarray) -> float:
    """How wide strokes are, in pixels: twice their area over the length of their edges, grain smoothed."""
    intensity = cv2.GaussianBlur(intensity, (0, 0), max(0.5, 0.01 * min(intensity.shape)))
    across, down = np.diff(intensity, axis=1)[:-1], np.diff(intensity, axis=0)[:, :-1]
    return float(2 * intensity.sum() / max(1e-6, np.hypot(across, down).sum()))


def _disc(side: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
