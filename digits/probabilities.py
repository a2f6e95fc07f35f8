"""Logits to probabilities, with a reject class for pictures that show no digit."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

# Images in one forward pass: 1,000 took twice as long, as their 90 MB of activations do not fit into the cache.
FORWARD_BATCH_SIZE = 128


def to_input(images: torch.Tensor | np.ndarray) -> torch.Tensor:
    """Convert images (28, 28), (N, 28, 28) or (N, 1, 28, 28) uint8 to a network's input (N, 1, 28, 28) in [0, 1]."""
    return torch.as_tensor(images).reshape(-1, 1, *images.shape[-2:]) / 255


def forward_in_batches(network: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Run `network` on `inputs` (N, …), at most FORWARD_BATCH_SIZE at a time: the outputs (N, …)."""
    if len(inputs) <= FORWARD_BATCH_SIZE:
        return network(inputs)
    return torch.cat([network(batch) for batch in inputs.split(FORWARD_BATCH_SIZE)])


@torch.no_grad()
def predict_logits(network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Run `network` in evaluation mode on `images` (N, 1, 28, 28) uint8, in batches.

    Returns: logits (N, 10), on the device of `images`.
    """
    network.eval()
    # Each batch is converted by itself: the floats of all images would take four times their memory.
    return forward_in_batches(lambda batch: network(to_input(batch)), images)


def append_reject_logit(logits: torch.Tensor) -> torch.Tensor:
    """Append the logit of the reject class, which is always 0: (B, 10) to (B, 11).

    Softmax depends only on differences between logits, so their common offset is free: training uses it to learn
    whether the picture shows a digit at all. It is the energy score by which Liu et al. 2020 (arXiv 2010.03759)
    reject inputs.
    """
    return F.pad(logits, (0, 1))


def class_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Probabilities of the ten digits from `logits` (B, 10): (B, 10), each row sums to 1.

    The probability of the reject class is shared equally among the ten digits.
    """
    probabilities = append_reject_logit(logits).softmax(1)
    return torch.add(probabilities[:, :10], probabilities[:, 10:], alpha=0.1)
