"""What goes on inside the network when it reads one digit: the way to its frame, each layer, and which ink mattered."""

import numpy as np
import torch

from digits.explain import saliency
from digits.recognition.results import Digit, DigitTrace


def explain_digit(
    digit: Digit, trace: DigitTrace, network: torch.nn.Module, device: str | torch.device = "cpu"
) -> dict:
    """`digit` as `POST /api/explain` shows it; `network` has `forward_intermediates`, see model.CNN."""
    with torch.inference_mode():
        steps = network.forward_intermediates(explain_normalization(digit.normalized).to(device))
    layers = [{"name": name, "shape": list(out.shape[1:]), "values": to_lists(out[0])} for name, out in steps.items()]
    heats = {"method": saliency.METHOD, "values": to_lists(saliency.rise(digit.normalized, network, device))}
    return {"frame": explain_transforms(digit, trace), "layers": layers, "heat": heats}


def explain_normalization(frames: np.ndarray) -> torch.Tensor:
    """What the network takes for `frames` (28, 28) or (B, 28, 28) uint8: (B, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(frames.reshape(-1, 1, *frames.shape[-2:]) / np.float32(255))


def to_lists(values: torch.Tensor) -> list:
    """`values` as nested lists, to 3 decimals, which is more than a screen shows."""
    return (values.cpu().double().numpy().round(3) + 0.0).tolist()  # + 0.0: without -0.0


def explain_transforms(digit: Digit, trace: DigitTrace) -> dict:
    """The frame of `digit`, and which rectangle of the upright picture came to which of the frame."""
    mass = digit.normalized.astype(np.float64)
    places = np.arange(len(mass)) + 0.5
    centre = [float(mass.sum(axis) @ places / mass.sum()) for axis in (0, 1)]
    return {
        "crop": [round(value, 2) for value in trace.to_picture.apply_to_box(trace.box)],
        "placed": list(trace.box),
        "centre": [round(value, 2) for value in centre],
        "pixels": digit.normalized.tolist(),
    }
