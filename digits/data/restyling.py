"""Restyled digits: digits as they look when drawn with other pens and in other styles than MNIST's.

MNIST was written by Americans with one kind of pen: hardly any 1 has a long flag, and there are no markers, hairlines
or tiny pictures. Such digits are made from MNIST's own and from synthetic ones.
"""

import math

import cv2
import numpy as np
import torch
from tqdm import tqdm

from digits.data import pens, synthetic
from digits.data.mnist import ImageDataset
from digits.data.rare_hands import RARE_TEMPLATES
from digits.recognition import normalization

# Additional synthetic digits of the labels whose styles MNIST lacks most. With 0.08 of label 1 and none of label 4,
# people's 1 with a flag and 4 without a closed top were read right, but seldom with certainty.
RARE_FRACTIONS = {1: 0.12, 4: 0.03, 7: 0.03}
RARE_HANDS_FRACTION = 0.27  # drawn from `RARE_TEMPLATES`
COPIED_FRACTION = 0.45  # made from the training digits
# Of the copied digits, and of the synthetic ones: deformed as pens and forms do. The others are restyled, or stay.
DEFORMED_FRACTIONS = 0.6, 0.25


def restyled_digits(count: int, digits: ImageDataset, seed: int, disable_progress: bool | None = None) -> ImageDataset:
    """Make `count` digits: synthetic ones, many of rare hands, and copies of `digits`; most restyled or deformed."""
    generator = torch.Generator().manual_seed(seed)
    drawn = _draw_synthetic(count - round(COPIED_FRACTION * count), count, generator)
    chosen = torch.randint(len(digits), (count - len(drawn),), generator=generator)
    copied = digits[chosen.to(digits.labels.device)].to("cpu")
    images = torch.cat([drawn.images, copied.images])
    rng = np.random.default_rng(seed)  # a second generator, as NumPy cannot use the first
    for number in tqdm(range(count), "restyling digits", leave=False, disable=disable_progress):
        is_copied, choice = number >= len(drawn), rng.random()
        if choice < DEFORMED_FRACTIONS[0 if is_copied else 1]:
            images[number, 0] = torch.from_numpy(pens.deform(images[number, 0].numpy(), rng))
        elif is_copied or choice < 0.6:
            images[number, 0] = torch.from_numpy(restyle(images[number, 0].numpy(), rng))
    return ImageDataset(images, torch.cat([drawn.labels, copied.labels]))


def _draw_synthetic(synthetic_count: int, count: int, generator: torch.Generator) -> ImageDataset:
    """Draw `synthetic_count` synthetic digits, of which the rare ones are fractions of `count`."""
    rare_counts = {label: round(fraction * count) for label, fraction in RARE_FRACTIONS.items()}
    hands_count = round(RARE_HANDS_FRACTION * count)
    common_count = synthetic_count - hands_count - sum(rare_counts.values())
    parts = [synthetic.synthetic_digits(common_count, generator)]
    parts.append(synthetic.synthetic_digits(hands_count, generator, RARE_TEMPLATES))
    for label, rare_count in rare_counts.items():
        parts.append(synthetic.synthetic_digits(rare_count, generator, {label: synthetic.STROKE_TEMPLATES[label]}))
    return ImageDataset(torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts]))


def restyle(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make a digit (28, 28) uint8 thinner or thicker, narrower or wider, and sometimes blurred or pixelated."""
    intensity = np.pad(image, 4).astype(np.float32) / 255
    scale_x = math.exp(rng.normal(0, 0.2))
    intensity = cv2.resize(intensity, None, fx=3 * scale_x, fy=3, interpolation=cv2.INTER_CUBIC)
    intensity = dilate_or_erode(intensity, int(rng.integers(-4, 5)), min_peak=0.6).clip(0, 1)
    effect = rng.random()
    if effect < 0.2:  # out of focus
        intensity = cv2.GaussianBlur(intensity, (0, 0), rng.uniform(1.5, 4))
    elif effect < 0.4:  # a small picture without gray
        scale = rng.uniform(0.15, 0.3)
        small = cv2.resize(intensity, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        intensity = (small > 0.4 * small.max()).astype(np.float32)
    return normalization.normalize(intensity)


def dilate_or_erode(intensity: np.ndarray, change: int, min_peak: float) -> np.ndarray:
    """Make strokes of `intensity` (H, W) wider by `change` pixels, narrower where it is negative.

    Returns: `intensity` itself where no pixel of the result would exceed `min_peak`.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(change) + 1, abs(change) + 1))
    changed = (cv2.dilate if change > 0 else cv2.erode)(intensity, kernel)
    return changed if changed.max() > min_peak else intensity
