"""Compare networks, from the simplest to the largest, on the same normalized digits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from digits.files import load_metadata
from digits.probabilities import class_probabilities, forward_in_batches, to_input
from digits.recognition.results import Digit, Reading


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
    """Return the test accuracy, in percent, from the metadata next to `weights`; None if there is no valid one."""
    accuracy = load_metadata(weights).get("test_accuracy")
    return accuracy if type(accuracy) in (int, float) and 0 <= accuracy <= 100 else None


def compare_models(reading: Reading, models: Sequence[ComparedModel], device: str | torch.device = "cpu") -> list[dict]:
    """Classify the digits of `reading` with each of `models`, in the JSON form of `POST /api/compare`."""
    inputs = to_input(np.array([digit.pixels for digit in reading.digits])).to(device)
    return [to_dict(model, classify_digits(reading.digits, model.network, inputs)) for model in models]


@torch.inference_mode()
def classify_digits(digits: Sequence[Digit], network: torch.nn.Module, inputs: torch.Tensor) -> Reading:
    """Return `digits` as `network` classifies them, from their `inputs` (B, 1, 28, 28)."""
    probabilities = class_probabilities(forward_in_batches(network, inputs)).tolist()
    pairs = zip(digits, probabilities, strict=True)
    return Reading(tuple(Digit.from_probabilities(row, digit.box, digit.pixels) for digit, row in pairs))


def to_dict(model: ComparedModel, reading: Reading) -> dict:
    """Return the JSON form of one model and its reading."""
    fields = reading.to_dict()
    return {
        "name": model.name,
        "parameters": model.parameter_count,
        "test_accuracy": model.test_accuracy,
        "text": fields["text"],
        "probability": fields["probability"],
        "digits": fields["digits"],
    }
