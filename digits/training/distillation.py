"""What larger networks say of many warped copies of the training digits, for a smaller one to learn from.

A label says that a digit is a 4. A good reader's probabilities also say how much of a 9 it has, which is
worth more to a small network (distillation, Hinton et al. 2015, arXiv 1503.02531). Both must look at the very
same warped digits, and for long (Beyer et al. 2022, arXiv 2106.05237). To ask the teachers in every step
would take most of the time, so they are asked once; copies are made again from their number.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from digits import UserError, device, files
from digits.data import augmentation, mnist
from digits.data.mnist import ImageDataset
from digits.probabilities import append_reject_logit, predict_logits

Teacher = tuple[nn.Module, dict[str, Any]]  # a network and its record


@dataclass(frozen=True)
class TeacherPredictions:
    """What the teachers said of each copy, (N, 11) of probabilities each, and the teachers' records."""

    said: list[Tensor]
    teachers: list[dict[str, Any]]

    def lesson(
        self, split: ImageDataset, by: augmentation.AugmentationRanges, epoch: int, temperature: float
    ) -> tuple[Tensor, Tensor]:
        """The images of `epoch`, 1 and up: uint8 (N, 1, 28, 28); what to say of them: (N, 11). Copies take turns."""
        number = (epoch - 1) % len(self.said)
        return augmented_view(split, by, number), apply_temperature(
            self.said[number].to(split.images.device), temperature
        )


NO_TEACHERS = TeacherPredictions([], [])


def augmented_view(split: ImageDataset, by: augmentation.AugmentationRanges, number: int) -> Tensor:
    """The images of `split` as they are in copy `number`: uint8 (N, 1, 28, 28), the same ones every time.

    They are made on the CPU, as other devices draw other numbers from the same seed.
    """
    images = augmentation.augment(split.images.cpu(), by, torch.Generator().manual_seed(number))
    return images.to(split.images.device)


def teacher_paths(path: Path, count: int) -> list[Path]:
    """Where the weights of those are, or will be, whose lessons are at `path`."""
    return [path.with_suffix(f".{number}.pth") for number in range(count)]


def is_trained(path: Path, source: str, settings: dict[str, Any]) -> bool:
    """Whether a teacher is at `path`, trained on the digits called `source` with `settings`.

    Errors: UserError when another one is there.
    """
    if not path.exists():
        return False
    try:
        recorded = json.loads(path.with_suffix(".json").read_text())
        if (recorded["data"], recorded["settings"]) == (source, settings):
            return True
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise UserError(f"{path} is a teacher trained otherwise: delete it, or name another --lessons.", "lessons")


def cache_predictions(
    path: Path,
    split: ImageDataset,
    warp: augmentation.AugmentationRanges,
    about: dict[str, Any],
    by: list[Teacher],
    copies: int,
    bars=None,
) -> None:
    """Ask teachers about each of `copies` and write the mean of their probabilities.

    What was asked before a kill is not asked again: the file grows copy by copy.
    Errors: UserError when the disk is full.
    """
    where = split.images.device
    networks = [network.to(memory_format=torch.channels_last) for network, _ in by]  # twice as fast on a CPU
    known = _read(path, about) or {"about": about, "teachers": [r for _, r in by], "said": [], "seconds": 0.0}
    for number in tqdm(range(len(known["said"]), copies), "asking the teachers", leave=False, disable=bars):
        began = time.perf_counter()
        images = augmented_view(split, warp, number)
        with device.autocast(where):
            logits = [predict_logits(network, images).float() for network in networks]
        said = torch.stack([append_reject_logit(one).softmax(1) for one in logits]).mean(0)
        known["said"].append(said.half().cpu())
        known["seconds"] += time.perf_counter() - began
        with files.defer_sigint(), files.atomic_write(path) as file:
            torch.save(known, file)


def load_predictions(path: Path, about: dict[str, Any], copies: int) -> TeacherPredictions | None:
    """What was said of each of `copies`; None when it is not all there.

    Errors: UserError when the file is damaged, or about other digits, other warps or by other teachers.
    """
    known = _read(path, about)
    return (
        TeacherPredictions(known["said"][:copies], known["teachers"])
        if known and len(known["said"]) >= copies
        else None
    )


def smooth_one_hot(labels: Tensor, smoothing: float) -> Tensor:
    """What labels say of pictures, (N,) of 0 to 10, 10 being no digit: (N, 11) of probabilities.

    Of them `smoothing` goes to all alike.
    """
    return F.one_hot(labels, mnist.REJECT_CLASS + 1) * (1 - smoothing) + smoothing / (mnist.REJECT_CLASS + 1)


def apply_temperature(said: Tensor, temperature: float) -> Tensor:
    """Probabilities (N, 11) as if the logits behind them had been divided by `temperature`."""
    # Half precision has no numbers between 0 and 6e-8, and nobody is as sure as that.
    return (said.float().clamp(min=1e-5).log() / temperature).softmax(1)


def cache_key(
    split: ImageDataset, by: augmentation.AugmentationRanges, teachers: list[dict[str, Any]]
) -> dict[str, Any]:
    """What tells lessons from others: the digits, how they are warped, the settings of those who teach."""
    sums = [len(split), int(split.images.sum()), int(split.labels.sum())]
    return {"digits": sums, "warp": asdict(by), "teachers": teachers}


def required_bytes(split: ImageDataset, copies: int) -> int:
    """Bytes that lessons need on the disk, and while they grow, their next version."""
    return files.MIN_FREE_BYTES + 2 * copies * len(split) * (mnist.REJECT_CLASS + 1) * 2


def _read(path: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        known = torch.load(path, map_location="cpu", weights_only=True)
        complete = known.keys() == {"about", "teachers", "said", "seconds"}
    except Exception:  # torch.load raises many kinds
        complete = False
    if not complete:
        raise UserError(f"{path} holds no lessons, or is damaged: delete it, or name another --lessons.", "lessons")
    if known["about"] != about:
        raise UserError(
            f"{path} is about other digits or warps, or by other teachers: delete it, or name another --lessons.",
            "lessons",
        )
    return known
