"""Every epoch sees every digit a little differently: turned, slanted, scaled, moved, bent.

One random map for each picture, made for many at once on the device that trains, before each epoch.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

IMAGE_SIZE = 28  # pixels
BATCH_SIZE = 256  # pictures warped at once: what they need stays in the processor's cache
CONTROL_POINTS = 5  # points a side that are displaced at random; between them the paper bends smoothly


@dataclass(frozen=True)
class AugmentationRanges:
    """How far a digit may go in each direction, drawn uniformly. Chosen on the validation split."""

    rotation: float = 10.0  # degrees; a 6 or 9 becomes doubtful beyond 20
    scale: float = 0.10  # of the size, on each axis by itself, so digits get wider and taller too
    shear: float = 0.15  # horizontal pixels a pixel of height: the slant of a hand
    shift: float = 2.0  # pixels; the frame's margin of 4 keeps the ink inside
    bend: float = 0.0  # pixels that each knot is displaced by

    def times(self, strength: float, bend: float) -> "AugmentationRanges":
        """All reaches but the bend times `strength`."""
        reaches = (self.rotation, self.scale, self.shear, self.shift)
        return AugmentationRanges(*(reach * strength for reach in reaches), bend=bend)

    @property
    def moves(self) -> bool:
        """Whether it does anything."""
        return self != AugmentationRanges(0, 0, 0, 0, 0)


def sampling_grids(count: int, by: AugmentationRanges, generator: torch.Generator) -> torch.Tensor:
    """Where `count` pictures are looked up: (count, 28, 28, 2) as x, y from -1 to 1, on the generator's device.

    Bending displaces a grid of knots and everything between them bicubically: what Simard et al. 2003
    do by blurring noise, for less work.
    """

    def uniform(reach: float, *shape: int) -> torch.Tensor:
        return (torch.rand(count, *shape, generator=generator, device=generator.device) * 2 - 1) * reach

    turn = uniform(math.radians(by.rotation))
    wide, tall = 1 + uniform(by.scale), 1 + uniform(by.scale)
    slant = uniform(by.shear)
    # Where each pixel of the result is looked up, in units of half the picture.
    back = torch.stack(
        [
            torch.stack([wide * turn.cos(), slant - turn.sin(), uniform(by.shift) * 2 / IMAGE_SIZE], -1),
            torch.stack([turn.sin(), tall * turn.cos(), uniform(by.shift) * 2 / IMAGE_SIZE], -1),
        ],
        dim=1,
    )  # (B, 2, 3)
    grid = F.affine_grid(back, [count, 1, IMAGE_SIZE, IMAGE_SIZE], align_corners=False)  # (B, 28, 28, 2)
    if by.bend:
        knots = uniform(by.bend * 2 / IMAGE_SIZE, 2, CONTROL_POINTS, CONTROL_POINTS)
        grid = grid + F.interpolate(knots, IMAGE_SIZE, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    return grid


def sample(images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """`images` (B, 1, 28, 28) in [0, 1], each looked up by its own of `maps` (B, 28, 28, 2).

    What comes in from outside is 0 (no ink).
    """
    return F.grid_sample(images, maps, align_corners=False)


def augment(images: torch.Tensor, by: AugmentationRanges, generator: torch.Generator) -> torch.Tensor:
    """A copy of `images` (N, 1, 28, 28) uint8, each warped by itself; uint8 again."""
    if not (by.moves and len(images)):
        return images
    parts = (sample(part.float(), sampling_grids(len(part), by, generator)) for part in images.split(BATCH_SIZE))
    return torch.cat([part.round_().byte() for part in parts])
