"""Measure how well non-digits are rejected: read data sets of letters and signs, also your own.

    python -m bench.non_digits FOLDER

Each entry of FOLDER is a set: a folder or .zip of pictures, an IDX file of images (.gz or not), or a .npz whose first
array is (N, H, W) uint8; other files are left out. A sample of each set is read in the way in which pictures are.
AUROC is the probability that a random MNIST test image has a higher `probability` than a random non-digit. --skip
leaves out pictures of look-alikes by their paths, say an o and an l. The last line is one JSON object.
"""

import argparse
import fnmatch
import gzip
import struct
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

import model
from bench.results import print_environment, print_json
from digits import UserError
from digits.data import mnist
from digits.data.mnist_files import is_gzip
from digits.recognition import image_decoding
from digits.recognition.formats import SUFFIXES
from digits.recognition.reader import Reader

SAMPLE_SIZE = 2_000  # pictures of each set: the standard error of a share of 5 % is half a point
IDX_HEADER = struct.Struct(">4I")  # type and number of dimensions, then images, rows and columns
IDX_IMAGES = 0x803  # uint8 with three dimensions

Picture = np.ndarray | bytes | Path


def list_sets(folder: Path, skipped: Sequence[str] = ()) -> dict[str, list[Picture]]:
    """Return the pictures of each set in `folder`, without those whose paths match a pattern of `skipped`."""
    sets = {}
    for path in sorted(folder.iterdir()):
        if pictures := _loader(path)(path, skipped):
            sets[path.name] = pictures
    return sets


def list_folder(folder: Path, skipped: Sequence[str]) -> list[Picture]:
    """Return the paths of the pictures in a folder and those in it."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [path for path in paths if not _is_skipped(str(path.relative_to(folder)), skipped)]


def read_zip(path: Path, skipped: Sequence[str]) -> list[Picture]:
    """Return the files of the pictures in an archive."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(SUFFIXES))
        return [archive.read(name) for name in names if not _is_skipped(name, skipped)]


def read_npz(path: Path, _skipped: Sequence[str] = ()) -> list[Picture]:
    """Return the images of the first array (N, H, W) uint8 of a .npz file; none where it is another."""
    with np.load(path) as arrays:
        images = arrays[arrays.files[0]]
    return list(images) if images.ndim == 3 and images.dtype == np.uint8 else []


def read_idx(path: Path, _skipped: Sequence[str] = ()) -> list[Picture]:
    """Return the images of an IDX file of uint8 (N, H, W), compressed or not; none where it is another file."""
    content = gzip.decompress(path.read_bytes()) if is_gzip(path) else path.read_bytes()
    if len(content) < IDX_HEADER.size:
        return []
    kind, *shape = IDX_HEADER.unpack_from(content)
    if kind != IDX_IMAGES:
        return []
    return list(np.frombuffer(content, np.uint8, offset=IDX_HEADER.size).reshape(shape))


def _loader(path: Path) -> Callable[[Path, Sequence[str]], list[Picture]]:
    if path.is_dir():
        return list_folder
    return {".zip": read_zip, ".npz": read_npz}.get(path.suffix, read_idx)


def _is_skipped(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, f"*{pattern}*") for pattern in patterns)


def read_all(reader: Reader, pictures: Sequence[Picture]) -> tuple[np.ndarray, np.ndarray]:
    """Read pictures: the `probability` of each (N,), 0 where nothing is read, and whether it is certain, (N,) bool."""
    probabilities, certain = np.zeros(len(pictures)), np.zeros(len(pictures), bool)
    for number, picture in enumerate(pictures):
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else image_decoding.decode(picture)
        reading = reader.read(image)
        if not reading.error:
            probabilities[number], certain[number] = reading.probability, reading.certain
    return probabilities, certain


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Compute the probability that one of `positive` (P,) exceeds one of `negative` (N,); ties count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / 2 / len(negative))


def sample(pictures: Sequence[Picture], size: int) -> list[Picture]:
    """Choose `size` of the pictures at random, the same ones in each run; all where there are no more."""
    order = np.random.default_rng(0).permutation(len(pictures))
    return [pictures[number] for number in order[:size]]


def measure(reader: Reader, sets: dict[str, list[Picture]], digits: Sequence[Picture], size: int) -> dict[str, dict]:
    """Measure the AUROC of `digits` against a sample of each set, and the share read with certainty in percent."""
    positive, _ = read_all(reader, sample(digits, size))
    figures = {}
    for name, pictures in sets.items():
        negative, is_certain = read_all(reader, sample(pictures, size))
        certain = 100 * float(is_certain.mean())
        figures[name] = {
            "pictures": len(negative),
            "auroc": round(auroc(positive, negative), 4),
            "certain": round(certain, 2),
        }
        print("{0}: {pictures:,} pictures, AUROC {auroc:.4f}, {certain:.1f} % read with certainty".format(
            name, **figures[name]), flush=True)  # fmt: skip
    return figures


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    sets = list_sets(args.folder, args.skip)
    if not sets:
        raise UserError(f"{args.folder} has no pictures or images: see the top of bench/non_digits.py.")
    digits = list(mnist.load("test").images[:, 0].numpy())
    print_environment()
    print_json(
        "non_digits",
        {
            "sets": measure(
                Reader(model.load(args.weights), line_network=model.load_line_reader()), sets, digits, args.count
            )
        },
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="has the sets of non-digits")
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=SAMPLE_SIZE, help="pictures of each set (default: %(default)s)")
    parser.add_argument("--skip", nargs="*", default=[], help="parts or patterns of paths to leave out")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(f"bench.non_digits: {error}")
