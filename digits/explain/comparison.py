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
    return [classify_digits(reading.digits, one.network, inputs) for one in compared]


@torch.inference_mode()
def classify_digits(digits: Sequence[Digit], network: torch.nn.Module, inputs: torch.Tensor) -> Reading:
    """Return `digits` as `network` classifies them, from their `inputs` (B, 1, 28, 28)."""
    probabilities = class_probabilities(forward_in_batches(network, inputs)).tolist()
    pairs = zip(digits, probabilities, strict=True)
    classified = tuple(Digit.from_probabilities(row, digit.box, digit.pixels) for digit, row in pairs)
    return Reading((TextLine(classified, math.prod(digit.probability for digit in classified)),))
