"""`digits.explain.comparison`: the same frames, read by one network after the other."""

import numpy as np
import pytest
import torch

from digits.explain import comparison
from digits.recognition import decoding
from digits.recognition.results import Digit, Reading
from tests.helpers.networks import ConstantLogits


def rung(name: str, parameters: int, network: torch.nn.Module) -> comparison.ComparedModel:
    return comparison.ComparedModel(name, parameters, None, network)


def test_each_network_reads_the_frames_that_were_cut_out(reader):
    found = reader.read(decoding.decode("input/test-3.png"))
    sure = rung("sure", 1, ConstantLogits(*[0.0] * 5, 20.0, *[0.0] * 4))
    first, second = comparison.compare_models(found, [sure, rung("cnn", 2, reader.model)])
    assert list(first) == ["name", "parameters", "test_accuracy", "text", "probability", "digits"]
    assert (first["text"], second["text"]) == ("5", "3")
    assert second["digits"] == found.to_dict()["digits"]
    assert first["digits"][0]["box"] == second["digits"][0]["box"]


def test_the_probability_is_that_of_all_digits_not_of_how_they_are_divided():
    frames = np.zeros((28, 28), np.uint8)
    digits = tuple(Digit(0, 1.0, (1.0,) + (0.0,) * 9, (0, 0, 9, 9), frames) for _ in range(200))
    (said,) = comparison.compare_models(Reading(digits, 0.5), [rung("sure", 1, ConstantLogits(0, 9.0, *[0.0] * 8))])
    assert said["text"] == "1" * 200
    assert said["probability"] == pytest.approx(said["digits"][0]["probability"] ** 200, abs=1e-3)


@pytest.mark.parametrize(
    ("record", "accuracy"),
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
def test_an_accuracy_that_is_not_recorded_is_not_made_up(tmp_path, record, accuracy):
    if record is not None:
        (tmp_path / "w.json").write_text(record)
    assert comparison.recorded_accuracy(tmp_path / "w.pth") == accuracy
