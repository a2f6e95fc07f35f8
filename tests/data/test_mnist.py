"""`digits.data.mnist`: undamaged files or a clear error message, whatever the network and the disk do."""

import gzip
import hashlib
import shutil
import socket

import pytest
import torch
from torchvision.datasets import FashionMNIST

from digits import UserError
from digits.data import mirrors, mnist
from tests.helpers.fake_server import Response, http_server

IMAGES = "t10k-images-idx3-ubyte.gz"


@pytest.fixture
def mirror_url(tiny_mirror):
    """Serve the tiny mirror over HTTP on the loopback interface."""

    def respond(_: str, path: str, *__) -> Response:
        content = (tiny_mirror / path.removeprefix("/")).read_bytes()
        return 200, content, [("Content-Length", str(len(content)))]

    with http_server(respond) as port:
        yield f"http://127.0.0.1:{port}/"


def test_images_and_labels_equal_those_of_torchvision(real_mnist, tmp_path):
    from torchvision.datasets import MNIST

    shutil.copytree("data/MNIST/raw", tmp_path / "MNIST/raw")
    reference = MNIST(tmp_path, train=False, download=True)
    assert torch.equal(real_mnist["test"].images[:, 0], reference.data)
    assert torch.equal(real_mnist["test"].labels, reference.targets)


def test_mnist_has_60000_and_10000_uint8_images(real_mnist):
    assert len(real_mnist["train"]) == 60_000
    assert real_mnist["test"].images.shape == (10_000, 1, 28, 28)
    assert real_mnist["train"].images.dtype == torch.uint8


def test_folder_is_a_mirror_and_only_the_four_files_are_kept(tiny_mirror, tmp_path):
    assert len(mnist.load("train", tmp_path / "data", [str(tiny_mirror)])) == 5_100
    assert len(mnist.load("test", tmp_path / "data", [str(tiny_mirror)])) == 20
    names = sorted(p.name for p in (tmp_path / "data/MNIST/raw").iterdir())
    assert names == sorted(p.name for p in tiny_mirror.iterdir())


def test_http_url_is_a_mirror(mirror_url, tmp_path):
    assert len(mnist.load("test", tmp_path / "data", [mirror_url])) == 20


def test_file_url_is_a_mirror(tiny_mirror, tmp_path):
    assert len(mnist.load("test", tmp_path / "data", [tiny_mirror.as_uri()])) == 20


def test_environment_variable_names_a_mirror(tiny_mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_MIRROR", str(tiny_mirror))
    assert len(mnist.load("test", tmp_path / "data")) == 20


def test_files_on_disk_need_no_mirror(tiny_mirror, tmp_path):
    mnist.load("test", tmp_path, [str(tiny_mirror)])
    assert len(mnist.load("test", tmp_path)) == 20


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"<html>not found</html>"], ids=["empty", "truncated", "web page"]
)
def test_damaged_file_on_disk_is_fetched_again(tiny_mirror, tmp_path, content):
    mnist.load("test", tmp_path, [str(tiny_mirror)])
    (tmp_path / "MNIST/raw" / IMAGES).write_bytes(content)
    assert len(mnist.load("test", tmp_path, [str(tiny_mirror)])) == 20


def test_damaged_mirror_is_skipped(tiny_mirror, tmp_path):
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in tiny_mirror.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes()[:-9])
    assert len(mnist.load("test", tmp_path / "data", [str(damaged), str(tiny_mirror)])) == 20


def test_mirror_that_never_answers_is_skipped_after_the_timeout(tiny_mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(mirrors, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert len(mnist.load("test", tmp_path / "data", [url, str(tiny_mirror)])) == 20


def test_error_without_undamaged_copy_lists_mirrors_and_both_alternatives(tiny_mirror, tmp_path):
    (tiny_mirror / IMAGES).write_bytes(b"cut sh")
    unreachable = "http://127.0.0.1:9"  # the discard port, on which no server listens
    with pytest.raises(UserError) as caught:
        mnist.load("test", tmp_path / "data", [str(tiny_mirror), unreachable, "/no/such/folder"])
    message = str(caught.value)
    damaged = f"{tiny_mirror} ({IMAGES} is damaged"
    for expected in (IMAGES, damaged, unreachable, "/no/such/folder", "--mirror", "--synthetic"):
        assert expected in message
    assert list((tmp_path / "data/MNIST/raw").iterdir()) == []


def test_file_in_place_of_the_data_folder_is_reported(tiny_mirror, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(UserError, match="Not a directory"):
        mnist.load("test", tmp_path / "data", [str(tiny_mirror)])


@pytest.mark.parametrize("mirror", ["http://bad host/x", "ftp://127.0.0.1:9", "nonsense://x", "http://["])
def test_malformed_mirror_is_skipped(tiny_mirror, tmp_path, mirror):
    assert len(mnist.load("test", tmp_path / "data", [mirror, str(tiny_mirror)])) == 20


def test_mirrors_are_tried_in_order_argument_environment_public(monkeypatch):
    monkeypatch.setenv("MNIST_MIRROR", "from-environment")
    order = mirrors._mirrors_in_order(["argument"], "MNIST_MIRROR", ["public", "argument"])
    assert order == ["argument", "from-environment", "public"]


def test_other_data_set_with_the_names_of_mnist_is_named(tiny_mirror, tmp_path, monkeypatch):
    content = gzip.compress(b"shoes and shirts")
    monkeypatch.setattr(FashionMNIST, "resources", [(IMAGES, hashlib.md5(content).hexdigest())])
    (tmp_path / "clothes").mkdir()
    (tmp_path / "clothes" / IMAGES).write_bytes(content)
    with pytest.raises(UserError, match=rf"clothes \({IMAGES} is Fashion-MNIST's\)"):
        mnist.load("test", tmp_path / "data", [str(tmp_path / "clothes")])
    (tmp_path / "data" / "MNIST" / "raw" / IMAGES).write_bytes(content)
    with pytest.raises(UserError, match=rf"{IMAGES} is Fashion-MNIST's, and no mirror"):
        mnist.load("test", tmp_path / "data")
