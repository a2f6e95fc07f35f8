"""The three parts of the data: what is learned from, what choices are made on, what is looked at once."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from digits.data import mnist, outliers, restyling, synthetic

SEED = 1_000_000  # of what stands beside the digits: the same for each training, whatever its own seed


@dataclass(frozen=True)
class Splits:
    """All of it as bytes on the device that trains. `test` is for the end and never chooses anything."""

    train: mnist.Split
    validation: mnist.Split
    test: mnist.Split
    source: str


def load(directory: str | os.PathLike, mirrors: Sequence[str], device: torch.device) -> Splits:
    """MNIST: 55,000 images to train, 5,000 to validate, 10,000 to test.

    Errors: UserError when no mirror has it.
    """
    known = mnist.load("train", directory, mirrors)
    parts = known[: -mnist.VALIDATION], known[-mnist.VALIDATION :], mnist.load("test", directory, mirrors)
    return Splits(*(part.to(device) for part in parts), "MNIST")


def made_up(count: int, seed: int, device: torch.device) -> Splits:
    """`count` synthetic digits to train, a tenth as many (at least 100) to validate and to test."""
    counts = count, max(100, count // 10), max(100, count // 10)
    parts = [synthetic.digits(n, torch.Generator().manual_seed(seed + i)) for i, n in enumerate(counts)]
    return Splits(*(part.to(device) for part in parts), f"{count:,} synthetic digits")


def widened(data: Splits, by_pens: float, no_digits: float, bars: bool | None = None) -> Splits:
    """`data` with more to train on, as shares of its digits: digits by other pens, and what is no digit."""
    parts = [data.train]
    if count := round(by_pens * len(data.train)):
        parts.append(restyling.handwriting(count, data.train, SEED, bars))
    if count := round(no_digits * len(data.train)):
        parts.append(outliers.others(count, data.train, SEED, bars))
    return replace(data, train=_together(parts))


def _together(parts: list[mnist.Split]) -> mnist.Split:
    where = parts[0].images.device
    return mnist.Split(
        torch.cat([part.images.to(where) for part in parts]), torch.cat([part.labels.to(where) for part in parts])
    )
