"""What the network computes for one digit: the output of each layer, and where the digit lies in the MNIST frame."""

import numpy as np
import torch

from digits.im2col import HasIntermediates
from digits.probabilities import to_input


@torch.inference_mode()
def layer_outputs(
    pixels: np.ndarray, network: torch.nn.Module, device: str | torch.device = "cpu"
) -> dict[str, torch.Tensor]:
    """Return the output of each layer for a normalized digit (28, 28) uint8, by name, in the order of computation.

    network: with a method `forward_intermediates`, as those of model.py have.
    Returns: tensors without a batch dimension.
    """
    assert isinstance(network, HasIntermediates)
    outputs = network.forward_intermediates(to_input(pixels).to(device))
    return {name: output[0] for name, output in outputs.items()}


def center_of_mass(pixels: np.ndarray) -> tuple[float, float]:
    """Return the center of mass (x, y) of a normalized digit in pixels of the frame; pixel centers are at +0.5."""
    mass = pixels.astype(np.float64)
    pixel_centers = np.arange(len(mass)) + 0.5
    x, y = (float(mass.sum(axis) @ pixel_centers / mass.sum()) for axis in (0, 1))
    return x, y
