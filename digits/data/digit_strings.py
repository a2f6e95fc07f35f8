"""Strings of digits by one writer, as close to each other as wanted.

MNIST has no numbers, only single digits. Numbers are composed of those of one writer, whose strokes and slant belong
together, with every two neighbors at a given gap: people write digits apart, touching, and over each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from digits.data.mnist import ImageDataset
from digits.data.writers import group_by_writer
from digits.recognition.arrays import crop_padded
from digits.recognition.geometry import Box
from digits.recognition.normalization import DIGIT_SIZE

# Of the intensity. Paler pixels are the soft edge of an enlarged stroke; gaps are measured between the others.
INK_THRESHOLD = 0.3
MARGIN = 0.5  # of the digit size: paper on all sides of a string
VERTICAL_JITTER = 0.03  # of the digit size: standard deviation; without it, no number on paper stands so level


@dataclass(frozen=True)
class GapRange:
    """The range of gaps between neighbors, as fractions of the digit size.

    A gap is the distance of the ink in the rows where two digits are closest; below 0 they overlap by as much.
    """

    low: float
    high: float


GAPS = {
    "apart": GapRange(0.05, 0.30),
    "touching": GapRange(-0.05, 0.0),
    "overlapping": GapRange(-0.12, -0.05),
}


@dataclass(frozen=True)
class DigitString:
    """A string of digits: the intensity (H, W) float32 of its foreground in [0, 1], and the digits as text."""

    intensity: np.ndarray
    text: str


def draw_strings(
    digits: ImageDataset, writers: torch.Tensor, count: int, length: int, gaps: GapRange, size: int, seed: int
) -> Iterator[DigitString]:
    """Draw `count` strings of `length` different images each, by one writer each.

    A writer is as likely as their share of the digits; writers of fewer than `length` digits are left out.
    writers: (N,), of `digits`.
    size: of a digit's longer side, in pixels.
    """
    rng = np.random.default_rng(seed)
    groups = [group.numpy() for group in group_by_writer(writers, length)]
    assert groups, f"no writer has {length} digits"
    shares = np.array([len(group) for group in groups]) / sum(map(len, groups))
    for _ in range(count):
        chosen = rng.choice(groups[rng.choice(len(groups), p=shares)], length, replace=False)
        distances = rng.uniform(gaps.low, gaps.high, length - 1).tolist()
        offsets = rng.normal(0, VERTICAL_JITTER, length).tolist()
        images = digits.images[chosen, 0].cpu().numpy()
        text = "".join(str(int(label)) for label in digits.labels[chosen])
        yield DigitString(compose(images, distances, offsets, size), text)


def compose(images: np.ndarray, gaps: Sequence[float], offsets: Sequence[float], size: int) -> np.ndarray:
    """Compose digits side by side, with a margin.

    images: (N, 28, 28) uint8.
    gaps: N - 1, between neighbors; see `GapRange`.
    offsets: N, downwards from the middle of the line. As all lengths, they are fractions of `size`.
    size: of the longer side of most digits, in pixels.

    Returns: foreground intensity (H, W) float32 in [0, 1].
    """
    line = np.zeros((2 * size, 0), np.float32)
    for image, gap, offset in zip(images, [0.0, *gaps], offsets, strict=True):
        digit = _center_vertically(enlarge(image, size), 2 * size, round(offset * size))
        line = append(line, digit, round(gap * size)) if line.size else digit
    left, top, width, height = cv2.boundingRect((line > INK_THRESHOLD).astype(np.uint8))
    return crop_padded(line, Box.from_size(left, top, width, height).expand(round(MARGIN * size)))


def enlarge(image: np.ndarray, size: int) -> np.ndarray:
    """Enlarge a digit (28, 28) uint8 so that DIGIT_SIZE pixels become `size`.

    Returns: intensity (h, w) float32 in [0, 1], cropped.
    """
    scale = size / DIGIT_SIZE
    digit = cv2.resize(np.pad(image, 2) / np.float32(255), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    digit = digit.clip(0, 1)  # cubic interpolation overshoots at edges
    left, top, width, height = cv2.boundingRect((digit > 0).astype(np.uint8))
    return digit[top : top + height, left : left + width]


def append(line: np.ndarray, digit: np.ndarray, gap: int) -> np.ndarray:
    """Append `digit` (H, w) to a `line` (H, W), with `gap` empty columns in the row where their ink is closest.

    Both are intensities in [0, 1]. If `gap` is negative, the ink overlaps in that row.
    """
    is_ink, is_digit_ink = line > INK_THRESHOLD, digit > INK_THRESHOLD
    ends = line.shape[1] - is_ink[:, ::-1].argmax(1)
    starts = is_digit_ink.argmax(1)
    is_shared = is_ink.any(1) & is_digit_ink.any(1)
    # Digits without a common row, such as a bar above a dot, stand behind each other.
    end = int((ends - starts)[is_shared].max()) if is_shared.any() else line.shape[1]
    left = max(0, end + gap)
    result = np.pad(line, ((0, 0), (0, max(0, left + digit.shape[1] - line.shape[1]))))
    region = result[:, left : left + digit.shape[1]]
    np.maximum(region, digit, out=region)
    return result


def _center_vertically(digit: np.ndarray, height: int, offset: int) -> np.ndarray:
    """Put `digit` (h, w) into the middle of `height` rows, and `offset` rows lower."""
    top = min(max((height - len(digit)) // 2 + offset, 0), height - len(digit))
    return np.pad(digit, ((top, height - len(digit) - top), (0, 0)))
