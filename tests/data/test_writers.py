"""`digits.data.writers`: who wrote each digit, from undamaged files that fit MNIST's."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import QMNIST

from digits import UserError
from digits.data import mnist_files, writers
from digits.data.mnist import ImageDataset

NAME = "qmnist-test-labels-idx2-int"
EXTRA_ROWS = 5  # QMNIST has more test digits than MNIST


@pytest.fixture
def digits() -> ImageDataset:
    return ImageDataset(torch.zeros(30, 1, 28, 28, dtype=torch.uint8), torch.arange(30) % 10)


@pytest.fixture
def mirror(digits, tmp_path, monkeypatch) -> Path:
    """A folder with a small file in the format of QMNIST's test labels; three digits by each writer from 2,100 on."""
    rows = np.zeros((len(digits) + EXTRA_ROWS, 8), ">i4")
    rows[: len(digits), 0] = digits.labels
    rows[:, 2] = 2_100 + np.arange(len(rows)) // 3
    file = replace(mnist_files.FILES[NAME], shape=rows.shape)
    content = file.header + rows.tobytes()
    monkeypatch.setitem(mnist_files.FILES, NAME, replace(file, md5=hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(QMNIST, "resources", {"train": [], "test": []})
    monkeypatch.delenv("QMNIST_MIRROR", raising=False)
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / f"{NAME}.gz").write_bytes(gzip.compress(content, 0))
    return folder


def test_files_are_those_that_torchvision_lists():
    for split in ("train", "test"):
        (url,) = [url for url, _ in QMNIST.resources[split] if "labels" in url]
        mirror, _, name = url.rpartition("/")
        assert name.removesuffix(".gz") in mnist_files.FILES
        assert writers._public_mirrors() == [mirror]


def test_writers_are_those_of_the_digits_and_the_file_is_kept(mirror, digits, tmp_path):
    expected = 2_100 + torch.arange(30) // 3
    assert torch.equal(writers.load("test", digits, tmp_path, [str(mirror)]), expected)
    (mirror / f"{NAME}.gz").unlink()
    assert torch.equal(writers.load("test", digits, tmp_path), expected)
    assert [path.name for path in (tmp_path / "QMNIST/raw").iterdir()] == [f"{NAME}.gz"]


def test_environment_variable_names_a_mirror(mirror, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("QMNIST_MIRROR", mirror.as_uri())
    assert len(writers.load("test", digits, tmp_path)) == 30


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"], ids=["empty", "web page"])
def test_damaged_file_is_fetched_again(mirror, digits, tmp_path, content):
    writers.load("test", digits, tmp_path, [str(mirror)])
    (tmp_path / "QMNIST/raw" / f"{NAME}.gz").write_bytes(content)
    assert len(writers.load("test", digits, tmp_path, [str(mirror)])) == 30


def test_missing_file_is_an_error_that_says_where_it_is(mirror, digits, tmp_path):
    (mirror / f"{NAME}.gz").unlink()
    (mirror / "train.csv").touch()  # of Kaggle's digits: no reason to mention it here
    with pytest.raises(UserError) as caught:
        writers.load("test", digits, tmp_path, [str(mirror)])
    for expected in (f"{NAME}.gz is missing", str(mirror), "github.com/facebookresearch/qmnist", "QMNIST_MIRROR"):
        assert expected in str(caught.value)
    assert "Kaggle" not in str(caught.value)


def test_labels_of_other_digits_are_refused(mirror, digits, tmp_path):
    others = ImageDataset(digits.images, digits.labels.flip(0))
    with pytest.raises(AssertionError, match="not those of MNIST's split test"):
        writers.load("test", others, tmp_path, [str(mirror)])


def test_digits_are_grouped_by_writer_and_small_groups_left_out():
    groups = writers.group_by_writer(torch.tensor([7, 3, 7, 5, 7, 3]), min_count=2)
    assert [group.tolist() for group in groups] == [[1, 5], [0, 2, 4]]
