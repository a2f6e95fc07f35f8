"""The four files of MNIST in the forms in which they are distributed, each checked against its MD5; QMNIST's labels.

The forms are the original .gz files; these unpacked, as torchvision leaves them; Kaggle's names (with a dot, or in a
folder of the same name); and Keras' mnist.npz. The unpacked content is the same in all of them, and so is its MD5.
"""

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = 31  # zlib's number for the gzip format
# Read beyond the size of the unpacked file: the header of a .npy (128 bytes), gzip's own bytes around noise. Where more
# is left, the MD5 is wrong.
MAX_EXTRA_BYTES = 4096
# Of damaged archives; RuntimeError: of encrypted ones.
READ_ERRORS = (OSError, EOFError, ValueError, LookupError, zlib.error, zipfile.BadZipFile, RuntimeError)

TYPE_CODES = {"u1": 0x800, ">i4": 0xC00}  # of the format, by NumPy's names of the types


@dataclass(frozen=True)
class IdxFile:
    """A file in MNIST's format: a header, then the values of an array (https://yann.lecun.org/exdb/mnist).

    array: its name in mnist.npz; None for a file that is not MNIST's.
    shape: of the array.
    md5: of the file as it is when unpacked.
    dtype: of the array in the file.
    folder: in the data folder, where torchvision keeps the file.
    """

    array: str | None
    shape: tuple[int, ...]
    md5: str
    dtype: str = "u1"
    folder: str = "MNIST/raw"

    @property
    def header(self) -> bytes:
        """The type and the number of dimensions, then each dimension."""
        return struct.pack(f">{1 + len(self.shape)}I", TYPE_CODES[self.dtype] + len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """Bytes of the unpacked file."""
        return len(self.header) + prod(self.shape) * int(self.dtype[-1])


FILES = {
    "train-images-idx3-ubyte": IdxFile("x_train", (60_000, 28, 28), "6bbc9ace898e44ae57da46a324031adb"),
    "train-labels-idx1-ubyte": IdxFile("y_train", (60_000,), "a25bea736e30d166cdddb491f175f624"),
    "t10k-images-idx3-ubyte": IdxFile("x_test", (10_000, 28, 28), "2646ac647ad5339dbf082846283269ea"),
    "t10k-labels-idx1-ubyte": IdxFile("y_test", (10_000,), "27ae3e4e09519cfbb04c329615203637"),
    # Of each digit eight integers, among them the label and the writer; the test digits of MNIST are the first 10,000.
    "qmnist-train-labels-idx2-int": IdxFile(None, (60_000, 8), "1d43300e7f41ddcbf7fd006cbe865af9", ">i4", "QMNIST/raw"),
    "qmnist-test-labels-idx2-int": IdxFile(None, (60_000, 8), "5e00709fb0090091f3afc51d204ad83c", ">i4", "QMNIST/raw"),
}


def find_candidates(folder: Path, name: str) -> list[Path]:
    """Return the files that may hold the file `name`, those in `folder`/MNIST/raw first, the .gz before others."""
    file = FILES[name]
    stems = (name, name.replace("-idx", ".idx"))
    names = [f"{stem}{suffix}" for stem in stems for suffix in (".gz", "")]
    paths = []
    for root in (folder / file.folder, folder):
        paths += [place / form for place in (root, *(root / stem for stem in stems)) for form in names]
        paths += [root / "mnist.npz"] if file.array else []
    return [path for path in paths if os.path.isfile(path)]  # noqa: PTH113 # unlike Path.is_file, never raises OSError


def read_first(paths: Sequence[Path], name: str) -> tuple[Path, bytes] | None:
    """Return the first of `paths` that is the file `name`, and its unpacked content; None if there is none."""
    for path in paths:
        if content := read(path, name):
            return path, content
    return None


def read(path: Path, name: str) -> bytes | None:
    """Return the unpacked content of the file `name`; None where the file at `path` is another or damaged.

    No more is read than its content, so that a small file that unpacks to a huge one does not fill the memory.
    """
    file = FILES[name]
    try:
        content = _read_npz(path, file) if path.suffix == ".npz" else _read_idx(path, file)
    except READ_ERRORS:
        return None
    return content if hashlib.md5(content).hexdigest() == file.md5 else None


def is_gzip(path: Path) -> bool:
    """Return whether the file is compressed; not by its name, as browsers unpack some .gz files that they download."""
    with path.open("rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def _read_idx(path: Path, file: IdxFile) -> bytes:
    limit = file.size + MAX_EXTRA_BYTES
    with path.open("rb") as source:
        content = source.read(limit)
    if not content.startswith(GZIP_MAGIC):
        return content
    return zlib.decompressobj(GZIP_WBITS).decompress(content, limit)  # unlike gzip.decompress, has a limit


def _read_npz(path: Path, file: IdxFile) -> bytes:
    """Return the array of an archive that numpy.savez wrote, as an IDX file.

    The values are the last bytes of the member. Its header, a Python literal, need not be trusted: the MD5 is checked.
    """
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{file.array}.npy")
        # NumPy uses no other compression; zipfile unpacks bzip2 without a limit.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return b""
        with archive.open(member) as source:
            content = source.read(file.size + MAX_EXTRA_BYTES)
    return file.header + content[-prod(file.shape) :]


def describe_absence(folder: Path, name: str) -> str:
    """Say what `folder` has in place of the file `name`."""
    if candidates := find_candidates(folder, name):
        return f"{candidates[0].relative_to(folder)} {describe_wrong_file(candidates[0])}"
    if FILES[name].array and os.path.isfile(folder / "train.csv"):  # noqa: PTH113
        return f"{name}.gz is missing, train.csv of Kaggle's Digit Recognizer does not replace it"
    return f"{name}.gz is missing"


def describe_wrong_file(path: Path) -> str:
    """Say whether a file with wrong content belongs to a data set that has the same file names."""
    from torchvision.datasets import KMNIST, FashionMNIST  # noqa: PLC0415 # as in mirrors.import_torchvision_datasets

    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    for name, dataset in (("Fashion-MNIST", FashionMNIST), ("KMNIST", KMNIST)):
        if digest in dict(dataset.resources).values():
            return f"is {name}'s"
    return "is damaged, or of another data set: wrong MD5"
