"""Shared fixtures; with DIGITS_SKIP_NOTHING in the environment, as in CI, a skipped test fails.

The fixtures import PyTorch and what needs it, as it takes seconds, and pytest-xdist's main process runs no tests.
"""

import gzip
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers import python_process

ROOT = Path(__file__).parents[1]
MARKERS_OF_FIXTURES = {"browser": "browser", "real_mnist": "mnist", "server_log": "slow"}

# PyTorch's threads, also in the processes that tests start: pytest-xdist keeps the cores busy.
os.environ["OMP_NUM_THREADS"] = "1"


def pytest_configure():
    """Run tests and programs from the root of the clone; make MNIST_MIRROR absolute if it is a relative folder."""
    mirror = os.environ.get("MNIST_MIRROR", "")
    if mirror and "://" not in mirror:
        os.environ["MNIST_MIRROR"] = str(Path(mirror).resolve())
    os.chdir(ROOT)


def pytest_collection_modifyitems(items):
    for item in items:
        for fixture in MARKERS_OF_FIXTURES.keys() & set(item.fixturenames):
            item.add_marker(MARKERS_OF_FIXTURES[fixture])


def pytest_collection_finish(session):
    """Import what programs import before the first test that runs one, whose time is limited."""
    if any(item.get_closest_marker("slow") or item.get_closest_marker("browser") for item in session.items):
        python_process.run("-c", "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("DIGITS_SKIP_NOTHING"):
        report.outcome, report.longrepr = "failed", f"skipped, but DIGITS_SKIP_NOTHING is set: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def real_mnist():
    """The real MNIST, "train" and "test", if it is on disk or MNIST_MIRROR is set.

    Otherwise the test is skipped: nothing is downloaded.
    """
    from digits import UserError
    from digits.data import mnist

    if not os.environ.get("MNIST_MIRROR") and not Path("data/MNIST/raw").exists():
        pytest.skip("no MNIST: set MNIST_MIRROR to a folder or URL that has it, or run `python train.py` once")
    try:
        return {part: mnist.load(part) for part in ("train", "test")}
    except UserError as error:
        pytest.skip(f"no MNIST: {error}")


@pytest.fixture(scope="session")
def network():
    """The network with the weights that ship."""
    import model

    return model.load("mnist.pth")


@pytest.fixture(scope="session")
def reader(network):
    from digits import Reader

    return Reader(network)


@pytest.fixture
def generator():
    import torch

    return torch.Generator().manual_seed(7)


@pytest.fixture
def tiny_mirror(tmp_path, monkeypatch) -> Path:
    """A mirror with four small files in MNIST's format, 5,100 and 20 random images, whose MD5 are accepted."""
    import numpy as np
    from torchvision.datasets import MNIST

    from digits.data import mnist_files

    folder, files = tmp_path / "mirror", {}
    folder.mkdir()
    for name, file in mnist_files.FILES.items():
        if name.startswith("qmnist"):
            continue
        count = 5_100 if name.startswith("train") else 20
        labels = bytes(i % 10 for i in range(count))
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8).tobytes()
        tiny = replace(file, shape=(count, *file.shape[1:]))
        content = tiny.header + (images if "images" in name else labels)
        files[name] = replace(tiny, md5=hashlib.md5(content).hexdigest())
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, 0))
    monkeypatch.setattr(mnist_files, "FILES", files)
    monkeypatch.setattr(MNIST, "mirrors", [])
    monkeypatch.delenv("MNIST_MIRROR", raising=False)
    return folder


@pytest.fixture(scope="session")
def application():
    import app

    return app.create_app()


@pytest.fixture
def client(application):
    return application.test_client()
