"""How good a network is, counted on labelled digits."""

import math

import torch
import torch.nn.functional as F

from digits.data.mnist import ImageDataset
from digits.probabilities import append_reject_logit, predict_logits


def accuracy(model: torch.nn.Module, split: ImageDataset) -> float:
    """The share of `split` that is read right, in percent."""
    return 100 * (predict_logits(model, split.images).argmax(1) == split.labels).sum().item() / len(split)


def per_class_counts(model: torch.nn.Module, split: ImageDataset) -> list[tuple[int, int]]:
    """For each digit 0 to 9: how many were read right, and how many there are."""
    right = predict_logits(model, split.images).argmax(1) == split.labels
    return [(int(right[split.labels == d].sum()), int((split.labels == d).sum())) for d in range(10)]


def wilson_interval(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy, in percent: Wilson's score interval (1927).

    It stays inside 0 to 100 and is honest near 100 %, where the usual ± is not.
    """
    share, slack = right / count, z * z / count
    centre = (share + slack / 2) / (1 + slack)
    half = z * math.sqrt(share * (1 - share) / count + slack / (4 * count)) / (1 + slack)
    return 100 * (centre - half), 100 * (centre + half)


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """The divisor of `logits` (N, 10), from 1/4 to 4, under which their probabilities fit `labels` (N,) best.

    Source: Guo et al. 2017, arXiv 1706.04599. The likelihood has one peak in it, which a ternary search
    finds to 1 part in 1,000; beyond 1/4 and 4 divisors lose reason.
    """

    def loss(power: float) -> float:
        return F.cross_entropy(append_reject_logit(logits) / 2**power, labels).item()

    low, high = -2.0, 2.0
    while high - low > 1e-3:
        third = (high - low) / 3
        if loss(low + third) < loss(high - third):
            high -= third
        else:
            low += third
    return 2 ** ((low + high) / 2)


@torch.no_grad()
def calibrate(model: torch.nn.Module, split: ImageDataset) -> torch.nn.Module:
    """`model`, its last layer divided in place by the number that makes its probabilities mean what they say.

    No digit is read differently.
    """
    divisor = fit_temperature(predict_logits(model, split.images), split.labels)
    for numbers in list(model.children())[-1].parameters():
        numbers.div_(divisor)
    return model


def confusion_matrix(read: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How often each digit (row) was `read` as each (column): (10, 10), from two (N,) of int64."""
    return torch.bincount(labels * 10 + read, minlength=100).view(10, 10)


def calibration_bins(probabilities: torch.Tensor, right: torch.Tensor, bins: int = 15) -> tuple[list[tuple], float]:
    """Whether of what was read with 90 % probability 90 % is right, from two (N,): a share and a truth.

    For each bin of probability that holds any: its mean probability, the share that is right, how many.
    And the expected calibration error, the mean distance between the two, in percent.
    Source: Naeini et al. 2015, with the 15 bins of Guo et al. 2017, arXiv 1706.04599.
    """
    place = (probabilities * bins).long().clamp(max=bins - 1)
    parts = []
    for number in place.unique():
        inside = place == number
        parts.append((probabilities[inside].mean().item(), right[inside].float().mean().item(), int(inside.sum())))
    error = sum(abs(said - was) * count for said, was, count in parts) / len(right)
    return parts, 100 * error
