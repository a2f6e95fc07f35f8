"""Data augmentation: a random affine map and an elastic distortion for each image.

Images are warped in batches on the training device, before each epoch.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from digits.recognition.normalization import IMAGE_SIZE

WARP_BATCH_SIZE = 256  # images warped at once: their working memory stays in the processor's cache
CONTROL_POINTS = 5  # per axis, displaced at random; the displacement of the pixels between them is interpolated


@dataclass(frozen=True)
class AugmentationRanges:
    """Ranges of the augmentation: each value is drawn uniformly from ± its range. Chosen on the validation split."""

    rotation: float = 10.0  # degrees; a 6 or 9 becomes ambiguous beyond 20
    scale: float = 0.10  # relative; drawn for each axis separately, so digits also get wider and taller
    shear: float = 0.15  # horizontal pixels per pixel of height: the slant of handwriting
    shift: float = 2.0  # pixels; the margin of 4 in a normalized digit keeps the strokes inside
    elastic: float = 0.0  # pixels by which each control point is displaced

    def scaled(self, factor: float, elastic: float) -> "AugmentationRanges":
        """Return the affine ranges multiplied by `factor`, with `elastic` in place of the elastic range."""
        affine = (self.rotation, self.scale, self.shear, self.shift)
        return AugmentationRanges(*(limit * factor for limit in affine), elastic=elastic)

    @property
    def is_identity(self) -> bool:
        """Whether all ranges are 0, so that images stay as they are."""
        return self == AugmentationRanges(0, 0, 0, 0, 0)


def sampling_grids(
    count: int, ranges: AugmentationRanges, generator: torch.Generator, size: int = IMAGE_SIZE
) -> torch.Tensor:
    """Draw `count` random maps of square images of `size` pixels, as grids for `torch.nn.functional.grid_sample`.

    The elastic distortion displaces control points and interpolates between them bicubically: the effect of
    Simard et al. 2003 ("Best practices for convolutional neural networks"), who blur noise, for less work.

    Returns: (count, size, size, 2) coordinates x, y in [-1, 1], on the generator's device.
    """

    def uniform(limit: float, *shape: int) -> torch.Tensor:
        return (torch.rand(count, *shape, generator=generator, device=generator.device) * 2 - 1) * limit

    angle = uniform(math.radians(ranges.rotation))
    scale_x, scale_y = 1 + uniform(ranges.scale), 1 + uniform(ranges.scale)
    shear = uniform(ranges.shear)
    # Maps an output pixel to the input position that it is sampled at, in units of half the image.
    inverse = torch.stack(
        [
            torch.stack([scale_x * angle.cos(), shear - angle.sin(), uniform(ranges.shift) * 2 / size], -1),
            torch.stack([angle.sin(), scale_y * angle.cos(), uniform(ranges.shift) * 2 / size], -1),
        ],
        dim=1,
    )  # (B, 2, 3)
    grid = F.affine_grid(inverse, [count, 1, size, size], align_corners=False)  # (B, size, size, 2)
    if ranges.elastic:
        displacement = uniform(ranges.elastic * 2 / size, 2, CONTROL_POINTS, CONTROL_POINTS)
        grid = grid + F.interpolate(displacement, size, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    return grid


def grid_sample(images: torch.Tensor, grids: torch.Tensor) -> torch.Tensor:
    """Sample each of `images` (B, 1, S, S) bilinearly at its own one of `grids` (B, S, S, 2).

    Positions outside the image count as 0 (background).
    """
    return F.grid_sample(images, grids, align_corners=False)


def augment(images: torch.Tensor, ranges: AugmentationRanges, generator: torch.Generator) -> torch.Tensor:
    """Warp each of `images` (N, 1, S, S) uint8 by its own random map.

    Returns: new images of the same shape and type; `images` themselves where `ranges` are all 0.
    """
    if ranges.is_identity or not len(images):
        return images
    batches = (
        grid_sample(batch.float(), sampling_grids(len(batch), ranges, generator, images.shape[-1]))
        for batch in images.split(WARP_BATCH_SIZE)
    )
    return torch.cat([batch.round_().byte() for batch in batches])
