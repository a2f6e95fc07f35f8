"""MNIST as tensors: downloaded once, checked at every load.

The whole set is 55 MB as bytes and fits on any device; a data loader with worker processes would only be slower. Files
are kept where `torchvision.datasets.MNIST` keeps them, and downloaded from its mirrors. Unlike torchvision, every file
is checked against its MD5 each time it is read, so that a damaged file is found and downloaded again.
"""

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
from digits.data import mnist_files
from digits.recognition.normalization import IMAGE_SIZE

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

    The files are read from `directory`/MNIST/raw or `directory`, in any form that `mnist_files` knows. A missing or
    damaged file is copied to `directory`/MNIST/raw from `mirrors` (URLs of the .gz files, or folders), then from
    $MNIST_MIRROR, then from the public mirrors.

    Raises: UserError: when no mirror has an undamaged copy.
    """
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _load_values(f"{prefix}-images-idx3-ubyte", Path(directory), mirrors)
    labels = _load_values(f"{prefix}-labels-idx1-ubyte", Path(directory), mirrors)
    return ImageDataset(images.view(-1, 1, IMAGE_SIZE, IMAGE_SIZE), labels.long())


def _load_values(name: str, directory: Path, mirrors: Sequence[str]) -> torch.Tensor:
    """Return the values of an IDX file, flat: the bytes after its header."""
    on_disk = mnist_files.read_first(mnist_files.find_candidates(directory, name), name)
    content = on_disk[1] if on_disk else _fetch(name, directory, mirrors)
    header = mnist_files.FILES[name].header
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=len(header)).copy())


def _fetch(name: str, directory: Path, mirrors: Sequence[str]) -> bytes:
    """Copy a file from the first mirror that has it undamaged to `directory`/MNIST/raw.

    Returns: its unpacked content.
    """
    folder = directory / "MNIST" / "raw"
    partial = folder / f".{name}.{os.getpid()}"  # renamed when it is complete
    failures = []
    for mirror in _mirrors_in_order(mirrors, _public_mirrors()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if found := mnist_files.read_first(_find_in_mirror(mirror, name, partial), name):
                _keep(*found, partial, folder / name)
                return found[1]
            failures.append(f"{mirror} ({_describe_failure(mirror, name, partial)})")
        except (OSError, ValueError, HTTPException) as error:
            failures.append(f"{mirror} ({error})")
        finally:
            with suppress(OSError):
                partial.unlink()
    raise UserError(
        f"{directory}: {mnist_files.describe_absence(directory, name)}, and no mirror has an undamaged copy; "
        f"tried {', '.join(failures)}. Name a folder that has MNIST, or a URL that has its four .gz files, "
        "with --mirror or MNIST_MIRROR, or train without any download: --synthetic 5000.",
        "data",
    )


def _is_url(mirror: str) -> bool:
    return "://" in mirror or mirror.startswith("file:")


def _find_in_mirror(mirror: str, name: str, partial: Path) -> list[Path]:
    """Return the files of a folder that may hold MNIST's file `name`; of a URL the .gz, downloaded to `partial`."""
    if not _is_url(mirror):
        return mnist_files.find_candidates(Path(mirror), name)
    _download(f"{mirror.rstrip('/')}/{name}.gz", partial)
    return [partial]


def _describe_failure(mirror: str, name: str, partial: Path) -> str:
    """Say what a mirror has in place of MNIST's file `name`."""
    if not _is_url(mirror):
        return mnist_files.describe_absence(Path(mirror), name)
    return f"{name}.gz {mnist_files.describe_wrong_file(partial)}"


def _download(url: str, target: Path) -> None:
    """Download a file, with a progress bar on terminals."""
    # Not torchvision's `download_url`, which has no timeout: an unreachable mirror would block for ever.
    request = Request(url, headers={"User-Agent": "pytorch/vision"})
    with urlopen(request, timeout=TIMEOUT) as response, target.open("wb") as file:
        size = int(response.headers["Content-Length"] or 0) or None
        name = url.rpartition("/")[-1]
        with tqdm.wrapattr(response, "read", total=size, desc=name, leave=False, disable=None) as source:
            shutil.copyfileobj(source, file)


def _keep(source: Path, content: bytes, partial: Path, target: Path) -> None:
    """Keep a file of a mirror as torchvision does: a .gz as it is, other forms unpacked."""
    is_gzip = mnist_files.is_gzip(source)
    if source != partial:
        partial.write_bytes(source.read_bytes() if is_gzip else content)
    partial.replace(target.with_name(f"{target.name}.gz") if is_gzip else target)


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
