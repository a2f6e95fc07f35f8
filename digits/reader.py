"""The one way from a picture to a reading: the scripts, the server, the benchmarks and the tests use it."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from digits import UserError, picture

# Below it a person should look. Of the 5,000 validation images 0.6 % are, 7 of the 14 misread ones among them
# (bench/reading.py).
CERTAIN = 0.9
MAX_RESULT = 15  # digits; longer integers are rounded by JSON readers that keep numbers as doubles


@dataclass(frozen=True)
class Digit:
    """One digit: which it is, how likely each of the ten is, where it stands in the picture."""

    result: int
    probability: float
    probabilities: tuple[float, ...]
    box: picture.Box


@dataclass(frozen=True)
class Reading:
    """What a picture says: digits in reading order, and the chance that all of them are right."""

    digits: tuple[Digit, ...]

    @property
    def text(self) -> str:
        return "".join(str(digit.result) for digit in self.digits)

    @property
    def result(self) -> int | None:
        return int(self.text) if len(self.digits) <= MAX_RESULT else None

    @property
    def probability(self) -> float:
        return math.prod(digit.probability for digit in self.digits)

    @property
    def certain(self) -> bool:
        return self.probability >= CERTAIN

    def as_dict(self) -> dict:
        """As it stands in JSON, to 6 decimals: the answer of the API and a line of `test.py --json`."""
        return {
            "result": self.result,
            "probability": round(self.probability, 6),
            "text": self.text,
            "certain": self.certain,
            "digits": [
                {
                    "result": digit.result,
                    "probability": round(digit.probability, 6),
                    "probabilities": [round(p, 6) for p in digit.probabilities],
                    "box": list(digit.box),
                }
                for digit in self.digits
            ],
        }


class Reader:
    """Reads pictures with a network that takes (B, 1, 28, 28) in [0, 1] and answers logits (B, 10)."""

    def __init__(self, model: torch.nn.Module, device: str | torch.device = "cpu"):
        self.model = model.to(device).eval()
        self.device = device

    def read(self, image: Image.Image) -> Reading:
        """The reading of a picture from `picture.decode`.

        Errors: UserError with code "blank" when nothing is written in it.
        """
        found = picture.find(image)
        if not found:
            raise UserError("Nothing is written in the picture: draw or photograph a digit.", "blank")
        frames, boxes = zip(*found, strict=True)
        probabilities = self.probabilities(np.stack(frames)).tolist()
        return Reading(
            tuple(Digit(p.index(max(p)), max(p), tuple(p), box) for p, box in zip(probabilities, boxes, strict=True))
        )

    @torch.inference_mode()
    def probabilities(self, frames: np.ndarray) -> torch.Tensor:
        """How likely each of the ten digits is for each of `frames` (B, 28, 28) uint8: (B, 10)."""
        batch = torch.from_numpy(frames).to(self.device)[:, None].float() / 255  # (B, 1, 28, 28)
        return self.model(batch).softmax(1).cpu()
