"""`digits.recognition.reader`: the single recognition path, from a decoded picture to a reading."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from bench.sample_images import draw_number, encode_image, to_image
from digits.probabilities import class_probabilities
from digits.recognition import image_decoding
from digits.recognition.foreground import Foreground
from digits.recognition.geometry import Box
from digits.recognition.reader import Reader, ReadForeground
from digits.recognition.reading_choice import may_replace
from digits.recognition.results import CONFIDENCE_THRESHOLD, Mark, Reading, TextLine
from tests.helpers.images import find_lines, normalize_picture
from tests.helpers.networks import ConstantLogits
from tests.helpers.readings import make_reading

BLANK = Foreground(np.zeros((28, 28), np.float32), 1.0)


def test_result_is_the_most_probable_class_of_the_network():
    image = Image.new("L", (40, 40), 255)
    image.paste(0, (10, 5, 20, 35))
    logits = [0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 4.0, 3.0, 2.0, 1.0]
    (digit,) = Reader(ConstantLogits(*logits)).read(image).digits
    assert digit.result == 5
    assert digit.box == (10, 5, 20, 35)
    assert digit.probabilities == pytest.approx(class_probabilities(torch.tensor([logits]))[0].tolist())


def test_digit_broken_horizontally_is_one_digit_and_two_lines_are_two(reader):
    """MNIST fives whose upper half is separate from the lower one were once read as two lines of one digit each."""
    five = draw_number("5", height=200, stroke_width=12)
    rows = (five > 0.1).any(1).nonzero()[0]
    top, middle = five[: rows[0] + len(rows) // 2], five[rows[0] + len(rows) // 2 :]
    broken = np.concatenate([top, np.zeros((9, five.shape[1])), middle])
    assert len(find_lines(to_image(broken))) == 2
    assert reader.read(to_image(broken)).text == "5"
    assert reader.read(to_image(np.concatenate([five, five]))).text == "55"


def test_blank_picture_is_a_reading_without_digits(reader):
    reading = reader.read(Image.new("RGB", (100, 100), "white"))
    assert reading == Reading(())
    assert reading.error.code == "blank"
    assert "Nothing is written" in str(reading.error)


def test_later_hypothesis_may_not_replace_certain_digits():
    """The strong intensities of a touching 1 and 7 were once read as a 7, with certainty."""
    certain, uncertain = make_reading((1, 0.99), (7, 0.99)), make_reading((1, 0.99), (7, 0.4))
    assert not may_replace(certain, make_reading((7, 0.99)))
    assert may_replace(certain, make_reading((1, 0.95), (7, 0.95)))
    assert may_replace(uncertain, make_reading((7, 0.99)))
    assert not may_replace(uncertain, make_reading((7, 0.5)))
    assert may_replace(Reading(()), make_reading((7, 0.99)))


def test_reading_that_lost_a_mark_does_not_replace_the_same_digits():
    """The strong intensities of 3.14 may have no point: 314 was certain."""
    digits = make_reading((3, 0.99), (1, 0.99)).digits
    with_point, without = (
        Reading((TextLine(digits, 0.98, marks),)) for marks in ((Mark(".", Box(0, 0, 2, 2), True),), ())
    )
    assert not may_replace(with_point, without)
    assert may_replace(without, with_point)
    unsure = Reading((TextLine(digits, 0.3, with_point.marks),))
    assert may_replace(unsure, without)


@pytest.mark.parametrize(
    ("hypotheses", "text"),
    [
        ([[(1, 0.95)], [(2, 0.99)]], "1"),  # the first one is certain
        ([[(1, 0.3)], [(2, 0.8)], [(3, 0.95)], [(4, 0.99)]], "3"),  # the first certain one
        ([[(1, 0.3)], [(2, 0.7)], [(3, 0.8)], [(4, 0.75)]], "3"),  # none is certain: the most probable one
        ([[(1, 0.6)], [(2, 0.74)], [(3, 0.7)]], "1"),  # the odds of none are higher by REPLACEMENT_ODDS_RATIO
        ([[(1, 0.6)], [(2, 0.95)], [(3, 0.8)]], "2"),  # on a table, the table was read as a 1 of 0.6
        ([[(1, 0.9), (2, 0.5)], [(1, 0.99)], [(1, 0.95), (3, 0.96)]], "13"),  # the second one has lost a digit …
        ([[(1, 0.9), (2, 0.5)], [(1, 0.99)], [(3, 0.5)]], "1"),  # … or the first one had one too many
        ([[(2, 0.3)], [(1, 0.95)], [(1, 0.95), (3, 0.99)]], "13"),  # the part of a sheet in the light was the page
        ([[(2, 0.3)], [(1, 0.95)], [(1, 0.8), (3, 0.9)]], "1"),
        ([[], [(2, 0.8)], [(3, 0.95)]], "3"),
        ([[], [(2, 0.8)]], ""),
    ],
)
def test_reading_is_chosen_among_those_of_the_foreground_hypotheses(monkeypatch, reader, hypotheses, text):
    readings = [make_reading(*digits) for digits in hypotheses]
    monkeypatch.setattr("digits.recognition.reader.foreground_hypotheses", lambda array: readings)
    monkeypatch.setattr(Reader, "_read_foreground", lambda self, reading, *_: ReadForeground(reading, BLANK, []))
    assert reader.read(Image.new("L", (28, 28))).text == text


@pytest.mark.parametrize(("probability", "text"), [(0.45, "72"), (0.03, "2")])
def test_pale_line_may_be_lost_only_if_its_reading_is_improbable(monkeypatch, reader, probability, text):
    """Remnants of squared paper, read as a pale line of 7, kept the 2 from being read."""
    readings = [make_reading((7, probability), (2, 1.0)), make_reading((2, 0.99))]
    monkeypatch.setattr("digits.recognition.reader.foreground_hypotheses", lambda array: readings)
    monkeypatch.setattr(Reader, "_read_foreground", lambda self, reading, *_: ReadForeground(reading, BLANK, [], True))
    assert reader.read(Image.new("L", (28, 28))).text == text


@pytest.mark.parametrize(("has_shading", "text"), [(True, "13"), (False, "1")])
def test_digits_may_be_hidden_in_a_shadow(monkeypatch, reader, has_shading, text):
    """Of 13349, of which four digits stood in the shade, 1 was read with certainty."""
    readings = [make_reading((1, 0.95)), make_reading((1, 0.97), (3, 0.97))]
    foreground = replace(BLANK, has_shading=has_shading)
    monkeypatch.setattr("digits.recognition.reader.foreground_hypotheses", lambda array: readings)
    monkeypatch.setattr(Reader, "_read_foreground", lambda self, reading, *_: ReadForeground(reading, foreground, []))
    assert reader.read(Image.new("L", (28, 28))).text == text


def test_trace_has_the_steps_of_each_digit(reader):
    image = to_image(draw_number("25", height=200, stroke_width=12))
    trace = reader.trace(image)
    assert trace.reading == reader.read(image)
    assert trace.foreground.intensity.shape == (200, image.width)
    assert trace.to_picture.apply(image.width, 200) == image.size
    for digit, step in zip(trace.reading.digits, trace.digits, strict=True):
        assert step.to_picture.apply_to_box(step.box) == pytest.approx(digit.box, abs=1)


@pytest.mark.parametrize("kind", ["shadow", "rules"])
def test_shadows_and_ruled_lines_paler_than_the_digits_do_not_change_the_text(reader, kind):
    """The edge of a shadow was once read as a 1, and ruled lines nearly as dark as the digits joined these."""
    image = np.asarray(to_image(draw_number("36", height=240, stroke_width=12))).astype(np.float32)
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    image *= 1 - 0.4 / (1 + np.exp((x - y) / 20)) if kind == "shadow" else np.where(y % 34 < 2, 0.7, 1)
    assert reader.read(Image.fromarray(image.astype(np.uint8))).text == "36"


def test_line_that_is_much_paler_than_another_one_is_less_probable(reader):
    """It may be the edge of a shadow, or shine through from the other side of the page."""
    ink = 255 - np.asarray(to_image(draw_number("25", height=200, stroke_width=12))).astype(np.float32)
    dark, pale = (
        reader.read(Image.fromarray((255 - np.concatenate([ink, strength * ink])).astype(np.uint8)))
        for strength in (0.8, 0.3)
    )
    assert dark.text == pale.text == "2525"
    assert pale.lines[1].probability < 0.6 * dark.lines[1].probability


def test_boxes_are_in_pixels_of_the_picture(reader):
    """Also where the picture is reduced first, and a line is downscaled again."""
    intensity = draw_number("25", height=200, stroke_width=12)
    rows = (intensity > 0.5).any(1).nonzero()[0]
    for size, allowed in ((1, 2), (4, 12), (15, 60)):
        image = to_image(intensity).resize((intensity.shape[1] * size, intensity.shape[0] * size), Image.Resampling.BOX)
        first, second = reader.read(image).digits
        assert (first.result, second.result) == (2, 5)
        top, bottom = min(first.box.top, second.box.top), max(first.box.bottom, second.box.bottom)
        assert (top, bottom) == pytest.approx((rows[0] * size, (rows[-1] + 1) * size), abs=allowed)
        assert first.box.right < second.box.left


def test_number_cropped_to_its_edges_keeps_all_digits(reader):
    """Digits that touch the border were once taken for edges of objects if another digit did not touch it."""
    intensity = draw_number("2836", height=120, stroke_width=8)
    rows, columns = (intensity > 0.2).any(1).nonzero()[0], (intensity > 0.2).any(0).nonzero()[0]
    cut = intensity[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert reader.read(to_image(cut)).text == "2836"


def test_picture_of_50_megapixels_is_read(reader):
    image = to_image(draw_number("47", height=200, stroke_width=12)).resize((8_000, 6_250), Image.Resampling.BOX)
    assert reader.read(image).text == "47"


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        [((0, y), (600, y + 20)) for y in (20, 32, 44)],
        [((0, y), (1000, y + 18)) for y in (20, 30)],
        [((x, 10), (x + 60, 300)) for x in range(10, 900, 9)],
        [((0, y), (1500, y)) for y in range(5, 900, 12)],
    ],
    ids=["flat strokes side by side", "long flat strokes", "hatching", "closely ruled"],
)
def test_strokes_of_no_digit_are_not_read_with_certainty(reader, lines):
    """Some of these once ended in a division by zero, because no segmentation of the line was left."""
    image = Image.new("L", (1500, 900), 255)
    for line in lines:
        ImageDraw.Draw(image).line(line, 0, 4)
    assert 0 <= reader.read(image).probability < CONFIDENCE_THRESHOLD


@pytest.mark.parametrize("size", [(8, 500_000), (20, 16_000), (1, 4_000_000)])
def test_line_along_a_strip_takes_little_memory_and_is_not_read_with_certainty(reader, size):
    """A margin of 20,000 rows was once added around a line of 400,000 pixels: 16 GB for a file of 4 kB."""
    strip = np.full(size, 255, np.uint8)
    strip[: max(1, size[0] // 4), size[1] // 10 : size[1] * 9 // 10] = 0
    assert not reader.read(Image.fromarray(strip)).certain


@pytest.mark.slow
@pytest.mark.parametrize("size", [(600, 600), (3, 2000), (150, 20_000)])
def test_noise_is_not_read_with_certainty(reader, size):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 2, size, np.uint8) * 255)
    assert not reader.read(image).certain


def test_test_images_are_read_as_well_from_png_files_as_from_tensors(reader, real_mnist):
    """1,000 of 2,000 are read by the whole path; of the others only the normalized digits are compared."""
    test = real_mnist["test"][::5]
    direct = reader.classifier.predict(test.images[:, 0].numpy()).argmax(1)
    normalized = np.stack(
        [normalize_picture(encode_image(Image.fromarray(image))) for image in test.images[:, 0].numpy()]
    )
    from_files = reader.classifier.predict(normalized).argmax(1)
    accuracy = (direct == test.labels).double().mean()
    assert abs((from_files == test.labels).double().mean() - accuracy) <= 0.001
    texts = [
        reader.read(image_decoding.decode(encode_image(Image.fromarray(i)))).text for i in test.images[:1000, 0].numpy()
    ]
    assert sum(text == str(digit) for text, digit in zip(texts, from_files.tolist(), strict=False)) >= 998


@pytest.mark.parametrize("width", [5, 8, 20])
def test_strip_in_the_corner_of_an_empty_picture_is_no_digit(reader, width):
    """The edge of a table was read as a 1, with certainty."""
    image = np.full((300, 400), 255, np.uint8)
    image[60:, :width] = 0
    assert not reader.read(Image.fromarray(image)).certain


def test_message_for_a_blank_panorama_says_how_high_a_digit_must_be(reader):
    number = to_image(draw_number("7", height=30))
    small, large = Image.new("L", (12_000, 2_000), 255), Image.new("L", (12_000, 2_000), 255)
    small.paste(number, (3_000, 500))
    large.paste(number.resize((8 * number.width, 8 * number.height)), (3_000, 500))
    assert "less than 180 pixels high, send the part" in str(reader.read(small).error)
    assert reader.read(large).text == "7"
    assert "pixels" not in str(reader.read(Image.new("L", (300, 300), 255)).error)
