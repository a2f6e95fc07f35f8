"""Networks side by side, from the simplest to the largest: what each reads in the same frames."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from digits.explain.activations import explain_normalization
from digits.probabilities import BATCH_SIZE, class_probabilities
from digits.recognition.results import Digit, Reading


@dataclass(frozen=True)
class ComparedModel:
    """A network: its kind, how many numbers it learned, its accuracy in percent where that is known."""

    name: str
    parameter_count: int
    test_accuracy: float | None
    network: torch.nn.Module


def recorded_accuracy(weights: Path) -> float | None:
    """The accuracy on the test images, in percent, that the record beside `weights` gives; None where it gives none."""
    try:
        accuracy = json.loads(weights.with_suffix(".json").read_text())["test_accuracy"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return accuracy if type(accuracy) in (int, float) and 0 <= accuracy <= 100 else None


def compare_models(reading: Reading, models: Sequence[ComparedModel], device: str | torch.device = "cpu") -> list[dict]:
    """What each of `models` says of the frames that were cut out for `reading`, as `POST /api/compare` answers."""
    frames = explain_normalization(np.array([digit.normalized for digit in reading.digits])).to(device)
    return [to_dict(compared, classify_digits(reading.digits, compared.network, frames)) for compared in models]


@torch.inference_mode()
def classify_digits(digits: Sequence[Digit], network: torch.nn.Module, frames: torch.Tensor) -> Reading:
    """`digits` as `network` reads them in their `frames` (B, 1, 28, 28)."""
    chances = torch.cat([class_probabilities(network(batch)) for batch in frames.split(BATCH_SIZE)]).tolist()
    most = [max(row) for row in chances]
    rows = zip(digits, chances, most, strict=True)
    return Reading(tuple(Digit(row.index(p), p, tuple(row), digit.box, digit.normalized) for digit, row, p in rows))


def to_dict(compared: ComparedModel, reading: Reading) -> dict:
    """The model and its reading, as JSON has them."""
    about = {"name": compared.name, "parameters": compared.parameter_count, "test_accuracy": compared.test_accuracy}
    said = reading.to_dict()
    return about | {key: said[key] for key in ("text", "probability", "digits")}
