"""Restyled digits: digits as they look when drawn with other pens and in other styles than MNIST's.

MNIST was written by Americans with one kind of pen: hardly any 1 has a long flag, and there are no markers, hairlines
or tiny pictures. Such digits are made from MNIST's own and from synthetic ones.
"""

import math

import cv2
import numpy as np
import torch
from tqdm import tqdm

from digits.data import synthetic
from digits.data.mnist import ImageDataset
from digits.recognition import normalization

RARE_FRACTIONS = {1: 0.15, 7: 0.05}  # additional synthetic digits of the labels whose styles MNIST lacks most


def restyled_digits(count: int, digits: ImageDataset, seed: int, disable_progress: bool | None = None) -> ImageDataset:
    """Make `count` digits: a third restyled from `digits`, the others synthetic, half of these restyled, too."""
    generator = torch.Generator().manual_seed(seed)
    rare_counts = {label: round(fraction * count) for label, fraction in RARE_FRACTIONS.items()}
    parts = [synthetic.synthetic_digits(count - count // 3 - sum(rare_counts.values()), generator)]
    for label, rare_count in rare_counts.items():
        candidates = synthetic.synthetic_digits(10 * rare_count, generator)  # a tenth of them have the label
        parts.append(candidates[candidates.labels == label])
    synthetic_count = sum(map(len, parts))
    chosen = torch.randint(len(digits), (count - synthetic_count,), generator=generator)
    parts.append(digits[chosen.to(digits.labels.device)].to("cpu"))
    images = torch.cat([part.images for part in parts])
    rng = np.random.default_rng(seed)  # a second generator, as the digits of the shipped weights were drawn from both
    for number in tqdm(range(len(images)), "restyling digits", leave=False, disable=disable_progress):
        if number >= synthetic_count or rng.random() < 0.5:
            images[number, 0] = torch.from_numpy(restyle(images[number, 0].numpy(), rng))
    return ImageDataset(images, torch.cat([part.labels for part in parts]))


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
