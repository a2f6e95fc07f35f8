"""Who wrote each digit of MNIST, from the labels of QMNIST.

QMNIST found the original of each MNIST digit in NIST's collection, which names the writers; its rows are in MNIST's
order. With them, digits of one person can be combined, and people can be kept apart. The files are not in this
repository; they are kept where `torchvision.datasets.QMNIST` keeps them, and downloaded from its addresses.

Source: Yadav and Bottou 2019, "Cold Case: The Lost MNIST Digits"; https://github.com/facebookresearch/qmnist
"""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from digits.data import mirrors as data_mirrors
from digits.data.mnist import ImageDataset

LABEL_COLUMN, WRITER_COLUMN = 0, 2  # of the eight columns in QMNIST's files


def load(
    split: str, digits: ImageDataset, directory: str | os.PathLike = "data", mirrors: Sequence[str] = ()
) -> torch.Tensor:
    """Load the writers of the `split` "train" or "test": (N,) int64, at most 2,599; a number is a person in both.

    digits: the whole split, as `mnist.load` returns it.
    directory, mirrors: as for `mnist.load`, with QMNIST/raw for MNIST/raw and $QMNIST_MIRROR for $MNIST_MIRROR.

    Raises: UserError: when no mirror has an undamaged copy.
    """
    values = data_mirrors.load_values(f"qmnist-{split}-labels-idx2-int", QMNIST, Path(directory), mirrors)
    rows = values.view(-1, 8)[: len(digits)].long()  # QMNIST has 50,000 more test digits, behind those of MNIST
    assert torch.equal(rows[:, LABEL_COLUMN], digits.labels.cpu()), f"the labels are not those of MNIST's split {split}"
    return rows[:, WRITER_COLUMN]


def group_by_writer(writers: torch.Tensor, min_count: int = 1) -> list[torch.Tensor]:
    """Return the indices (n,) of the digits of each writer with at least `min_count` digits.

    writers: (N,), as `load` returns them.
    """
    counts = writers.unique(return_counts=True)[1]
    groups = writers.argsort(stable=True).split(counts.tolist())
    return [group for group in groups if len(group) >= min_count]


def _public_mirrors() -> list[str]:
    resources = data_mirrors.import_torchvision_datasets().QMNIST.resources
    return list(dict.fromkeys(url.rpartition("/")[0] for split in ("train", "test") for url, _ in resources[split]))


QMNIST = data_mirrors.Collection(
    "QMNIST_MIRROR",
    _public_mirrors,
    "These files say who wrote MNIST's digits: take them from https://github.com/facebookresearch/qmnist and name "
    "their folder, or a URL that has them, with --writers or QMNIST_MIRROR.",
)
