"""The three parts of the data: what is learned from, what choices are made on, what is looked at once."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from digits import mnist, synthetic


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
