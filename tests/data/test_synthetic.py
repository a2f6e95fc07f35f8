"""`digits.data.synthetic`: generated digits that resemble real ones and all differ."""

import json

import pytest
import torch

from digits.data import synthetic
from tests.helpers import python_process


def test_seed_determines_the_digits():
    first, again = (synthetic.synthetic_digits(60, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)


def test_all_digits_differ_and_labels_are_balanced(generator):
    dataset = synthetic.synthetic_digits(500, generator)
    assert len(dataset.images.flatten(1).unique(dim=0)) == 500
    assert dataset.labels.bincount().tolist() == [50] * 10
    assert dataset.images.dtype == torch.uint8


def test_brightness_and_margins_are_in_the_range_of_mnist(generator):
    images = synthetic.synthetic_digits(500, generator).images[:, 0].float() / 255
    brightness = images.mean((1, 2))
    assert ((brightness > 0.015) & (brightness < 0.4)).all()  # all of MNIST: 0.025 to 0.40
    assert images.amax((1, 2)).min() > 0.5
    assert images[:, [0, -1]].mean() < 0.001  # the margin of normalized digits


def test_every_template_is_used(generator):
    for digit, templates in synthetic.STROKE_TEMPLATES.items():
        drawn = {tuple(map(len, synthetic.digit_strokes(digit, generator))) for _ in range(80)}
        expected = {tuple(map(len, template)) for template in templates}
        assert len(drawn) == len(expected)


@pytest.mark.parametrize("digit", range(10))
def test_strokes_fill_the_unit_square_and_keep_their_aspect_ratio(digit, generator):
    points = torch.cat(synthetic.digit_strokes(digit, generator))
    extent = points.amax(0) - points.amin(0)
    assert extent.max().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close((points.amax(0) + points.amin(0)) / 2, torch.tensor([0.5, 0.5]))


def test_straight_stroke_is_drawn_with_its_width():
    line = [torch.tensor([[0.5, 0.0], [0.5, 1.0]])]
    image = synthetic.rasterize(line, side=50, stroke_width=6)
    assert image[25].sum().item() == pytest.approx(6, abs=0.01)
    assert image[25].nonzero().flatten().tolist() == list(range(22, 28))
    assert image[0].sum() == 0  # size 0.8 leaves a margin


def test_rasterizing_in_chunks_equals_rasterizing_one_segment_at_a_time(monkeypatch):
    strokes = synthetic.digit_strokes(8, torch.Generator().manual_seed(1))
    image = synthetic.rasterize(strokes, side=40, stroke_width=3)
    monkeypatch.setattr(synthetic, "MAX_DISTANCES", 1)
    assert torch.equal(image, synthetic.rasterize(strokes, side=40, stroke_width=3))


def test_training_on_2000_synthetic_digits_reads_80_percent_of_mnist(real_mnist, tmp_path):
    weights = str(tmp_path / "synthetic.pth")
    train = python_process.run("train.py", "--synthetic", "2000", "--epochs", "3", "--device", "cpu", "--out", weights)
    assert train.returncode == 0, train.stderr
    result = python_process.run("test.py", "--mnist", "--json", "--device", "cpu", "--weights", weights)
    assert json.loads(result.stdout)["test_accuracy"] >= 80
