"""Saliency maps: how much each pixel of a digit counts for and against each of the ten classes (RISE).

Random masks cover about 70 % of the digit, again and again. A pixel's saliency for class 7 is how much larger the
logit of 7 is where the pixel is visible than where it is covered, on average over everything that is covered with it.
Occlusion of a single patch would miss redundant strokes, which the network can do without.

Sources: RISE, Petsiuk et al. 2018, arXiv 1806.07421, here with smooth, shifted masks; occlusion, Zeiler & Fergus 2014,
arXiv 1311.2901. bench/saliency.py measures how well the maps point at the stroke that turns one digit into another.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F

from digits.probabilities import forward_in_batches, to_input
from digits.recognition.normalization import IMAGE_SIZE

METHOD = "rise"
# Maps from other random masks correlate with these by 0.89, on the foreground of 60 MNIST digits; with 256 masks by
# 0.86, with 768 by 0.95. A hundred masks take 5 ms.
NUM_MASKS = 384
# The next two were chosen on 130 pairs of `bench.saliency --choose`: the peak for the new digit lies on the added
# stroke in 66 % of them, the peak against the old digit in 96 %.
# Side of a mask cell in pixels: a stroke and its edges. With 3 it is 52 and 91 %; with 5 it is 67 and 98 %, but the
# maps are coarser.
CELL = 4
# Fraction of cells that stay visible. With 0.5 it is 59 and 98 %, with 0.2 it is 59 and 83 %: hardly anything is
# recognized then.
KEEP_PROBABILITY = 0.3


@torch.inference_mode()
def rise(pixels: np.ndarray, network: torch.nn.Module, device: str | torch.device = "cpu") -> torch.Tensor:
    """Compute the saliency maps of a normalized digit (28, 28) uint8, one for each class.

    Returns: (10, 28, 28), in logits relative to their mean; positive where a pixel counts for the class, negative
    where it counts against it, 0 in the background. The ten maps sum to 0.
    """
    masks = random_masks()
    intensity = to_input(pixels)[0, 0]
    masked = (intensity * masks)[:, None].to(device)  # (NUM_MASKS, 1, 28, 28)
    logits = centered_logits(forward_in_batches(network, masked)).cpu()
    deviations = masks - masks.mean(0)
    # Slope of the linear regression of each logit on the visibility of each pixel.
    slopes = torch.einsum("md,myx->dyx", logits - logits.mean(0), deviations) / deviations.square().sum(0)
    return slopes * (intensity > 0)


def centered_logits(logits: torch.Tensor) -> torch.Tensor:
    """Subtract the mean of the ten logits (B, 10) of each image.

    The mean indicates whether there is a digit at all. Without this, all of the foreground would count for the
    predicted class, and the peak for the new digit would lie on the added stroke in at least a quarter fewer of the
    pairs.
    """
    return logits - logits.mean(1, keepdim=True)


@functools.cache
def random_masks() -> torch.Tensor:
    """Draw the masks, always the same: (NUM_MASKS, 28, 28), 1 visible, 0 covered, with soft edges."""
    generator = torch.Generator().manual_seed(0)
    cells = IMAGE_SIZE // CELL + 2  # a margin, as each mask is shifted by up to a cell
    coarse = (torch.rand(NUM_MASKS, 1, cells, cells, generator=generator) < KEEP_PROBABILITY).float()
    fine = F.interpolate(coarse, scale_factor=CELL, mode="bilinear")[:, 0]
    shifts = torch.randint(CELL, (NUM_MASKS, 2), generator=generator).tolist()
    return torch.stack(
        [mask[y : y + IMAGE_SIZE, x : x + IMAGE_SIZE] for mask, (y, x) in zip(fine, shifts, strict=True)]
    )
