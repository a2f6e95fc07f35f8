"""`digits.data.mnist_files`: MNIST in the forms of torchvision, Kaggle and Keras, undamaged or not at all."""

import gzip
import hashlib
import random
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import FashionMNIST

from digits import UserError
from digits.data import mnist, mnist_files
from digits.data.mnist import ImageDataset
from tests.helpers.mnist_forms import (
    IMAGES,
    LABELS,
    WRITERS,
    arrays,
    contents,
    write_npz,
    write_unpacked,
    write_unpacked_under_compressed_names,
)

every_form = pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__.removeprefix("write_"))


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def is_equal(a: ImageDataset, b: ImageDataset) -> bool:
    return torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)


@every_form
@pytest.mark.parametrize("place", [".", "MNIST/raw"])
def test_every_form_in_the_data_folder_loads_in_place(tiny_mirror, folder, write, place):
    (folder / place).mkdir(parents=True, exist_ok=True)
    write(tiny_mirror, folder / place)
    before = sorted(folder.rglob("*"))
    assert is_equal(mnist.load("test", folder), mnist.load("test", tiny_mirror))
    assert sorted(folder.rglob("*")) == before


@every_form
def test_every_form_in_a_mirror_is_kept_so_that_the_mirror_is_not_needed_again(tiny_mirror, folder, tmp_path, write):
    write(tiny_mirror, folder)
    dataset = mnist.load("test", tmp_path / "data", [str(folder)])
    assert is_equal(dataset, mnist.load("test", tiny_mirror))
    kept = {path.name.removesuffix(".gz") for path in (tmp_path / "data/MNIST/raw").iterdir()}
    assert kept == {IMAGES, LABELS}
    assert is_equal(dataset, mnist.load("test", tmp_path / "data"))


def test_data_folder_of_torchvision_is_a_mirror(tiny_mirror, folder, tmp_path):
    (folder / "MNIST/raw").mkdir(parents=True)
    write_unpacked(tiny_mirror, folder / "MNIST/raw")
    assert len(mnist.load("test", tmp_path / "data", [str(folder)])) == 20


def test_gz_that_a_server_has_unpacked_is_kept_under_the_unpacked_name(tiny_mirror, folder, tmp_path):
    write_unpacked_under_compressed_names(tiny_mirror, folder)
    assert len(mnist.load("test", tmp_path / "data", [folder.as_uri()])) == 20
    assert {path.name for path in (tmp_path / "data/MNIST/raw").iterdir()} == {IMAGES, LABELS}


def test_original_file_in_its_place_comes_first(tiny_mirror, folder):
    shutil.copytree(tiny_mirror, folder / "MNIST/raw")
    write_unpacked(tiny_mirror, folder / "MNIST/raw")
    write_npz(tiny_mirror, folder)
    first, *others = mnist_files.find_candidates(folder, IMAGES)
    assert first == folder / "MNIST/raw" / f"{IMAGES}.gz"
    assert others == [folder / "MNIST/raw" / IMAGES, folder / "mnist.npz"]


def test_damaged_file_is_passed_over_for_another_form(tiny_mirror, folder):
    write_unpacked(tiny_mirror, folder)
    (folder / f"{IMAGES}.gz").write_bytes(b"cut sh")
    assert len(mnist.load("test", folder)) == 20


@every_form
@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda _: b"<html>"], ids=["truncated", "web page"])
def test_damaged_file_of_any_form_is_reported_with_its_name(tiny_mirror, folder, write, damage):
    write(tiny_mirror, folder)
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="--mirror or MNIST_MIRROR, or train without any download") as caught:
        mnist.load("test", folder, [str(folder)])
    name = mnist_files.find_candidates(folder, IMAGES)[0].relative_to(folder)
    assert f"{folder}: {name} is damaged, or of another data set: wrong MD5, and no mirror" in str(caught.value)
    assert f"{folder} ({name} is damaged" in str(caught.value)


def test_array_of_other_values_or_type_is_refused(tiny_mirror, folder):
    good = arrays(tiny_mirror)
    for x_test in (255 - good["x_test"], good["x_test"].astype(np.int64), good["x_test"][:-1], np.array([{}], object)):
        np.savez(folder / "mnist.npz", **good | {"x_test": x_test})
        assert mnist_files.read(folder / "mnist.npz", IMAGES) is None
        assert mnist_files.read(folder / "mnist.npz", LABELS)


