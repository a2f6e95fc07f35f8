"""`model`: the network that other programs rely on, and files of weights that may contain anything."""

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
    """The network as tutorials write it; `mnist.pth` must load into it, and its weights into ours."""

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


class CodePickle:
    """A pickle that creates a folder when it is loaded without protection."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def state_dict() -> dict[str, torch.Tensor]:
    return model.CNN().state_dict()


def test_cnn_has_225034_parameters():
    assert model.count_parameters(model.CNN()) == 225_034


def test_shipped_weights_give_the_same_logits_in_the_tutorial_network(network):
    tutorial = Tutorial()
    tutorial.load_state_dict(torch.load("mnist.pth", weights_only=True), strict=True)
    x = torch.rand(8, 1, 28, 28)
    torch.testing.assert_close(tutorial(x), network(x))


def test_weights_of_the_tutorial_network_load(tmp_path):
    tutorial = Tutorial()
    torch.save(tutorial.state_dict(), tmp_path / "theirs.pth")
    x = torch.rand(8, 1, 28, 28)
    torch.testing.assert_close(model.load(tmp_path / "theirs.pth")(x), tutorial(x))


def test_memory_layout_changes_neither_logits_nor_the_file(tmp_path):
    cnn = model.CNN().to(memory_format=torch.channels_last)
    model.save(cnn, tmp_path / "a.pth")
    stored = torch.load(tmp_path / "a.pth", weights_only=True)
    assert all(tensor.is_contiguous() for tensor in stored.values())
    model.save(model.load(tmp_path / "a.pth"), tmp_path / "b.pth")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()
    x = torch.rand(8, 1, 28, 28)
    torch.testing.assert_close(model.load(tmp_path / "a.pth")(x), cnn(x))


def test_failed_save_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.pth"
    model.save(model.CNN(), path)
    before = path.read_bytes()

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))  # like a disk that is full after 100 kB
        with pytest.raises(UserError, match="could not be saved"):
            model.save(model.CNN(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_weights_are_reported_with_the_command_that_trains_them(tmp_path):
    with pytest.raises(UserError, match=r"python train\.py"):
        model.load(tmp_path / "none.pth")


@pytest.mark.parametrize("kept", [0, 1, 100, 5_000, 900_000])
def test_truncated_weights_are_reported_as_damaged(tmp_path, kept):
    path = tmp_path / "cut.pth"
    model.save(model.CNN(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="damaged"):
        model.load(path)


@pytest.mark.parametrize("content", [b"hello, these are not weights", bytes(1000), b"\x89PNG\r\n\x1a\n" * 20])
def test_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.pth"):
        model.load(tmp_path / "a.pth")


def test_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        model.load(tmp_path)


@pytest.mark.parametrize("write", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb, 2))])
def test_pickle_with_code_is_refused_and_not_run(tmp_path, write):
    write(CodePickle(tmp_path / "ran"), tmp_path / "bomb.pth")
    with pytest.raises(UserError, match="refused"):
        model.load(tmp_path / "bomb.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ([1, 2, 3], "a list"),
        ({}, "conv1.bias is missing"),
        (state_dict() | {"fc3.weight": torch.zeros(2)}, "fc3.weight is unknown"),
        (state_dict() | {"fc2.weight": torch.zeros(26, 128)}, r"fc2.weight is \(26, 128\) instead of \(10, 128\)"),
        (state_dict() | {"fc2.bias": "no tensor"}, "fc2.bias is str"),
        (state_dict() | {"fc2.bias": torch.full((10,), float("nan"))}, "not finite"),
        (nn.Linear(784, 10).state_dict(), "bias is unknown"),
    ],
)
def test_weights_of_another_network_are_refused_with_the_difference(tmp_path, content, why):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match=why):
        model.load(tmp_path / "other.pth")


def cnn_with_batch_norm() -> model.CNN:
    """A CNN whose batch normalization has statistics far from 0 and 1."""
    torch.manual_seed(0)
    cnn = model.CNN()
    model.add_batch_norm(cnn)
    for norm in (cnn.norm1, cnn.norm2):
        torch.nn.init.normal_(norm.bias)
    for _ in range(10):
        cnn(3 * torch.rand(20, 1, 28, 28))
    return cnn.eval()


def test_folding_gives_the_plain_network_and_the_same_logits():
    trained = cnn_with_batch_norm()
    plain = model.fold_batch_norm(trained)
    x = torch.rand(8, 1, 28, 28)
    torch.testing.assert_close(plain(x), trained(x), atol=1e-5, rtol=1e-4)
    assert plain.state_dict().keys() == model.CNN().state_dict().keys()
    assert model.count_parameters(plain) == 225_034
    assert isinstance(trained.norm1, nn.BatchNorm2d)  # the original is unchanged


def test_other_networks_have_nothing_to_fold_or_freeze():
    for network in (model.MLP(), model.Softmax(), model.Teacher()):
        names = network.state_dict().keys()
        model.add_batch_norm(network)
        assert model.fold_batch_norm(network).state_dict().keys() == names
        assert not model.freeze_conv1(network)


def test_freezing_stops_the_first_convolution_and_returns_true_once():
    cnn = model.CNN()
    assert model.freeze_conv1(cnn)
    assert not model.freeze_conv1(cnn)
    cnn(torch.rand(2, 1, 28, 28)).sum().backward()
    assert cnn.conv1.weight.grad is None
    assert cnn.conv2.weight.grad is not None


def test_logits_do_not_depend_on_the_last_two_rows_and_columns(network):
    x = torch.rand(4, 1, 28, 28)
    other = x.clone()
    other[..., 26:, :], other[..., 26:] = 1 - x[..., 26:, :], 1 - x[..., 26:]
    assert torch.equal(network(x), network(other))


@pytest.mark.parametrize("name", ["cnn", "mlp", "softmax", "teacher"])
def test_loading_builds_the_network_whose_layer_names_are_in_the_file(tmp_path, name):
    network = model.NETWORKS[name]().eval()
    model.save(network, tmp_path / "w.pth")
    loaded = (model.load_line_reader if name == "line" else model.load)(tmp_path / "w.pth")
    assert type(loaded) is type(network)
    x = torch.rand(3, 1, 32, 32) if name == "line" else torch.rand(3, 1, 28, 28)
    assert torch.equal(loaded(x), network(x))


def test_weights_of_the_other_kind_are_refused_with_a_sentence():
    with pytest.raises(UserError, match=r"name it with --line-weights\."):
        model.load("line.pth")
    with pytest.raises(UserError, match=r"mnist\.pth has no line reader"):
        model.load_line_reader("mnist.pth")


def test_metadata_and_weights_are_written_both_or_not_at_all(tmp_path):
    path = tmp_path / "w.pth"
    model.save(model.Softmax(), path, {"seed": 1})
    assert path.with_suffix(".json").read_text() == '{\n "seed": 1\n}\n'
    before = path.read_bytes()
    with pytest.raises(TypeError):
        model.save(model.Softmax(), path, {"seed": object()})
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["w.json", "w.pth"]


@pytest.mark.parametrize("name", ["cnn", "mlp", "softmax", "teacher"])
def test_last_intermediate_output_is_the_logits(name):
    network, x = model.NETWORKS[name]().eval(), torch.rand(3, 1, 28, 28)
    *_, last = network.forward_intermediates(x).values()
    torch.testing.assert_close(last, network(x))
    assert model.model_name(network) == name


def test_intermediate_outputs_are_whole_maps_after_relu(network):
    x = torch.rand(1, 1, 28, 28)
    outputs = network.forward_intermediates(x)
    assert {name: tuple(output.shape) for name, output in outputs.items()} == {
        "conv1": (1, 32, 26, 26),
        "conv2": (1, 64, 11, 11),
        "fc1": (1, 128),
        "fc2": (1, 10),
    }
    # The last row and column, too, which pooling drops.
    for channel, y, column in ((0, 0, 0), (5, 13, 7), (31, 25, 25)):
        expected_sum = (network.conv1.weight[channel, 0] * x[0, 0, y : y + 3, column : column + 3]).sum()
        expected = (expected_sum + network.conv1.bias[channel]).clamp(min=0)
        torch.testing.assert_close(outputs["conv1"][0, channel, y, column], expected)
    assert min(outputs[name].min() for name in ("conv1", "conv2", "fc1")) == 0


def test_intermediate_outputs_include_batch_normalization(generator):
    network = model.CNN()
    model.add_batch_norm(network)
    for norm in (network.norm1, network.norm2):
        norm.running_mean.uniform_(-1, 1, generator=generator)
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(network.eval().forward_intermediates(x)["fc2"], network(x))
