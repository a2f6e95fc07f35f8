"""MNIST as tensors: downloaded once, checked at every load.

The whole set is 55 MB as bytes and fits on any device; a data loader with worker processes would only be slower. Files
are kept where `torchvision.datasets.MNIST` keeps them, and downloaded from its mirrors. Unlike torchvision, every file
is checked against its MD5 each time it is read, so that a damaged file is found and downloaded again.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from digits.data import mirrors as data_mirrors
from digits.recognition.normalization import IMAGE_SIZE

# The last of the 60,000 training images. Every choice is made on these, none on the test images.
VALIDATION_SIZE = 5_000
REJECT_CLASS = 10  # label of non-digits


@dataclass(frozen=True)
class ImageDataset:
    """Images with their labels.

    images: (N, 1, 28, 28) uint8, white on black.
    labels: (N,) int64, 0 to 9 or REJECT_CLASS.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | torch.Tensor) -> "ImageDataset":
        return ImageDataset(self.images[index], self.labels[index])

    def to(self, device: str | torch.device) -> "ImageDataset":
        return ImageDataset(self.images.to(device), self.labels.to(device))


def load(split: str, directory: str | os.PathLike = "data", mirrors: Sequence[str] = ()) -> ImageDataset:
    """Load the 60,000 images of the `split` "train" or the 10,000 of "test".

    The files are read from `directory`/MNIST/raw or `directory`, in any form that `mnist_files` knows. A missing or
    damaged file is copied to `directory`/MNIST/raw from `mirrors` (URLs of the .gz files, or folders), then from
    $MNIST_MIRROR, then from the public mirrors.

    Raises: UserError: when no mirror has an undamaged copy.
    """
    prefix = {"train": "train", "test": "t10k"}[split]
    images = data_mirrors.load_values(f"{prefix}-images-idx3-ubyte", MNIST, Path(directory), mirrors)
    labels = data_mirrors.load_values(f"{prefix}-labels-idx1-ubyte", MNIST, Path(directory), mirrors)
    return ImageDataset(images.view(-1, 1, IMAGE_SIZE, IMAGE_SIZE), labels.long())


def _public_mirrors() -> list[str]:
    return data_mirrors.import_torchvision_datasets().MNIST.mirrors


MNIST = data_mirrors.Collection(
    "MNIST_MIRROR",
    _public_mirrors,
    "Name a folder that has MNIST, or a URL that has its four .gz files, with --mirror or MNIST_MIRROR, or train "
    "without any download: --synthetic 5000.",
)
