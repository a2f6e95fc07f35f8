"""Training, validation and test splits of MNIST or of synthetic digits."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from digits.data import mnist, outliers, restyling, synthetic
from digits.data.mnist import ImageDataset

EXTENSION_SEED = 1_000_000  # of restyled digits and outliers: the same for every run, whatever its own seed


@dataclass(frozen=True)
class DataSplits:
    """The splits, as bytes on the training device. `test` is scored once, at the end, and never chooses anything."""

    train: ImageDataset
    validation: ImageDataset
    test: ImageDataset
    source: str  # for people: "MNIST" or "5,000 synthetic digits"


def load(
    synthetic_count: int | None, seed: int, directory: str | os.PathLike, mirrors: Sequence[str], device: torch.device
) -> DataSplits:
    """Draw `synthetic_count` digits from `seed`, or load MNIST where it is None."""
    if synthetic_count:
        return synthetic_splits(synthetic_count, seed, device)
    return load_mnist_splits(directory, mirrors, device)


def load_mnist_splits(directory: str | os.PathLike, mirrors: Sequence[str], device: torch.device) -> DataSplits:
    """Load MNIST: 55,000 images to train, 5,000 to validate, 10,000 to test.

    Raises: UserError: when a file is neither in `directory` nor on any mirror.
    """
    train = mnist.load("train", directory, mirrors)
    datasets = (
        train[: -mnist.VALIDATION_SIZE],
        train[-mnist.VALIDATION_SIZE :],
        mnist.load("test", directory, mirrors),
    )
    return DataSplits(*(dataset.to(device) for dataset in datasets), "MNIST")


def synthetic_splits(count: int, seed: int, device: torch.device) -> DataSplits:
    """Draw `count` synthetic digits to train, and a tenth as many (at least 100) each to validate and to test."""
    counts = count, max(100, count // 10), max(100, count // 10)
    datasets = [synthetic.synthetic_digits(n, torch.Generator().manual_seed(seed + i)) for i, n in enumerate(counts)]
    return DataSplits(*(dataset.to(device) for dataset in datasets), f"{count:,} synthetic digits")


def extend_training_set(
    data: DataSplits, style_fraction: float, outlier_fraction: float, disable_progress: bool | None = None
) -> DataSplits:
    """Add restyled digits and outliers to the training split; validation and test stay as they are.

    style_fraction, outlier_fraction: how many to add, relative to the number of training digits.
    disable_progress: as tqdm's `disable`; None shows a progress bar on terminals only.
    """
    datasets = [data.train]
    if count := round(style_fraction * len(data.train)):
        datasets.append(restyling.restyled_digits(count, data.train, EXTENSION_SEED, disable_progress))
    if count := round(outlier_fraction * len(data.train)):
        datasets.append(outliers.make_outliers(count, data.train, EXTENSION_SEED, disable_progress))
    return replace(data, train=_concatenate(datasets))


def _concatenate(datasets: list[ImageDataset]) -> ImageDataset:
    """Join datasets on the device of the first."""
    device = datasets[0].images.device
    return ImageDataset(
        torch.cat([dataset.images.to(device) for dataset in datasets]),
        torch.cat([dataset.labels.to(device) for dataset in datasets]),
    )
