"""`digits.reader`: the one reading path, from a decoded picture to what it says."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from digits import UserError, picture
from digits.reader import CERTAIN, Digit, Reader, Reading


class Says(torch.nn.Module):
    """Answers every picture with the same logits."""

    def __init__(self, *logits: float):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, x):
        return self.logits.expand(len(x), 10)


def reading(*digits: tuple[int, float]) -> Reading:
    return Reading(tuple(Digit(d, p, tuple(p if i == d else 0.0 for i in range(10)), (0, 0, 9, 9)) for d, p in digits))


def test_a_number_keeps_its_leading_zeros_as_text():
    assert reading((0, 1.0), (0, 1.0), (7, 1.0)).text == "007"
    assert reading((0, 1.0), (0, 1.0), (7, 1.0)).result == 7


def test_beyond_15_digits_only_the_text_is_exact():
    assert reading(*[(9, 1.0)] * 15).result == 999_999_999_999_999
    assert reading(*[(9, 1.0)] * 16).result is None
    assert reading(*[(9, 1.0)] * 16).text == "9" * 16


def test_the_probability_of_a_text_is_that_of_all_its_digits():
    assert reading((1, 0.9), (2, 0.8)).probability == pytest.approx(0.72)


def test_certain_follows_the_probability():
    assert reading((1, CERTAIN)).certain
    assert not reading((1, CERTAIN - 0.01)).certain


def test_a_reading_has_the_documented_form():
    assert reading((7, 0.9991)).as_dict() == {
        "result": 7,
        "probability": 0.9991,
        "text": "7",
        "certain": True,
        "digits": [
            {
                "result": 7,
                "probability": 0.9991,
                "probabilities": [0, 0, 0, 0, 0, 0, 0, 0.9991, 0, 0],
                "box": [0, 0, 9, 9],
            }
        ],
    }


def test_the_likeliest_digit_is_the_result_and_probabilities_are_the_softmax():
    image = Image.new("L", (40, 40), 255)
    image.paste(0, (10, 5, 20, 35))
    logits = [0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 4.0, 3.0, 2.0, 1.0]
    (digit,) = Reader(Says(*logits)).read(image).digits
    assert digit.result == 5
    assert digit.box == (10, 5, 20, 35)
    total = sum(map(math.exp, logits))
    assert digit.probabilities == pytest.approx([math.exp(x) / total for x in logits])


def test_a_blank_picture_is_said_to_be_blank(reader):
    with pytest.raises(UserError, match="Nothing is written") as caught:
        reader.read(Image.new("RGB", (100, 100), "white"))
    assert caught.value.code == "blank"


def test_the_10000_test_images_read_as_png_files_as_they_do_as_tensors(reader, real_mnist):
    test = real_mnist["test"]
    direct = reader.probabilities(test.images[:, 0].numpy()).argmax(1)
    frames = []
    for image in test.images[:, 0].numpy():
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG", compress_level=1)
        frames.append(picture.find(picture.decode(stream.getvalue()))[0][0])
    read = reader.probabilities(np.stack(frames)).argmax(1)
    right = (direct == test.labels).double().mean()
    assert abs((read == test.labels).double().mean() - right) <= 0.0005
    assert (read != direct).sum() <= 5
