"""How good a network is, counted on labelled digits."""

import math

import torch
import torch.nn.functional as F

from digits.mnist import Split

BATCH = 1_000  # pictures a forward pass: enough to keep every core busy, 90 MB of activations


@torch.no_grad()
def logits(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What `model` says of `images` (N, 1, 28, 28) uint8: (N, 10), on their device."""
    model.eval()
    return torch.cat([model(part.float() / 255) for part in images.split(BATCH)])


def accuracy(model: torch.nn.Module, split: Split) -> float:
    """The share of `split` that is read right, in percent."""
    return 100 * (logits(model, split.images).argmax(1) == split.labels).sum().item() / len(split)


def per_digit(model: torch.nn.Module, split: Split) -> list[tuple[int, int]]:
    """For each digit 0 to 9: how many were read right, and how many there are."""
    right = logits(model, split.images).argmax(1) == split.labels
    return [(int(right[split.labels == d].sum()), int((split.labels == d).sum())) for d in range(10)]


def interval(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy, in percent: Wilson's score interval (1927).

    It stays inside 0 to 100 and is honest near 100 %, where the usual ± is not.
    """
    share, slack = right / count, z * z / count
    centre = (share + slack / 2) / (1 + slack)
    half = z * math.sqrt(share * (1 - share) / count + slack / (4 * count)) / (1 + slack)
    return 100 * (centre - half), 100 * (centre + half)


def temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """The divisor of `logits` (N, 10) under which their probabilities fit `labels` (N,) best.

    Source: Guo et al. 2017, arXiv 1706.04599. The likelihood has one peak in it, so a fine grid from
    1/4 to 4 is as good as an optimiser; it is also where divisors beyond reason end.
    """
    divisors = torch.logspace(-2, 2, 401, base=2)
    losses = [F.cross_entropy(logits / divisor.item(), labels).item() for divisor in divisors]
    return divisors[losses.index(min(losses))].item()
