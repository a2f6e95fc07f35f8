"""Which ink of a digit speaks for each of the ten, and which against: the network is asked with most of it covered.

Random blots cover two thirds of a digit, again and again. How much surer the network is of a 7 where a pixel is seen
than where it is covered, on average over all that may be covered beside it, is what this pixel says for 7. Where only
one patch of a whole digit is covered, what other ink says as well is not missed, and so seems to say nothing.

Sources: RISE, Petsiuk et al. 2018, arXiv 1806.07421, with its masks made smooth and moved; occlusion, Zeiler & Fergus
2014, arXiv 1311.2901. bench/saliency.py says how well it points at the stroke that made one digit another.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F

from digits.probabilities import BATCH_SIZE
from digits.recognition.normalization import IMAGE_SIZE

METHOD = "rise"
# The heat that other masks give on the ink of 60 of MNIST's digits is correlated with this by 0.89; with 256 by 0.86,
# with 768 by 0.95. A hundred take 5 ms.
NUM_MASKS = 384
# What follows was chosen by 130 of the pairs of `bench.saliency --choose`: the peak for the new digit lies on what was
# added in 66 % of them, the one against the old digit in 96 %.
CELL = 4  # pixels: a stroke and its edges. With 3 they are 52 and 91 %; with 5 they are 67 and 98 %, and coarser
KEEP_PROBABILITY = (
    0.3  # of the digit. With 0.5 they are 59 and 98 %, with 0.2 again 59 and 83 %: hardly anything is read any more
)


@torch.inference_mode()
def rise(frame: np.ndarray, network: torch.nn.Module, device: str | torch.device = "cpu") -> torch.Tensor:
    """What each pixel of `frame` (28, 28) uint8 says for each digit, above 0, or against it: (10, 28, 28).

    In the units of `likelier`, and 0 where there is no ink; what speaks for one digit speaks against others, so that
    the ten are 0 in all.
    """
    seen = random_masks()
    ink = torch.from_numpy(frame / np.float32(255))
    covered = (ink * seen)[:, None].to(device)  # (MASKS, 1, 28, 28)
    said = torch.cat([centered_logits(network(batch)) for batch in covered.split(BATCH_SIZE)]).cpu()  # (MASKS, 10)
    seen = seen - seen.mean(0)
    slopes = torch.einsum("md,myx->dyx", said - said.mean(0), seen) / seen.square().sum(0)
    return slopes * (ink > 0)


def centered_logits(logits: torch.Tensor) -> torch.Tensor:
    """How much likelier each digit is than the ten are on average, as logarithms, from logits (B, 10): (B, 10).

    Whether it is a digit at all cancels out: otherwise all ink would speak for whatever was read, and the peak for the
    new digit would lie on what was added in a quarter fewer of the pairs, or more.
    """
    return logits - logits.mean(1, keepdim=True)


@functools.cache
def random_masks() -> torch.Tensor:
    """What is seen each time, 1, and what is covered, 0, with soft edges: (MASKS, 28, 28), always the same."""
    random = torch.Generator().manual_seed(0)
    across = IMAGE_SIZE // CELL + 2  # so that they may begin up to a blot further left and above
    coarse = (torch.rand(NUM_MASKS, 1, across, across, generator=random) < KEEP_PROBABILITY).float()
    fine = F.interpolate(coarse, scale_factor=CELL, mode="bilinear")[:, 0]
    starts = torch.randint(CELL, (NUM_MASKS, 2), generator=random).tolist()
    return torch.stack(
        [mask[y : y + IMAGE_SIZE, x : x + IMAGE_SIZE] for mask, (y, x) in zip(fine, starts, strict=True)]
    )
