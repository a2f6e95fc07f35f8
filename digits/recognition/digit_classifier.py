"""Classification of components: normalizes them, and asks the network which digit each shows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from digits.probabilities import class_probabilities, forward_in_batches, to_input
from digits.recognition.components import Component
from digits.recognition.normalization import NormalizedDigit, normalize_with_transform
from digits.recognition.slashed_zeros import shift_probability_to_zero


class Candidate(NamedTuple):
    """A component that may be one digit, and the probabilities of the ten classes that the network gives it."""

    component: Component
    normalized: NormalizedDigit
    probabilities: list[float]

    @property
    def confidence(self) -> float:
        """The probability of the most probable class."""
        return max(self.probabilities)

    @property
    def result(self) -> int:
        """The most probable class."""
        return self.probabilities.index(self.confidence)


class DigitClassifier:
    """Classifies digits with a network that maps (B, 1, 28, 28) in [0, 1] to logits (B, 10)."""

    def __init__(self, network: torch.nn.Module, device: str | torch.device = "cpu"):
        # In this memory format convolutions are faster on a CPU: a small picture takes 0.1 ms less.
        self.network = network.to(device).to(memory_format=torch.channels_last).eval()
        self.device = device

    @torch.inference_mode()
    def predict(self, pixels: np.ndarray) -> torch.Tensor:
        """Return the class probabilities (B, 10) of normalized digits (B, 28, 28) uint8."""
        logits = forward_in_batches(self.network, to_input(pixels).to(self.device))
        return class_probabilities(logits).cpu()

    def classify(self, components: Sequence[Component], intensity: np.ndarray) -> list[Candidate]:
        """Normalize and classify components found in `intensity` (H, W)."""
        normalized = [normalize_with_transform(component.crop(intensity)) for component in components]
        predicted = self.predict(np.array([digit.pixels for digit in normalized])).tolist()
        return [
            Candidate(component, digit, shift_probability_to_zero(probabilities, digit.pixels))
            for component, digit, probabilities in zip(components, normalized, predicted, strict=True)
        ]
