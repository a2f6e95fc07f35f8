"""MNIST's test images in the forms of torchvision, Kaggle and Keras, written from a mirror of the original files."""

import gzip
from pathlib import Path

import numpy as np

from digits.data import mnist_files

IMAGES = "t10k-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


def contents(mirror: Path) -> dict[str, bytes]:
    """Unpack the test images of a mirror and their labels: the content by name without .gz."""
    return {name: gzip.decompress((mirror / f"{name}.gz").read_bytes()) for name in (IMAGES, LABELS)}


def write_unpacked(mirror: Path, folder: Path) -> None:
    for name, content in contents(mirror).items():
        (folder / name).write_bytes(content)


def write_names_with_dot(mirror: Path, folder: Path) -> None:
    for name, content in contents(mirror).items():
        (folder / name.replace("-idx", ".idx")).write_bytes(content)


def write_compressed_names_with_dot(mirror: Path, folder: Path) -> None:
    for name, content in contents(mirror).items():
        with gzip.open(
            folder / f"{name.replace('-idx', '.idx')}.gz", "wb"
        ) as file:  # another .gz: its header has the time
            file.write(content)


def write_folders(mirror: Path, folder: Path) -> None:
    for name, content in contents(mirror).items():
        (folder / name).mkdir()
        (folder / name / name).write_bytes(content)


def write_folders_of_names_with_dot(mirror: Path, folder: Path) -> None:
    for name, content in contents(mirror).items():
        dotted = name.replace("-idx", ".idx")
        (folder / dotted).mkdir()
        (folder / dotted / dotted).write_bytes(content)


def write_unpacked_under_compressed_names(mirror: Path, folder: Path) -> None:
    for name, content in contents(mirror).items():
        (folder / f"{name}.gz").write_bytes(content)


def arrays(mirror: Path) -> dict[str, np.ndarray]:
    """Return the test images and their labels under their names in Keras' mnist.npz."""
    files = mnist_files.FILES
    return {
        files[name].array: np.frombuffer(content, np.uint8, offset=len(files[name].header)).reshape(files[name].shape)
        for name, content in contents(mirror).items()
    }


def write_npz(mirror: Path, folder: Path) -> None:
    np.savez(folder / "mnist.npz", **arrays(mirror))


def write_compressed_npz(mirror: Path, folder: Path) -> None:
    np.savez_compressed(folder / "mnist.npz", **arrays(mirror))


WRITERS = [
    write_unpacked,
    write_names_with_dot,
    write_compressed_names_with_dot,
    write_folders,
    write_folders_of_names_with_dot,
    write_unpacked_under_compressed_names,
    write_npz,
    write_compressed_npz,
]
