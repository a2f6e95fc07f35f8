"""`digits.recognition.reader`: the one reading path, from a decoded picture to what it says."""

import contextlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from bench.images import draw_number, encode_image, to_image
from digits import UserError
from digits.probabilities import class_probabilities
from digits.recognition import components, decoding, foreground
from digits.recognition.reader import CONFIDENCE_THRESHOLD, Digit, Reader, Reading, may_replace, working_array
from tests.helpers.images import normalize_picture
from tests.helpers.networks import ConstantLogits


def reading(*digits: tuple[int, float]) -> Reading:
    frame = np.zeros((28, 28), np.uint8)
    rows = [(d, p, tuple(p if i == d else 0.0 for i in range(10))) for d, p in digits]
    return Reading(tuple(Digit(*row, (0, 0, 9, 9), frame) for row in rows))


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
    assert reading((1, CONFIDENCE_THRESHOLD)).certain
    assert not reading((1, CONFIDENCE_THRESHOLD - 0.01)).certain


def test_a_reading_has_the_documented_form():
    assert reading((7, 0.9991)).to_dict() == {
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


def test_the_likeliest_digit_is_the_result_and_probabilities_are_the_networks():
    image = Image.new("L", (40, 40), 255)
    image.paste(0, (10, 5, 20, 35))
    logits = [0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 4.0, 3.0, 2.0, 1.0]
    (digit,) = Reader(ConstantLogits(*logits)).read(image).digits
    assert digit.result == 5
    assert digit.box == (10, 5, 20, 35)
    assert digit.probabilities == pytest.approx(class_probabilities(torch.tensor([logits]))[0].tolist())


def test_a_digit_broken_in_two_one_above_the_other_is_one_and_two_lines_are_two(reader):
    """Fives of MNIST whose upper half has lost the lower one were once read as two lines of one digit each."""
    five = draw_number("5", height=200, stroke_width=12)
    rows = (five > 0.1).any(1).nonzero()[0]
    top, middle = five[: rows[0] + len(rows) // 2], five[rows[0] + len(rows) // 2 :]
    broken = np.concatenate([top, np.zeros((9, five.shape[1])), middle])
    assert len(components.find_text_lines(foreground.extract_foreground(working_array(to_image(broken))[0]))) == 2
    assert reader.read(to_image(broken)).text == "5"
    assert reader.read(to_image(np.concatenate([five, five]))).text == "55"


def test_a_blank_picture_is_said_to_be_blank(reader):
    with pytest.raises(UserError, match="Nothing is written") as caught:
        reader.read(Image.new("RGB", (100, 100), "white"))
    assert caught.value.code == "blank"


def test_a_later_look_may_not_change_digits_that_were_sure():
    """Of a 1 and a 7 that touch, a look at the darkest ink alone once made a 7, for certain."""
    sure, doubted = reading((1, 0.99), (7, 0.99)), reading((1, 0.99), (7, 0.4))
    assert not may_replace(sure, reading((7, 0.99)))
    assert may_replace(sure, reading((1, 0.95), (7, 0.95)))
    assert may_replace(doubted, reading((7, 0.99)))
    assert not may_replace(doubted, reading((7, 0.7)))
    assert may_replace(UserError("nothing", "blank"), reading((7, 0.99)))


@pytest.mark.parametrize("kind", ["shadow", "rules"])
def test_what_is_paler_than_the_ink_does_not_change_the_text(reader, kind):
    """The edge of a shadow was once read as a 1, and rules that were nearly as dark as ink joined digits."""
    image = np.asarray(to_image(draw_number("36", height=240, stroke_width=12))).astype(np.float32)
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    image *= 1 - 0.4 / (1 + np.exp((x - y) / 20)) if kind == "shadow" else np.where(y % 34 < 2, 0.7, 1)
    assert reader.read(Image.fromarray(image.astype(np.uint8))).text == "36"


def test_the_chance_that_digits_were_told_apart_rightly_counts_as_well():
    assert Reading(reading((1, 0.9), (2, 1.0)).digits, segmentation_probability=0.5).probability == pytest.approx(0.45)


def test_the_box_is_in_pixels_of_the_picture_as_sent(reader):
    """Also where the picture is reduced to be worked on, and a line of it again."""
    ink = draw_number("25", height=200, stroke_width=12)
    rows = (ink > 0.5).any(1).nonzero()[0]
    for size, allowed in ((1, 2), (4, 12), (15, 60)):
        image = to_image(ink).resize((ink.shape[1] * size, ink.shape[0] * size), Image.Resampling.BOX)
        first, second = reader.read(image).digits
        assert (first.result, second.result) == (2, 5)
        assert first.box[1] == pytest.approx(min(first.box[1], second.box[1]), abs=100 * size)
        top, bottom = min(first.box[1], second.box[1]), max(first.box[3], second.box[3])
        assert (top, bottom) == pytest.approx((rows[0] * size, (rows[-1] + 1) * size), abs=allowed)
        assert first.box[2] < second.box[0]


def test_a_number_cropped_to_its_very_edge_keeps_all_its_digits(reader):
    """Digits that touched the border were once taken for the edge of something, as one between them did not."""
    ink = draw_number("2836", height=120, stroke_width=8)
    rows, columns = (ink > 0.2).any(1).nonzero()[0], (ink > 0.2).any(0).nonzero()[0]
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert reader.read(to_image(cut)).text == "2836"


def test_a_picture_of_50_megapixels_is_read(reader):
    image = to_image(draw_number("47", height=200, stroke_width=12)).resize((8_000, 6_250), Image.Resampling.BOX)
    assert reader.read(image).text == "47"


@pytest.mark.parametrize(
    "lines",
    [
        [((0, y), (600, y + 20)) for y in (20, 32, 44)],
        [((0, y), (1000, y + 18)) for y in (20, 30)],
        [((x, 10), (x + 60, 300)) for x in range(10, 900, 9)],
        [((0, y), (1500, y)) for y in range(5, 900, 12)],
    ],
    ids=["flat strokes side by side", "long flat strokes", "hatching", "ruled closely"],
)
def test_strokes_that_are_no_digits_are_doubted_or_refused(reader, lines):
    """Some of these once ended in a division by zero, as no way to divide the line was left."""
    image = Image.new("L", (1500, 900), 255)
    for line in lines:
        ImageDraw.Draw(image).line(line, 0, 4)
    with contextlib.suppress(UserError):
        reading = reader.read(image)
        assert 0 <= reading.probability < CONFIDENCE_THRESHOLD


@pytest.mark.parametrize("size", [(8, 500_000), (20, 16_000), (1, 4_000_000)])
def test_a_line_along_a_strip_of_any_length_takes_little_memory_and_is_doubted_or_refused(reader, size):
    """Around a line of 400,000 pixels 20,000 rows of paper were once laid: 16 GB, of a file of 4 kB."""
    strip = np.full(size, 255, np.uint8)
    strip[: max(1, size[0] // 4), size[1] // 10 : size[1] * 9 // 10] = 0
    with contextlib.suppress(UserError):
        assert not reader.read(Image.fromarray(strip)).certain


@pytest.mark.parametrize("size", [(600, 600), (3, 2000), (150, 20_000)])
def test_noise_is_doubted_or_refused(reader, size):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 2, size, np.uint8) * 255)
    with contextlib.suppress(UserError):
        assert not reader.read(image).certain


def test_the_10000_test_images_read_as_png_files_as_they_do_as_tensors(reader, real_mnist):
    """1,000 of them are read in all; of the others only the frames are made and compared."""
    test = real_mnist["test"]
    direct = reader.predict(test.images[:, 0].numpy()).argmax(1)
    frames = np.stack([normalize_picture(encode_image(Image.fromarray(image))) for image in test.images[:, 0].numpy()])
    read = reader.predict(frames).argmax(1)
    right = (direct == test.labels).double().mean()
    assert abs((read == test.labels).double().mean() - right) <= 0.001
    texts = [reader.read(decoding.decode(encode_image(Image.fromarray(i)))).text for i in test.images[:1000, 0].numpy()]
    assert sum(text == str(digit) for text, digit in zip(texts, read.tolist(), strict=False)) >= 998
