"""The three parts of the data: what is learned from, what choices are made on, what is looked at once."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from digits.data import mnist, outliers, restyling, synthetic

EXTENSION_SEED = 1_000_000  # of what stands beside the digits: the same for each training, whatever its own seed


@dataclass(frozen=True)
class DataSplits:
    """All of it as bytes on the device that trains. `test` is for the end and never chooses anything."""

    train: mnist.ImageDataset
    validation: mnist.ImageDataset
    test: mnist.ImageDataset
    source: str


def load_mnist_splits(directory: str | os.PathLike, mirrors: Sequence[str], device: torch.device) -> DataSplits:
    """MNIST: 55,000 images to train, 5,000 to validate, 10,000 to test.

    Errors: UserError when no mirror has it.
    """
    known = mnist.load("train", directory, mirrors)
    parts = known[: -mnist.VALIDATION_SIZE], known[-mnist.VALIDATION_SIZE :], mnist.load("test", directory, mirrors)
    return DataSplits(*(part.to(device) for part in parts), "MNIST")


def synthetic_splits(count: int, seed: int, device: torch.device) -> DataSplits:
    """`count` synthetic digits to train, a tenth as many (at least 100) to validate and to test."""
    counts = count, max(100, count // 10), max(100, count // 10)
    parts = [synthetic.synthetic_digits(n, torch.Generator().manual_seed(seed + i)) for i, n in enumerate(counts)]
    return DataSplits(*(part.to(device) for part in parts), f"{count:,} synthetic digits")


def extend_training_set(data: DataSplits, by_pens: float, no_digits: float, bars: bool | None = None) -> DataSplits:
    """`data` with more to train on, as shares of its digits: digits by other pens, and what is no digit."""
    parts = [data.train]
    if count := round(by_pens * len(data.train)):
        parts.append(restyling.restyled_digits(count, data.train, EXTENSION_SEED, bars))
    if count := round(no_digits * len(data.train)):
        parts.append(outliers.make_outliers(count, data.train, EXTENSION_SEED, bars))
    return replace(data, train=_concatenate(parts))


def _concatenate(parts: list[mnist.ImageDataset]) -> mnist.ImageDataset:
    where = parts[0].images.device
    return mnist.ImageDataset(
        torch.cat([part.images.to(where) for part in parts]), torch.cat([part.labels.to(where) for part in parts])
    )
