"""Files of public data sets: read from a data folder, or copied into it from the first mirror that has them.

Each file is checked each time it is read, so that a damaged one is found and downloaded again.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import ModuleType
from urllib.request import Request, urlopen

import numpy as np
import torch
from tqdm import tqdm

from digits import UserError
from digits.data import mnist_files

TIMEOUT = 20  # seconds without a byte, after which a mirror counts as unreachable


@dataclass(frozen=True)
class Collection:
    """A data set whose files are copied from mirrors.

    variable: the environment variable that names a mirror.
    public_mirrors: returns the URLs of the public ones.
    advice: a sentence that says what to do where no mirror has an undamaged copy.
    """

    variable: str
    public_mirrors: Callable[[], Sequence[str]]
    advice: str


def load_values(name: str, collection: Collection, directory: Path, mirrors: Sequence[str]) -> torch.Tensor:
    """Return the values of the file `name` of `mnist_files.FILES`, flat: uint8, or int32 where it has integers.

    The file is read from `directory`, else copied there from `mirrors` (URLs of the .gz files, or folders), then from
    that of the environment variable, then from the public ones.

    Raises: UserError: when no mirror has an undamaged copy.
    """
    on_disk = mnist_files.read_first(mnist_files.find_candidates(directory, name), name)
    content = on_disk[1] if on_disk else _fetch(name, collection, directory, mirrors)
    file = mnist_files.FILES[name]
    values = np.frombuffer(content, file.dtype, offset=len(file.header))
    return torch.from_numpy(values.astype(values.dtype.newbyteorder("=")))


def import_torchvision_datasets() -> ModuleType:
    """Import `torchvision.datasets`, which has the addresses of the public mirrors.

    Raises: UserError: when there is no folder for temporary files, which PyTorch needs.
    """
    # Imported here: torchvision takes more than a second to import, and is needed for downloads only.
    try:
        from torchvision import datasets  # noqa: PLC0415
    except FileNotFoundError:
        raise UserError(
            "PyTorch needs a folder for temporary files: mount one at /tmp, or name one in TMPDIR.", "data"
        ) from None
    return datasets


def _fetch(name: str, collection: Collection, directory: Path, mirrors: Sequence[str]) -> bytes:
    """Copy a file from the first mirror that has it undamaged to its folder in `directory`.

    Returns: its unpacked content.
    """
    folder = directory / mnist_files.FILES[name].folder
    partial = folder / f".{name}.{os.getpid()}"  # renamed when it is complete
    failures = []
    for mirror in _mirrors_in_order(mirrors, collection.variable, collection.public_mirrors()):
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
        f"tried {', '.join(failures)}. {collection.advice}",
        "data",
    )


def _is_url(mirror: str) -> bool:
    return "://" in mirror or mirror.startswith("file:")


def _find_in_mirror(mirror: str, name: str, partial: Path) -> list[Path]:
    """Return the files of a folder that may hold the file `name`; of a URL the .gz, downloaded to `partial`."""
    if not _is_url(mirror):
        return mnist_files.find_candidates(Path(mirror), name)
    _download(f"{mirror.rstrip('/')}/{name}.gz", partial)
    return [partial]


def _describe_failure(mirror: str, name: str, partial: Path) -> str:
    """Say what a mirror has in place of the file `name`."""
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


def _mirrors_in_order(mirrors: Sequence[str], variable: str, public: Sequence[str]) -> list[str]:
    """Return `mirrors`, then that of the environment `variable`, then the public ones, without duplicates."""
    environment = filter(None, [os.environ.get(variable)])
    return list(dict.fromkeys([*mirrors, *environment, *public]))
