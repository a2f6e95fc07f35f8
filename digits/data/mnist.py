"""MNIST as tensors: downloaded once, checked at every load.

The whole set is 55 MB as bytes and fits on any device; a data loader with worker processes would only be slower. File
names, checksums and public mirrors are those of `torchvision.datasets.MNIST`. Unlike torchvision, every file is checked
against its MD5 each time it is read, so that a damaged file is found and downloaded again.
"""

import gzip
import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import torch
from tqdm import tqdm

from digits import UserError
from digits.recognition.normalization import IMAGE_SIZE

FILES = {  # name: MD5
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
# The last of the 60,000 training images. Every choice is made on these, none on the test images.
VALIDATION_SIZE = 5_000
REJECT_CLASS = 10  # label of non-digits
TIMEOUT = 20  # seconds without a byte, after which a mirror counts as unreachable


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

    The files are kept in `directory`/MNIST/raw, as torchvision keeps them. A missing or damaged file is copied from
    `mirrors` (URLs or folders), then from $MNIST_MIRROR, then from the public mirrors.

    Raises: UserError: when no mirror has an undamaged copy.
    """
    prefix = {"train": "train", "test": "t10k"}[split]
    folder = Path(directory) / "MNIST" / "raw"
    images = _read_idx(_fetch(f"{prefix}-images-idx3-ubyte.gz", folder, mirrors), header=16)
    labels = _read_idx(_fetch(f"{prefix}-labels-idx1-ubyte.gz", folder, mirrors), header=8)
    return ImageDataset(images.view(-1, 1, IMAGE_SIZE, IMAGE_SIZE), labels.long())


def _read_idx(path: Path, header: int) -> torch.Tensor:
    """Return the bytes that follow the header of an IDX file; the MD5 has been checked, so the shape is known."""
    content = gzip.decompress(path.read_bytes())
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=header).copy())


def _fetch(name: str, folder: Path, mirrors: Sequence[str]) -> Path:
    """Return the path of a file in `folder`, after copying it from a mirror where it is missing or damaged."""
    path = folder / name
    if _md5_matches(path, name):
        return path
    failures = []
    for mirror in _mirrors_in_order(mirrors, _public_mirrors()):
        partial = path.with_name(f".{name}.{os.getpid()}")  # renamed when it is complete
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _copy(mirror, name, partial)
            if _md5_matches(partial, name):
                partial.replace(path)
                return path
            failures.append(f"{mirror} (its copy {_describe_wrong_file(partial)})")
        except (OSError, ValueError, HTTPException) as error:
            failures.append(f"{mirror} ({error})")
        finally:
            with suppress(OSError):
                partial.unlink()
    state = _describe_wrong_file(path) if path.is_file() else "is a folder" if path.exists() else "is missing"
    raise UserError(
        f"{path} {state}, and no mirror has an undamaged copy; tried {', '.join(failures)}. Name a folder or URL "
        "that holds the four MNIST .gz files with --mirror or MNIST_MIRROR, "
        "or train without any download: --synthetic 5000.",
        "data",
    )


def _copy(mirror: str, name: str, target: Path) -> None:
    """Copy the file `name` of a mirror, a folder or a URL, to `target`."""
    if "://" not in mirror and not mirror.startswith("file:"):
        shutil.copyfile(Path(mirror) / name, target)
        return
    # Not torchvision's `download_url`, which has no timeout: an unreachable mirror would block for ever.
    request = Request(f"{mirror.rstrip('/')}/{name}", headers={"User-Agent": "pytorch/vision"})
    with urlopen(request, timeout=TIMEOUT) as response, target.open("wb") as file:
        size = int(response.headers["Content-Length"] or 0) or None
        with tqdm.wrapattr(response, "read", total=size, desc=name, leave=False, disable=None) as source:
            shutil.copyfileobj(source, file)


def _md5_matches(path: Path, name: str) -> bool:
    """Return whether the file at `path` exists and is MNIST's file `name`."""
    return path.is_file() and _md5(path) == FILES[name]


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _describe_wrong_file(path: Path) -> str:
    """Say whether a file whose MD5 is not MNIST's belongs to a data set that has the same file names."""
    from torchvision.datasets import KMNIST, FashionMNIST  # noqa: PLC0415 # as in _public_mirrors

    digest = _md5(path)
    for name, dataset in (("Fashion-MNIST", FashionMNIST), ("KMNIST", KMNIST)):
        if digest in dict(dataset.resources).values():
            return f"is {name}'s"
    return "is damaged: wrong MD5"


def _public_mirrors() -> list[str]:
    # Imported here: torchvision takes more than a second to import, and is needed for downloads only.
    try:
        from torchvision.datasets import MNIST  # noqa: PLC0415
    except FileNotFoundError:
        raise UserError(
            "PyTorch needs a folder for temporary files: mount one at /tmp, or name one in TMPDIR.", "data"
        ) from None
    return MNIST.mirrors


def _mirrors_in_order(mirrors: Sequence[str], public: list[str]) -> list[str]:
    """Return `mirrors`, then $MNIST_MIRROR, then the public ones, without duplicates."""
    environment = filter(None, [os.environ.get("MNIST_MIRROR")])
    return list(dict.fromkeys([*mirrors, *environment, *public]))
