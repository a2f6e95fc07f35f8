"""Digits as other pens and other hands than MNIST's write them.

MNIST was written with one kind of pen by Americans: hardly a 1 in it has a long flag, and there are no
markers, hairlines or tiny pictures. What it lacks is made of its own digits and of synthetic ones.
"""

import math

import cv2
import numpy as np
import torch
from tqdm import tqdm

from digits.data import synthetic
from digits.data.mnist import ImageDataset
from digits.recognition import normalization

RARE_FRACTIONS = {1: 0.15, 7: 0.05}  # share of all that are synthetic digits of the kinds that MNIST lacks most


def restyled_digits(count: int, digits: ImageDataset, seed: int, disable_progress: bool | None = None) -> ImageDataset:
    """`count` digits: a third of them `digits`, the others synthetic, most by other pens."""
    generator = torch.Generator().manual_seed(seed)
    rare = {label: round(share * count) for label, share in RARE_FRACTIONS.items()}
    made = synthetic.synthetic_digits(count - count // 3 - sum(rare.values()), generator)
    more = [synthetic.synthetic_digits(10 * number, generator) for number in rare.values()]
    more = [part[:0] if not len(part) else _select_label(part, label) for part, label in zip(more, rare, strict=True)]
    made = ImageDataset(
        torch.cat([made.images, *(p.images for p in more)]), torch.cat([made.labels, *(p.labels for p in more)])
    )
    chosen = torch.randint(len(digits), (count - len(made),), generator=generator)
    known = ImageDataset(digits.images[chosen].cpu(), digits.labels[chosen].cpu())
    images = torch.cat([made.images, known.images])
    rng = np.random.default_rng(seed)
    for number in tqdm(range(len(images)), "changing pens", leave=False, disable=disable_progress):
        if number >= len(made) or rng.random() < 0.5:
            images[number, 0] = torch.from_numpy(restyle(images[number, 0].numpy(), rng))
    return ImageDataset(images, torch.cat([made.labels, known.labels]))


def restyle(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A digit (28, 28) uint8 as another pen writes it: thinner, thicker, narrower, wider, blurred or coarser."""
    ink = np.pad(image, 4).astype(np.float32) / 255
    ink = cv2.resize(ink, None, fx=3 * math.exp(rng.normal(0, 0.2)), fy=3, interpolation=cv2.INTER_CUBIC)
    ink = dilate_or_erode(ink, rng.integers(-4, 5), 0.6).clip(0, 1)
    kind = rng.random()
    if kind < 0.2:  # out of focus
        ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(1.5, 4))
    elif kind < 0.4:  # a small picture of hard pixels
        shrink = rng.uniform(0.15, 0.3)
        small = cv2.resize(ink, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        ink = (small > 0.4 * small.max()).astype(np.float32)
    return normalization.normalize(ink)


def dilate_or_erode(ink: np.ndarray, pen: int, least: float) -> np.ndarray:
    """`ink` (H, W) with strokes wider by `pen` pixels, or narrower; as it was where less than `least` would be left."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(pen) + 1, abs(pen) + 1))
    changed = (cv2.dilate if pen > 0 else cv2.erode)(ink, kernel)
    return changed if changed.max() > least else ink


def _select_label(split: ImageDataset, label: int) -> ImageDataset:
    chosen = split.labels == label
    return ImageDataset(split.images[chosen], split.labels[chosen])
