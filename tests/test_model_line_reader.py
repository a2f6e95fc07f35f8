"""`model.LineReader`: its size and frames, and files of its weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

import model
from digits import UserError
from digits.recognition.line_symbols import SYMBOLS


def line_images(count: int, width: int = 48) -> torch.Tensor:
    return torch.rand(count, 1, 32, width)


def test_line_reader_has_419332_parameters_and_a_file_of_less_than_2_mb(tmp_path):
    assert model.count_parameters(model.LineReader()) == 419_332
    model.save(model.LineReader(), tmp_path / "line.pth")
    assert (tmp_path / "line.pth").stat().st_size <= 2 * 10**6


@pytest.mark.parametrize("width", [32, 36, 100])
def test_line_reader_gives_a_frame_for_every_two_columns(width):
    assert model.LineReader().eval()(line_images(3, width)).shape == (3, width // 2, model.LINE_CLASSES)


def test_classes_of_the_line_reader_are_the_symbols_and_the_blank():
    assert len(SYMBOLS) + 1 == model.LINE_CLASSES


def test_frames_of_the_line_reader_see_27_columns_on_each_side_of_their_own_four():
    """So long lines are read as short ones are, and a digit does not depend on one that is far away."""
    network, x = model.LineReader().eval(), line_images(1, 200)
    other = x.clone()
    other[..., 104:] = torch.rand(1, 1, 32, 96)  # seen from 4 * 19 + 3 + 27 = 106, not from 102
    same = torch.isclose(network(x), network(other), atol=1e-6)[0].all(1)
    assert same[: 2 * 19].all()
    assert not same[2 * 19 :][: 2 * 6].any()


def test_folding_the_line_reader_gives_the_plain_network_and_the_same_logits():
    torch.manual_seed(0)
    trained = model.build("line", 0, torch.device("cpu"), batch_norm=True)
    for _, norm in model.LineReader.NORM_LAYERS:
        torch.nn.init.normal_(getattr(trained, norm).bias)
    for _ in range(20):
        trained(3 * line_images(4))
    plain, x = model.fold_batch_norm(trained.eval()), line_images(3)
    torch.testing.assert_close(plain(x), trained(x), atol=1e-4, rtol=1e-4)
    assert plain.state_dict().keys() == model.LineReader().state_dict().keys()
    assert isinstance(trained.norm7, nn.BatchNorm2d)  # the original is unchanged


def test_saved_line_reader_loads_with_the_same_logits(tmp_path):
    network, x = model.LineReader().eval(), line_images(2)
    model.save(network, tmp_path / "w.pth")
    assert torch.equal(model.load_line_reader(tmp_path / "w.pth")(x), network(x))


def test_shipped_line_reader_is_small_and_loads_without_a_path():
    assert Path("line.pth").stat().st_size <= 2 * 10**6
    assert isinstance(model.load_line_reader(), model.LineReader)


@pytest.mark.parametrize("name", ["cnn", "mlp", "softmax", "teacher"])
def test_other_networks_are_refused_as_line_readers(tmp_path, name):
    model.save(model.NETWORKS[name](), tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"w\.pth has no line reader: .*--model line"):
        model.load_line_reader(tmp_path / "w.pth")


def test_line_reader_is_refused_for_reading_digits():
    with pytest.raises(UserError, match=r"line\.pth reads whole lines, not single digits: .*mnist\.pth"):
        model.load("line.pth")
