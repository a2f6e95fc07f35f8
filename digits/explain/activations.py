"""Explain how one digit was classified: its normalization, the output of each layer, and the saliency of its pixels."""

import numpy as np
import torch

from digits.explain import saliency
from digits.probabilities import to_input
from digits.recognition.results import Digit, DigitTrace


def explain_digit(
    digit: Digit, trace: DigitTrace, network: torch.nn.Module, device: str | torch.device = "cpu"
) -> dict:
    """Explain `digit` in the JSON form of `POST /api/explain`.

    network: with a method `forward_intermediates`, as those of model.py have.
    """
    with torch.inference_mode():
        outputs = network.forward_intermediates(to_input(digit.pixels).to(device))
    layers = [
        {"name": name, "shape": list(output.shape[1:]), "values": to_lists(output[0])}
        for name, output in outputs.items()
    ]
    saliency_maps = saliency.rise(digit.pixels, network, device)
    return {
        "frame": explain_digit_normalization(digit, trace),
        "layers": layers,
        "heat": {"method": saliency.METHOD, "values": to_lists(saliency_maps)},
    }


def to_lists(values: torch.Tensor) -> list:
    """Convert `values` to nested lists, rounded to 3 decimals: more than a screen shows."""
    return (values.cpu().double().numpy().round(3) + 0.0).tolist()  # + 0.0 turns -0.0 into 0.0


def explain_digit_normalization(digit: Digit, trace: DigitTrace) -> dict:
    """Explain how a digit was normalized, in the JSON form of `POST /api/explain`.

    Returns: crop, the rectangle of the digit in pixels of the upright picture; placed, the same in pixels of the
    normalized digit; centre, the center of mass (x, y) in pixels of the normalized digit; pixels, its values.
    """
    mass = digit.pixels.astype(np.float64)
    pixel_centers = np.arange(len(mass)) + 0.5
    center_of_mass = [float(mass.sum(axis) @ pixel_centers / mass.sum()) for axis in (0, 1)]
    return {
        "crop": [round(value, 2) for value in trace.to_picture.apply_to_box(trace.box)],
        "placed": list(trace.box),
        "centre": [round(value, 2) for value in center_of_mass],
        "pixels": digit.pixels.tolist(),
    }
