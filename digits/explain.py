"""What goes on inside the network when it reads one digit: the way to its frame, each layer, and which ink mattered.

Which ink spoke for a digit and which against it is asked of the network itself: a patch of ink is taken away, and
its log-odds rise or fall. Source: Zeiler & Fergus 2014, arXiv 1311.2901.
"""

import cv2
import numpy as np
import torch

from digits import frame, scores
from digits.reader import Digit
from digits.small import kernel

PATCH = 5  # pixels of the frame: about twice as wide as a stroke
METHOD = "occlusion"


def explained(digit: Digit, network: torch.nn.Module, device: str | torch.device = "cpu") -> dict:
    """`digit` as `POST /api/explain` shows it; `network` has `steps`, see model.CNN."""
    ink = inputs(digit.frame).to(device)
    with torch.inference_mode():
        steps = network.steps(ink)
    layers = [{"name": name, "shape": list(out.shape[1:]), "values": listed(out[0])} for name, out in steps.items()]
    heats = heat(digit.frame, network, device)
    return {
        "frame": framed(digit),
        "layers": layers,
        "heat": {"method": METHOD, "values": listed(heats)},
    }


def inputs(frames: np.ndarray) -> torch.Tensor:
    """What the network takes for `frames` (28, 28) or (B, 28, 28) uint8: (B, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(frames.reshape(-1, 1, *frames.shape[-2:]) / np.float32(255))


def listed(values: torch.Tensor) -> list:
    """`values` as nested lists, to 3 decimals, which is more than a screen shows."""
    return (values.cpu().double().numpy().round(3) + 0.0).tolist()  # + 0.0: without -0.0


def framed(digit: Digit) -> dict:
    """The frame of `digit`, and which rectangle of the upright picture came to which of the frame."""
    crop, placed = way(digit)
    mass = digit.frame.astype(np.float64)
    places = np.arange(len(mass)) + 0.5
    centre = [float(mass.sum(axis) @ places / mass.sum()) for axis in (0, 1)]
    return {
        "crop": [round(value, 2) for value in crop],
        "placed": list(placed),
        "centre": [round(value, 2) for value in centre],
        "pixels": digit.frame.tolist(),
    }


def way(digit: Digit) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """The rectangle (left, top, right, bottom) of the upright picture, in its pixels, and where in the frame it came.

    The second in pixels of the frame; it may reach a little outside.
    """
    part, amount, times = digit.source
    ink = part.ink(amount)
    _, moves, (left, top, right, bottom) = frame.traced(ink)
    edge = (ink.shape[1] - part.width) // 2
    x, y = part.box[0] - edge, part.box[1] - edge
    corners = (frame.before(moves, left, top), frame.before(moves, right, bottom))
    return tuple(times * (start + at) for corner in corners for start, at in zip((x, y), corner, strict=True)), (
        left,
        top,
        right,
        bottom,
    )


def odds(logits: torch.Tensor) -> torch.Tensor:
    """The log-odds of each of the ten digits against all others and none, from logits (B, 10): (B, 10)."""
    eleven = scores.with_none(logits)
    itself = torch.eye(10, 11, dtype=torch.bool, device=logits.device)
    others = eleven[:, None].expand(-1, 10, -1).masked_fill(itself, -torch.inf)  # (B, 10, 11)
    return logits - others.logsumexp(2)


@torch.inference_mode()
def heat(image: np.ndarray, network: torch.nn.Module, device: str | torch.device = "cpu") -> torch.Tensor:
    """How much each place of `image` (28, 28) uint8 speaks for each digit, above 0, or against it: (10, 28, 28)."""
    near = cv2.dilate((image > 0).view(np.uint8), kernel(PATCH, PATCH))
    rows, columns = near.nonzero()
    frames = np.repeat(image[None], len(rows) + 1, 0)
    reach = PATCH // 2
    for number, (y, x) in enumerate(zip(rows, columns, strict=True), 1):
        frames[number, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1] = 0
    said = torch.cat([odds(network(batch.to(device))) for batch in inputs(frames).split(scores.BATCH)]).cpu()
    heats = torch.zeros(10, *image.shape)
    heats[:, rows, columns] = (said[0] - said[1:]).T
    counts = torch.from_numpy(near).float()[None, None]
    mean = torch.nn.functional.avg_pool2d(heats[None], PATCH, 1, reach)
    mean = (mean / torch.nn.functional.avg_pool2d(counts, PATCH, 1, reach).clamp(min=0.01))[0]
    return mean * torch.from_numpy(cv2.dilate((image > 0).view(np.uint8), kernel(3, 3)))
