"""What light, cameras, scanners and thresholds do to line images, and what else gets into a picture.

All work on batches of line images (B, 1, 32, W) in [0, 1], white strokes on black, and return new ones.
"""

import torch
import torch.nn.functional as F

from digits.data.batch_images import Images, column, gaussian_blur, normalize_peak, smooth_noise
from digits.data.random_batch import RandomBatch


def add_object_on_left(images: Images, rng: RandomBatch) -> Images:
    """Let something dark reach in from the left: a finger, the table, a shadow, or a sliver along the edge."""
    height, width = images.shape[-2:]
    columns = torch.arange(width, device=images.device)
    rows = torch.arange(height, device=images.device)[:, None] - height / 2
    free = (images > 0.2).any(2)[:, 0].float().argmax(1) - rng.uniform(0, 3)
    reach = free.clamp(min=0) * rng.uniform(0.1, 1)
    bulge = column(rng.normal(0.02)).abs() * (rows - column(rng.uniform(-16, 16))).square()
    edge = column(reach) + column(rng.normal(0.15)) * rows - bulge
    shade = ((edge - columns) / column(rng.uniform(0.5, 4)) + 0.5).clamp(0, 1) * column(rng.uniform(0.3, 1))
    return torch.where(column(free) > 2, torch.maximum(images, shade), images)


def add_object_on_right(images: Images, rng: RandomBatch) -> Images:
    """As `add_object_on_left`, at the end of the line."""
    columns = torch.arange(images.shape[3], device=images.device)
    last = images.shape[3] - 1 - (images > 0.2).any(2)[:, 0].flip(1).float().argmax(1)
    end = last + rng.uniform(3, 24)  # the picture's edge: what follows is empty
    shift = (images.shape[3] - end).round().long().clamp(0, images.shape[3] - 1)
    rolled = images.gather(3, ((columns - column(shift)) % images.shape[3]).expand_as(images).long())
    changed = add_object_on_left(rolled.flip(3), rng).flip(3)
    back = changed.gather(3, ((columns + column(shift)) % images.shape[3]).expand_as(images).long())
    return torch.where(columns < column(end), back, images)


def add_specks(images: Images, rng: RandomBatch) -> Images:
    """Add a few specks of dust, each smaller than a decimal point."""
    specks = (rng.uniform(0, 1, *images.shape[1:]) < 0.002).float() * column(rng.uniform(0.3, 1))
    return torch.maximum(images, gaussian_blur(specks, rng.uniform(0.2, 0.5)))


def fade(images: Images, rng: RandomBatch) -> Images:
    """Let the contrast vary along the line: light that falls off, pressure of the pen."""
    return images * (1 - column(rng.uniform(0.1, 0.7)) * smooth_noise(images, 60, rng).sigmoid())


def blur(images: Images, rng: RandomBatch) -> Images:
    """Put the line out of focus."""
    return gaussian_blur(images, rng.uniform(0.4, 1.6))


def pixelate(images: Images, rng: RandomBatch) -> Images:
    """Take the line with 40 to 70 % of the pixels, as in a small picture."""
    factor = 1 / (1.4 + 1.1 * float(rng.uniform(0, 1)[0]))
    small = F.interpolate(images, scale_factor=factor, mode="bilinear", antialias=True)
    return F.interpolate(small, images.shape[-2:], mode="bilinear")


def sharpen(images: Images, rng: RandomBatch) -> Images:
    """Give strokes hard edges, as a threshold does."""
    return ((normalize_peak(images) - column(rng.uniform(0.25, 0.6))) * 12 + 0.5).clamp(0, 1)


def add_grain(images: Images, rng: RandomBatch) -> Images:
    """Add the noise of a camera."""
    return (images + rng.normal(1.0, *images.shape[1:]) * column(rng.uniform(0.02, 0.12))).clamp(0, 1)


def change_gamma(images: Images, rng: RandomBatch) -> Images:
    """Make pale strokes paler or stronger."""
    return normalize_peak(images) ** column(rng.normal(0.3).exp())
