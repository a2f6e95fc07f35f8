"""`digits.data.mnist`: sound files or a clear sentence, whatever the network and the disk do."""

import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from digits import UserError
from digits.data import mnist

IMAGES = "t10k-images-idx3-ubyte.gz"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def web(tiny_mirror):
    """The tiny mirror behind HTTP on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tiny_mirror)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_images_equal_those_that_torchvision_reads(real_mnist, tmp_path):
    from torchvision.datasets import MNIST

    shutil.copytree("data/MNIST/raw", tmp_path / "MNIST/raw")
    oracle = MNIST(tmp_path, train=False, download=True)
    assert torch.equal(real_mnist["test"].images[:, 0], oracle.data)
    assert torch.equal(real_mnist["test"].labels, oracle.targets)


def test_the_real_set_has_60000_and_10000_bytes_images(real_mnist):
    assert len(real_mnist["train"]) == 60_000
    assert real_mnist["test"].images.shape == (10_000, 1, 28, 28)
    assert real_mnist["train"].images.dtype == torch.uint8


def test_a_folder_is_a_mirror_and_leaves_only_the_four_files(tiny_mirror, tmp_path):
    assert len(mnist.load("train", tmp_path / "data", [str(tiny_mirror)])) == 5_100
    assert len(mnist.load("test", tmp_path / "data", [str(tiny_mirror)])) == 20
    names = sorted(p.name for p in (tmp_path / "data/MNIST/raw").iterdir())
    assert names == sorted(p.name for p in tiny_mirror.iterdir())


def test_a_url_is_a_mirror(web, tmp_path):
    assert len(mnist.load("test", tmp_path / "data", [web])) == 20


def test_a_file_url_is_a_mirror(tiny_mirror, tmp_path):
    assert len(mnist.load("test", tmp_path / "data", [tiny_mirror.as_uri()])) == 20


def test_the_environment_names_a_mirror(tiny_mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_MIRROR", str(tiny_mirror))
    assert len(mnist.load("test", tmp_path / "data")) == 20


def test_what_is_on_disk_needs_no_mirror(tiny_mirror, tmp_path):
    mnist.load("test", tmp_path, [str(tiny_mirror)])
    assert len(mnist.load("test", tmp_path)) == 20


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"<html>not found</html>"], ids=["empty", "truncated", "web page"]
)
def test_a_damaged_file_on_disk_is_fetched_again(tiny_mirror, tmp_path, content):
    mnist.load("test", tmp_path, [str(tiny_mirror)])
    (tmp_path / "MNIST/raw" / IMAGES).write_bytes(content)
    assert len(mnist.load("test", tmp_path, [str(tiny_mirror)])) == 20


def test_a_damaged_mirror_is_passed_over_for_the_next(tiny_mirror, tmp_path):
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in tiny_mirror.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes()[:-9])
    assert len(mnist.load("test", tmp_path / "data", [str(damaged), str(tiny_mirror)])) == 20


def test_without_any_sound_copy_the_error_says_what_was_tried_and_both_ways_out(tiny_mirror, tmp_path):
    (tiny_mirror / IMAGES).write_bytes(b"cut sh")
    dead = "http://127.0.0.1:9"  # nobody listens on the discard port
    with pytest.raises(UserError) as caught:
        mnist.load("test", tmp_path / "data", [str(tiny_mirror), dead, "/no/such/folder"])
    message = str(caught.value)
    for part in (IMAGES, f"{tiny_mirror} (its copy is damaged", dead, "/no/such/folder", "--mirror", "--synthetic"):
        assert part in message
    assert list((tmp_path / "data/MNIST/raw").iterdir()) == []


def test_a_data_folder_that_is_a_file_is_named(tiny_mirror, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(UserError, match="Not a directory"):
        mnist.load("test", tmp_path / "data", [str(tiny_mirror)])


@pytest.mark.parametrize("mirror", ["http://bad host/x", "ftp://127.0.0.1:9", "nonsense://x", "http://["])
def test_a_mirror_that_makes_no_sense_is_passed_over(tiny_mirror, tmp_path, mirror):
    assert len(mnist.load("test", tmp_path / "data", [mirror, str(tiny_mirror)])) == 20


def test_the_mirror_asked_for_is_tried_first_then_the_environment_then_the_public_ones(monkeypatch):
    monkeypatch.setenv("MNIST_MIRROR", "from-environment")
    order = mnist._mirrors_in_order(["asked"], ["public", "asked"])
    assert order == ["asked", "from-environment", "public"]


def test_checksums_are_torchvisions():
    from torchvision.datasets import MNIST

    assert dict(MNIST.resources) == mnist.FILES
