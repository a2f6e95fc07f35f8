"""`model`: the network others rely on, and files of weights that may be anything at all."""

import os
import pickle
import resource
import signal

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import model
from digits import UserError


class Tutorial(nn.Module):
    """The network as tutorials write it; `mnist.pth` must fit it, and its weights must fit ours."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(1600, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.view(len(x), -1))))


class Runs:
    """A pickle that leaves a file behind if anyone runs it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def state() -> dict[str, torch.Tensor]:
    return model.CNN().state_dict()


def test_it_has_225034_parameters():
    assert model.parameters(model.CNN()) == 225_034


def test_the_shipped_weights_answer_the_same_in_the_tutorial_network(network):
    tutorial = Tutorial()
    tutorial.load_state_dict(torch.load("mnist.pth", weights_only=True), strict=True)
    x = torch.rand(8, 1, 28, 28)
    torch.testing.assert_close(tutorial(x), network(x))


def test_weights_of_the_tutorial_network_load(tmp_path):
    tutorial = Tutorial()
    torch.save(tutorial.state_dict(), tmp_path / "theirs.pth")
    x = torch.rand(8, 1, 28, 28)
    torch.testing.assert_close(model.load(tmp_path / "theirs.pth")(x), tutorial(x))


def test_memory_layout_changes_neither_answers_nor_the_file(tmp_path):
    cnn = model.CNN().to(memory_format=torch.channels_last)
    model.save(cnn, tmp_path / "a.pth")
    stored = torch.load(tmp_path / "a.pth", weights_only=True)
    assert all(tensor.is_contiguous() for tensor in stored.values())
    model.save(model.load(tmp_path / "a.pth"), tmp_path / "b.pth")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()
    x = torch.rand(8, 1, 28, 28)
    torch.testing.assert_close(model.load(tmp_path / "a.pth")(x), cnn(x))


def test_a_save_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.pth"
    model.save(model.CNN(), path)
    before = path.read_bytes()

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))  # as a disk that is full after 100 kB
        with pytest.raises(UserError, match="could not be saved"):
            model.save(model.CNN(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_weights_say_how_to_get_them(tmp_path):
    with pytest.raises(UserError, match=r"python train\.py"):
        model.load(tmp_path / "none.pth")


@pytest.mark.parametrize("kept", [0, 1, 100, 5_000, 900_000])
def test_truncated_weights_are_named_damaged(tmp_path, kept):
    path = tmp_path / "cut.pth"
    model.save(model.CNN(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="damaged"):
        model.load(path)


@pytest.mark.parametrize("content", [b"hello, I am no weights at all", bytes(1000), b"\x89PNG\r\n\x1a\n" * 20])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.pth"):
        model.load(tmp_path / "a.pth")


def test_a_folder_is_no_file_of_weights(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        model.load(tmp_path)


@pytest.mark.parametrize("write", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb, 2))])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, write):
    write(Runs(tmp_path / "ran"), tmp_path / "bomb.pth")
    with pytest.raises(UserError, match="refused"):
        model.load(tmp_path / "bomb.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([1, 2, 3], "a list"),
        ({}, "conv1.bias is missing"),
        (state() | {"fc3.weight": torch.zeros(2)}, "fc3.weight is unknown"),
        (state() | {"fc2.weight": torch.zeros(26, 128)}, r"fc2.weight is \(26, 128\) instead of \(10, 128\)"),
        (state() | {"fc2.bias": "no tensor"}, "fc2.bias is str"),
        (state() | {"fc2.bias": torch.full((10,), float("nan"))}, "not finite"),
        (nn.Linear(784, 10).state_dict(), "bias is unknown"),
    ],
)
def test_weights_of_another_network_are_refused_with_the_difference(tmp_path, content, why):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match=why):
        model.load(tmp_path / "other.pth")
