"""`digits.explain.comparison`: the same normalized digits, classified by several networks."""

import numpy as np
import pytest
import torch

from digits.explain import comparison
from digits.recognition import image_decoding
from digits.recognition.results import Digit, Reading, TextLine
from tests.helpers.networks import ConstantLogits


def compared_model(name: str, parameter_count: int, network: torch.nn.Module) -> comparison.ComparedModel:
    return comparison.ComparedModel(name, parameter_count, None, network)


def test_each_network_classifies_the_same_normalized_digits(reader):
    reading = reader.read(image_decoding.decode("input/test-3.png"))
    five = compared_model("five", 1, ConstantLogits(*[0.0] * 5, 20.0, *[0.0] * 4))
    first, second = comparison.compare_models(reading, [five, compared_model("cnn", 2, reader.network)])
    assert (first.text, second.text) == ("5", "3")
    assert second.digits == reading.digits
    assert first.digits[0].box == second.digits[0].box


def test_probability_is_the_product_over_digits_without_the_segmentation():
    pixels = np.zeros((28, 28), np.uint8)
    digits = tuple(Digit(0, 1.0, (1.0,) + (0.0,) * 9, (0, 0, 9, 9), pixels) for _ in range(200))
    one = compared_model("one", 1, ConstantLogits(0, 9.0, *[0.0] * 8))
    (result,) = comparison.compare_models(Reading((TextLine(digits, 0.5),)), [one])
    assert result.text == "1" * 200
    assert result.probability == pytest.approx(result.digits[0].probability ** 200)


def test_lines_of_the_reading_are_kept():
    pixels = np.zeros((28, 28), np.uint8)
    digits = tuple(Digit(0, 1.0, (1.0,) + (0.0,) * 9, (0, 0, 9, 9), pixels) for _ in range(3))
    one = compared_model("one", 1, ConstantLogits(0, 9.0, *[0.0] * 8))
    (result,) = comparison.compare_models(Reading((TextLine(digits[:2], 1.0), TextLine(digits[2:], 1.0))), [one])
    assert [line.text for line in result.lines] == ["11", "1"]


@pytest.mark.parametrize(
    ("metadata", "accuracy"),
    [
        ('{"test_accuracy": 92.36}', 92.36),
        ('{"test_accuracy": "92"}', None),
        ('{"test_accuracy": null}', None),
        ('{"test_accuracy": true}', None),
        ('{"test_accuracy": NaN}', None),
        ("{}", None),
        ("[]", None),
        ("{", None),
        (None, None),
    ],
)
def test_recorded_accuracy_is_none_unless_it_is_a_percentage(tmp_path, metadata, accuracy):
    if metadata is not None:
        (tmp_path / "w.json").write_text(metadata)
    assert comparison.recorded_accuracy(tmp_path / "w.pth") == accuracy
