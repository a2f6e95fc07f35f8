"""What larger networks say of many warped copies of the training digits, for a smaller one to learn from.

A label says that a digit is a 4. A good reader's probabilities also say how much of a 9 it has, which is
worth more to a small network (distillation, Hinton et al. 2015, arXiv 1503.02531). Both must look at the very
same warped digits, and for long (Beyer et al. 2022, arXiv 2106.05237). To ask the teachers in every step
would take most of the time, so they are asked once; copies are made again from their number.
"""

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from digits import UserError, augment, files, scores
from digits.mnist import Split


def copy(split: Split, by: augment.Warp, number: int) -> Tensor:
    """The images of `split` as they are in copy `number`: uint8 (N, 1, 28, 28), the same ones every time.

    They are made on the CPU, as other devices draw other numbers from the same seed.
    """
    images = augment.warped(split.images.cpu(), by, torch.Generator().manual_seed(number))
    return images.to(split.images.device)


def teachers(path: Path, count: int) -> list[Path]:
    """Where the weights of those are, or will be, whose lessons are at `path`."""
    return [path.with_suffix(f".{number}.pth") for number in range(count)]


def give(path: Path, teachers: Iterable[nn.Module], split: Split, by: augment.Warp, copies: int, bars=None) -> None:
    """Ask the `teachers` about each of `copies` of `split` and write the mean of their probabilities to `path`.

    What was asked before a kill is not asked again: the file grows copy by copy.
    Errors: UserError when the disk is full.
    """
    known = _read(path) if path.exists() else {"about": about(split, by), "said": [], "seconds": 0.0}
    for number in tqdm(range(len(known["said"]), copies), "asking the teachers", leave=False, disable=bars):
        began = time.perf_counter()
        images = copy(split, by, number)
        said = torch.stack([scores.logits(teacher, images).softmax(1) for teacher in teachers]).mean(0)
        known["said"].append(said.half().cpu())
        known["seconds"] += time.perf_counter() - began
        with files.undisturbed(), files.replacing(path) as file:
            torch.save(known, file)


def take(path: Path, split: Split, by: augment.Warp, copies: int) -> list[Tensor] | None:
    """What was said of each of `copies` of `split`: tensors (N, 10) of probabilities; None when it is not all there.

    Errors: UserError when the file is damaged, or about other digits or other warps.
    """
    if not path.exists():
        return None
    known = _read(path)
    if known["about"] != about(split, by):
        raise UserError(
            f"{path} is about other digits or other warps: delete it, or name another --lessons.", "lessons"
        )
    return known["said"][:copies] if len(known["said"]) >= copies else None


def softened(said: Tensor, temperature: float) -> Tensor:
    """Probabilities (N, 10) as if the logits behind them had been divided by `temperature`."""
    # Half precision has no numbers between 0 and 6e-8, and nobody is as sure as that.
    return (said.float().clamp(min=1e-5).log() / temperature).softmax(1)


def about(split: Split, by: augment.Warp) -> list[float]:
    """Numbers that tell one set of warped digits from another."""
    return [float(len(split)), float(split.images.sum()), float(split.labels.sum()), *asdict(by).values()]


def _read(path: Path) -> dict:
    try:
        known = torch.load(path, map_location="cpu", weights_only=True)
        if isinstance(known, dict) and known.keys() == {"about", "said", "seconds"}:
            return known
    except Exception:  # torch.load raises many kinds
        pass
    raise UserError(f"{path} holds no lessons, or is damaged: delete it, or name another --lessons.", "lessons")
