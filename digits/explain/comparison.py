"""Compare networks, from the simplest to the largest, on the same normalized digits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from digits.files import load_metadata
from digits.probabilities import class_probabilities, forward_in_batches, to_input
from digits.recognition.results import Digit, Reading, TextLine


@dataclass(frozen=True)
class ComparedModel:
    """A network to compare.

    name: its kind, as model.NETWORKS calls it.
    test_accuracy: on the MNIST test images, in percent; None if it is not known.
    """

    name: str
    parameter_count: int
    test_accuracy: float | None
    network: torch.nn.Module


def recorded_accuracy(weights: Path) -> float | None:
    """Return the test accuracy, in percent, from the metadata next to `weights`; None if it is missing or invalid.

    People may edit the metadata, which `files.load_metadata` does not validate.
    """
    accuracy = load_metadata(weights).get("test_accuracy")
    is_number = isinstance(accuracy, int | float) and not isinstance(accuracy, bool)
    return accuracy if is_number and 0 <= accuracy <= 100 else None


def compare_models(
    reading: Reading, compared: Sequence[ComparedModel], device: str | torch.device = "cpu"
) -> list[Reading]:
    """Classify the digits of `reading`, as they were cut out, with each network of `compared`.

    Returns: the reading of each network.
    """
    inputs = to_input(np.array([digit.pixels for digit in reading.digits])).to(device)
    return [classify_digits(reading, one.network, inputs) for one in compared]


@torch.inference_mode()
def classify_digits(reading: Reading, network: torch.nn.Module, inputs: torch.Tensor) -> Reading:
    """Return the lines of `reading` as `network` classifies their digits, from their `inputs` (B, 1, 28, 28)."""
    rows = iter(class_probabilities(forward_in_batches(network, inputs)).tolist())
    lines = []
    for line in reading.lines:
        digits = tuple(Digit.from_probabilities(next(rows), digit.box, digit.pixels) for digit in line.digits)
        lines.append(TextLine(digits, math.prod(digit.probability for digit in digits)))
    return Reading(tuple(lines))
