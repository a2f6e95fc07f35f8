"""Which ink of a digit speaks for each of the ten, and which against: the network is asked with most of it covered.

Random blots cover two thirds of a digit, again and again. How much surer the network is of a 7 where a pixel is seen
than where it is covered, on average over all that may be covered beside it, is what this pixel says for 7. To cover
one patch of a whole digit would ask less: what its other ink says as well is then not missed.

Sources: RISE, Petsiuk et al. 2018, arXiv 1806.07421, with its masks made smooth and moved; occlusion, Zeiler & Fergus
2014, arXiv 1311.2901. bench/heat.py says how well it points at the stroke that made one digit another.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F

from digits import scores
from digits.frame import SIDE

METHOD = "occlusion"
MASKS = 384  # with 256 the heat of two seeds is correlated by 0.94, so by 0.96; more take 7 ms a hundred
BLOT = 4  # pixels: a stroke and its edges; with 3 and 5 the peak is found as often, with 6 more coarsely
# The share of the digit that is seen. The peak against the old digit is found in 95 of 100 pairs of bench/heat.py, with
# 0.5 in 97, but the heat for the new one lies on what was added in fewer; from 0.2 on down nothing is read any more.
SEEN = 0.3


@torch.inference_mode()
def heat(frame: np.ndarray, network: torch.nn.Module, device: str | torch.device = "cpu") -> torch.Tensor:
    """What each pixel of `frame` (28, 28) uint8 says for each digit, above 0, or against it: (10, 28, 28).

    In the units of `likelier`, and 0 where there is no ink; what speaks for one digit speaks against others, so that
    the ten are 0 in all.
    """
    seen = masks()
    ink = torch.from_numpy(frame / np.float32(255))
    covered = (ink * seen)[:, None].to(device)  # (MASKS, 1, 28, 28)
    said = torch.cat([likelier(network(batch)) for batch in covered.split(scores.BATCH)]).cpu()  # (MASKS, 10)
    seen = seen - seen.mean(0)
    slopes = torch.einsum("md,myx->dyx", said - said.mean(0), seen) / seen.square().sum(0)
    return slopes * (ink > 0)


def likelier(logits: torch.Tensor) -> torch.Tensor:
    """How much likelier each digit is than the ten are on average, as logarithms, from logits (B, 10): (B, 10).

    Whether it is a digit at all cancels out: with it, all ink would speak for whatever was read.
    """
    return logits - logits.mean(1, keepdim=True)


@functools.cache
def masks() -> torch.Tensor:
    """What is seen each time, 1, and what is covered, 0, with soft edges: (MASKS, 28, 28), always the same."""
    random = torch.Generator().manual_seed(0)
    across = SIDE // BLOT + 2  # so that they may begin up to a blot further left and above
    coarse = (torch.rand(MASKS, 1, across, across, generator=random) < SEEN).float()
    fine = F.interpolate(coarse, scale_factor=BLOT, mode="bilinear")[:, 0]
    starts = torch.randint(BLOT, (MASKS, 2), generator=random).tolist()
    return torch.stack([mask[y : y + SIDE, x : x + SIDE] for mask, (y, x) in zip(fine, starts, strict=True)])
