"""Readings made of given results and probabilities."""

import math

import numpy as np

from digits.recognition.geometry import Box
from digits.recognition.results import Digit, Reading, TextLine


def make_reading(*digits: tuple[int, float], segmentation_probability: float = 1.0) -> Reading:
    """Make a reading of digits (result, probability)."""
    pixels = np.zeros((28, 28), np.uint8)
    rows = [(d, p, tuple(p if i == d else 0.0 for i in range(10))) for d, p in digits]
    digits_read = tuple(Digit(*row, Box(0, 0, 9, 9), pixels) for row in rows)
    if not digits:
        return Reading(())
    return Reading((TextLine(digits_read, segmentation_probability * math.prod(p for _, p in digits)),))
