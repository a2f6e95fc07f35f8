"""Metrics of a classifier on labeled digits: accuracy, confidence interval, confusion matrix, calibration."""

import math

import torch
import torch.nn.functional as F

from digits.data.mnist import ImageDataset
from digits.probabilities import append_reject_logit, predict_logits


def accuracy(network: torch.nn.Module, dataset: ImageDataset) -> float:
    """Compute the accuracy of `network` on `dataset`, in percent."""
    return percent_correct(predict_logits(network, dataset.images).argmax(1), dataset.labels)


def percent_correct(predictions: torch.Tensor, labels: torch.Tensor) -> float:
    """Compute how many of `predictions` (N,) equal `labels` (N,), in percent."""
    return 100 * (predictions == labels).sum().item() / len(labels)


def per_class_counts(predictions: torch.Tensor, labels: torch.Tensor) -> list[tuple[int, int]]:
    """Count the images of each digit 0 to 9, from two int64 (N,): (correctly classified, total)."""
    correct = predictions == labels
    return [(int(correct[labels == digit].sum()), int((labels == digit).sum())) for digit in range(10)]


def wilson_interval(correct: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Confidence interval of an accuracy, in percent, 95 % by default: Wilson's score interval (1927).

    It stays within 0 to 100 and keeps its coverage near 100 %, where the normal approximation (mean ± z * sigma) does
    not.
    """
    proportion, correction = correct / total, z * z / total
    center = (proportion + correction / 2) / (1 + correction)
    half_width = z * math.sqrt(proportion * (1 - proportion) / total + correction / (4 * total)) / (1 + correction)
    return 100 * (center - half_width), 100 * (center + half_width)


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Find the divisor of `logits` (N, 10), in [1/4, 4], that minimizes the cross-entropy to `labels` (N,).

    The cross-entropy has one minimum there, which a ternary search finds to 1 part in 1,000. Values beyond 1/4 and 4
    would not be plausible temperatures.

    Source: Guo et al. 2017, arXiv 1706.04599.
    """

    def loss(log2_temperature: float) -> float:
        return F.cross_entropy(append_reject_logit(logits) / 2**log2_temperature, labels).item()

    low, high = -2.0, 2.0
    while high - low > 1e-3:
        third = (high - low) / 3
        if loss(low + third) < loss(high - third):
            high -= third
        else:
            low += third
    return 2 ** ((low + high) / 2)


@torch.no_grad()
def calibrate(network: torch.nn.Module, dataset: ImageDataset) -> torch.nn.Module:
    """Divide the last layer of `network` in place by the temperature fitted on `dataset`.

    Probabilities are calibrated by that; the predicted digits stay the same.

    Returns: `network`.
    """
    temperature = fit_temperature(predict_logits(network, dataset.images), dataset.labels)
    for parameter in list(network.children())[-1].parameters():
        parameter.div_(temperature)
    return network


def confusion_matrix(predictions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Count how often each digit (row) was predicted as each digit (column): (10, 10), from two int64 (N,)."""
    return torch.bincount(labels * 10 + predictions, minlength=100).view(10, 10)


def calibration_bins(
    probabilities: torch.Tensor, correct: torch.Tensor, num_bins: int = 15
) -> tuple[list[tuple[float, float, int]], float]:
    """Compare predicted probabilities (N,) with how often the predictions are correct, bool (N,).

    Returns: (mean probability, accuracy in [0, 1], count) of each bin of probability that is not empty; and the
    expected calibration error, the mean distance between the two weighted by the count, in percent.

    Source: Naeini et al. 2015, with the 15 bins of Guo et al. 2017, arXiv 1706.04599.
    """
    bin_indices = (probabilities * num_bins).long().clamp(max=num_bins - 1)
    bins = []
    for index in bin_indices.unique():
        in_bin = bin_indices == index
        bins.append((probabilities[in_bin].mean().item(), correct[in_bin].float().mean().item(), int(in_bin.sum())))
    error = sum(abs(predicted - observed) * count for predicted, observed, count in bins) / len(correct)
    return bins, 100 * error
