"""`digits.data.synthetic`: digits of our own that are like real ones, and never twice the same."""

import json
import subprocess
import sys

import pytest
import torch

from digits.data import synthetic


def test_a_seed_gives_the_same_digits_again():
    one, two = (synthetic.synthetic_digits(60, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.labels, two.labels)


def test_no_two_digits_are_alike_and_all_kinds_are_there(random):
    split = synthetic.synthetic_digits(500, random)
    assert len(split.images.flatten(1).unique(dim=0)) == 500
    assert split.labels.bincount().tolist() == [50] * 10
    assert split.images.dtype == torch.uint8


def test_digits_have_as_much_ink_and_room_as_those_of_mnist(random):
    images = synthetic.synthetic_digits(500, random).images[:, 0].float() / 255
    ink = images.mean((1, 2))
    assert ((ink > 0.015) & (ink < 0.4)).all()  # all of MNIST: 0.025 to 0.40
    assert images.amax((1, 2)).min() > 0.5
    assert images[:, [0, -1]].mean() < 0.001  # the frame's margin


def test_every_way_to_write_a_digit_is_used(random):
    for digit, variants in synthetic.STROKE_TEMPLATES.items():
        written = {tuple(map(len, synthetic.digit_strokes(digit, random))) for _ in range(80)}
        skeletons = {tuple(map(len, skeleton)) for skeleton in variants}
        assert len(written) == len(skeletons)


@pytest.mark.parametrize("digit", range(10))
def test_strokes_fill_the_unit_box_with_their_aspect_kept(digit, random):
    points = torch.cat(synthetic.digit_strokes(digit, random))
    extent = points.amax(0) - points.amin(0)
    assert extent.max().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close((points.amax(0) + points.amin(0)) / 2, torch.tensor([0.5, 0.5]))


def test_a_straight_stroke_is_inked_as_wide_as_its_pen():
    line = [torch.tensor([[0.5, 0.0], [0.5, 1.0]])]
    ink = synthetic.rasterize(line, side=50, stroke_width=6)
    assert ink[25].sum().item() == pytest.approx(6, abs=0.01)
    assert ink[25].nonzero().flatten().tolist() == list(range(22, 28))
    assert ink[0].sum() == 0  # size 0.8 leaves a margin


def test_5000_of_them_alone_teach_to_read_80_percent_of_mnist(real_mnist, tmp_path):
    weights = str(tmp_path / "synthetic.pth")
    train = [sys.executable, "train.py", "--synthetic", "5000", "--device", "cpu", "--out", weights]
    subprocess.run(train, check=True, capture_output=True)
    score = [sys.executable, "test.py", "--mnist", "--json", "--device", "cpu", "--weights", weights]
    result = subprocess.run(score, check=True, capture_output=True, text=True)
    assert json.loads(result.stdout)["test_accuracy"] >= 80