@pytest.mark.parametrize("name", ["mnist.npz", f"{IMAGES}.gz"])
def test_damage_anywhere_in_an_archive_raises_nothing(tiny_mirror, folder, name):
    np.savez_compressed(folder / "mnist.npz", x_test=arrays(tiny_mirror)["x_test"])
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(contents(tiny_mirror)[IMAGES]))
    path, generator = folder / name, random.Random(0)
    content = path.read_bytes()
    expected = mnist_files.read(path, IMAGES)
    assert expected
    # The structure is at the ends: a gzip header and trailer, zip's list of members.
    for _ in range(300):
        position = generator.choice([generator.randrange(100), len(content) - 1 - generator.randrange(200)])
        damaged = content[:position] + generator.randbytes(1) + content[position + 1 :]
        path.write_bytes(damaged)
        assert mnist_files.read(path, IMAGES) in (None, expected)


def write_gzip_bomb(path: Path, size: int) -> None:
    path.write_bytes(gzip.compress(bytes(size)))


def zip_bomb_writer(compression: int) -> Callable[[Path, int], None]:
    def write(path: Path, size: int) -> None:
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("x_test.npy", bytes(size))

    return write


@pytest.mark.parametrize(
    ("name", "write"),
    [
        (f"{IMAGES}.gz", write_gzip_bomb),
        (IMAGES, lambda path, size: path.write_bytes(bytes(size))),
        ("mnist.npz", zip_bomb_writer(zipfile.ZIP_STORED)),
        ("mnist.npz", zip_bomb_writer(zipfile.ZIP_DEFLATED)),
        ("mnist.npz", zip_bomb_writer(zipfile.ZIP_BZIP2)),
        ("mnist.npz", zip_bomb_writer(zipfile.ZIP_LZMA)),
    ],
    ids=["gzip", "unpacked", "stored", "deflated", "bzip2", "lzma"],
)
def test_archive_that_unpacks_to_more_than_mnist_does_not_fill_the_memory(tiny_mirror, folder, name, write):
    write(folder / name, 2**24)
    tracemalloc.start()
    content = mnist_files.read(folder / name, IMAGES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert content is None
    assert peak < 2**20


def test_other_data_set_in_another_form_is_named_where_its_md5_is_known(tiny_mirror, folder, monkeypatch):
    content = gzip.compress(b"shoes and shirts")
    monkeypatch.setattr(FashionMNIST, "resources", [("any", hashlib.md5(content).hexdigest())])
    (folder / "t10k-images.idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"t10k-images\.idx3-ubyte\.gz is Fashion-MNIST's, and no mirror"):
        mnist.load("test", folder)


@pytest.mark.usefixtures("tiny_mirror")
def test_csv_of_kaggle_is_named(folder):
    (folder / "train.csv").write_text("label,pixel0\n")
    with pytest.raises(UserError, match=r"train\.csv of Kaggle's Digit Recognizer does not replace it"):
        mnist.load("train", folder)


@pytest.mark.usefixtures("tiny_mirror")
def test_missing_file_is_named(folder):
    with pytest.raises(UserError, match=rf"^{folder}: train-images-idx3-ubyte\.gz is missing, and no mirror"):
        mnist.load("train", folder)


def test_real_mnist_in_the_form_of_keras_equals_the_original(real_mnist, tmp_path):
    values = {}
    for part, dataset in real_mnist.items():
        values |= {f"x_{part}": dataset.images[:, 0].numpy(), f"y_{part}": dataset.labels.numpy().astype(np.uint8)}
    np.savez(tmp_path / "mnist.npz", **values)
    for part, dataset in real_mnist.items():
        assert is_equal(mnist.load(part, tmp_path), dataset)


def test_real_mnist_in_the_form_of_torchvision_equals_the_original(real_mnist, tmp_path):
    from torchvision.datasets import MNIST

    shutil.copytree("data/MNIST/raw", tmp_path / "MNIST/raw")
    MNIST(tmp_path, train=False, download=True)
    for path in (tmp_path / "MNIST/raw").glob("*.gz"):
        path.unlink()
    for part, dataset in real_mnist.items():
        assert is_equal(mnist.load(part, tmp_path), dataset)
