"""The MNIST images as tensors: fetched once, checked always.

The whole set is 55 MB as bytes, so it lives on the device whole; a loader with worker processes
only slows it down. File names, checksums and public mirrors are torchvision's
(`torchvision.datasets.MNIST`); unlike there, every file is checked against its MD5 each time it is
read, so what a broken download left behind is found and fetched again.
"""

import gzip
import hashlib
import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import torch

from digits import UserError

FILES = {  # each with its MD5
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
VALIDATION_SIZE = 5_000  # the last of the 60,000: every choice is made on these, none on the test images
REJECT_CLASS = 10  # the label of what is no digit
TIMEOUT = 20  # seconds without a byte, after which a mirror counts as unreachable


@dataclass(frozen=True)
class ImageDataset:
    """Pictures (N, 1, 28, 28) uint8, white ink on black, with their labels (N,) int64: 0 to 9, or NONE."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, part: slice) -> "ImageDataset":
        return ImageDataset(self.images[part], self.labels[part])

    def to(self, device: str | torch.device) -> "ImageDataset":
        return ImageDataset(self.images.to(device), self.labels.to(device))


def load(part: str, directory: str | os.PathLike = "data", mirrors: Sequence[str] = ()) -> ImageDataset:
    """The 60,000 images that are trained on (`part` "train") or the 10,000 that test ("test").

    Files stand in `directory`/MNIST/raw, where torchvision keeps them too; a missing or damaged one
    is fetched from `mirrors` (URLs or folders), then $MNIST_MIRROR, then the public mirrors.
    Errors: UserError when no mirror has a sound copy.
    """
    prefix = {"train": "train", "test": "t10k"}[part]
    folder = Path(directory) / "MNIST" / "raw"
    images = _read_idx(_fetch(f"{prefix}-images-idx3-ubyte.gz", folder, mirrors), header=16)
    labels = _read_idx(_fetch(f"{prefix}-labels-idx1-ubyte.gz", folder, mirrors), header=8)
    return ImageDataset(images.view(-1, 1, 28, 28), labels.long())


def _read_idx(path: Path, header: int) -> torch.Tensor:
    """What follows the header of an IDX file; its shape is known, the MD5 vouches for the rest."""
    content = gzip.decompress(path.read_bytes())
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=header).copy())


def _fetch(name: str, folder: Path, mirrors: Sequence[str]) -> Path:
    """The sound local copy of one file, fetched if need be."""
    path = folder / name
    if _md5_matches(path):
        return path
    # Imported here: torchvision takes more than a second to import, and is needed once.
    try:
        from torchvision.datasets import MNIST
        from torchvision.datasets.utils import download_url
    except FileNotFoundError:
        raise UserError(
            "PyTorch needs a folder for temporary files: mount one at /tmp, or name one in TMPDIR.", "data"
        ) from None

    tried = []
    for mirror in _mirrors_in_order(mirrors, MNIST.mirrors):
        fetched = path.with_name(f".{name}.{os.getpid()}")  # renamed once it is whole
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if "://" in mirror and not mirror.startswith("file:"):
                with _timeout(TIMEOUT):
                    download_url(f"{mirror.rstrip('/')}/{name}", str(folder), fetched.name)
            else:
                shutil.copyfile(_local_folder(mirror) / name, fetched)
            if _md5_matches(fetched, name):
                os.replace(fetched, path)
                return path
            tried.append(f"{mirror} (its copy is damaged: wrong MD5)")
        except (OSError, RuntimeError, ValueError, HTTPException) as error:
            tried.append(f"{mirror} ({error})")
        finally:
            with suppress(OSError):
                fetched.unlink()
    state = "is damaged" if path.exists() else "is missing"
    raise UserError(
        f"{path} {state} and no mirror gave a sound copy; tried {', '.join(tried)}. Name a folder or URL "
        "that holds the four MNIST .gz files with --mirror or MNIST_MIRROR, "
        "or train without any download: --synthetic 5000.",
        "data",
    )


def _md5_matches(path: Path, name: str = "") -> bool:
    """Whether there is a file at `path` that is MNIST's `name`, by default that of its own name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == FILES[name or path.name]


def _mirrors_in_order(mirrors: Sequence[str], public: list[str]) -> list[str]:
    """Mirrors as asked for, then the one of the environment, then the public ones; none twice."""
    environment = filter(None, [os.environ.get("MNIST_MIRROR")])
    return list(dict.fromkeys([*mirrors, *environment, *public]))


def _local_folder(mirror: str) -> Path:
    """A mirror on disk, named by its path or as a file: URL."""
    return Path(url2pathname(urlsplit(mirror).path) if mirror.startswith("file:") else mirror)


@contextmanager
def _timeout(seconds: float):
    """torchvision's download has no time limit of its own; without one a dead mirror hangs."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
