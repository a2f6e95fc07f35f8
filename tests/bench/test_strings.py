"""`bench.strings`: strings are files like those of users, and each is right, wrong, or wrong and certain."""

import json
from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import bench.strings
from bench.strings import Shares
from digits.data import mnist, writers
from digits.data.digit_strings import GAPS, DigitString
from digits.data.mnist import ImageDataset
from digits.recognition import image_decoding


@pytest.fixture
def digits() -> ImageDataset:
    images = torch.zeros(5_100, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 4:24, 12:16] = 255
    return ImageDataset(images, torch.ones(5_100, dtype=torch.long))


@pytest.fixture
def without_files(digits, monkeypatch) -> None:
    """Every split is `digits`, written by two people."""
    monkeypatch.setattr(mnist, "load", lambda split: digits)
    monkeypatch.setattr(writers, "load", lambda split, digits, mirrors: torch.arange(len(digits)) % 2)


class FakeReader:
    """Reads the texts in turn, certain where they end with an exclamation mark."""

    def __init__(self, *texts: str):
        self.texts = iter(texts)

    def read(self, image) -> SimpleNamespace:
        text = next(self.texts)
        return SimpleNamespace(text=text.removesuffix("!"), certain=text.endswith("!"))


def test_string_is_drawn_with_ink_on_paper():
    intensity = np.zeros((20, 30), np.float32)
    intensity[5:15, 10:20] = 1
    image = image_decoding.decode(bench.strings.draw_picture(DigitString(intensity, "1")))
    assert image.size == (30, 20)
    assert (image.getpixel((0, 0)), image.getpixel((15, 10))) == (bench.strings.PAPER, bench.strings.INK)


def test_shares_are_of_whole_strings():
    strings = [DigitString(np.zeros((9, 9), np.float32), "12")] * 4
    shares = bench.strings.measure(FakeReader("12!", "12", "1", "2!"), strings)
    assert shares == Shares(right=50, wrong=50, certain=50, wrong_and_certain=25)


@pytest.mark.usefixtures("without_files")
def test_validation_digits_are_the_last_of_the_training_digits(digits):
    chosen, written_by = bench.strings.load_digits("validation", [])
    assert len(chosen) == len(written_by) == mnist.VALIDATION_SIZE
    assert len(bench.strings.load_digits("test", [])[0]) == len(digits)


@pytest.mark.usefixtures("without_files")
def test_every_kind_has_a_row_and_figures(monkeypatch, capsys):
    monkeypatch.setattr(bench.strings, "Reader", lambda network, line_network: FakeReader(*["11!"] * 18))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    arguments = Namespace(weights="mnist.pth", split="test", writers=[], count=2, size=20, seed=1)
    bench.strings.main(arguments)
    *rows, last = capsys.readouterr().out.splitlines()
    result = json.loads(last)
    assert (result["bench"], result["seed"], result["count"], result["size"]) == ("strings", 1, 2, 20)
    assert list(result["kinds"]) == [f"{length} {name}" for length in (2, 4, 6) for name in GAPS]
    assert result["kinds"]["2 apart"]["right"] == 100
    assert result["kinds"]["6 touching"]["wrong_and_certain"] == 100
    assert [row.split()[-1] for row in rows[-9:]] == ["yes"] * 3 + ["NO"] * 6


def test_targets_are_of_every_kind():
    assert {(name, length) for name, targets in bench.strings.TARGETS.items() for length in targets} == {
        (name, length) for name in GAPS for length in bench.strings.LENGTHS
    }
