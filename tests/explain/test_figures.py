"""`digits.explain.figures`: the drawing of how a picture was read."""

import io

import numpy as np
import pytest
from PIL import Image

from bench.sample_images import draw_number, to_image
from digits.explain import figures
from digits.recognition.geometry import IDENTITY
from digits.recognition.results import Reading, Trace

BLANK = Trace(Reading(()), None, IDENTITY)


def decode_png(content: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("text", ["7", "2026", pytest.param("31415926535897932384", marks=pytest.mark.slow)])
def test_drawing_has_a_black_normalized_image_for_each_digit(text, reader):
    image = to_image(draw_number(text, height=100, stroke_width=8))
    trace = reader.trace(image)
    pixels = decode_png(figures.draw_stages(image, trace))
    assert pixels.shape[1] >= 700
    black = (pixels < 10).all(2)  # frames are black, all else is light
    assert black.sum() > 4_000 * len(trace.reading.digits)


def test_blank_picture_is_drawn_without_digits():
    assert decode_png(figures.draw_stages(Image.new("L", (40, 30), 255), BLANK)).mean() > 200


def test_pictures_of_any_color_mode_and_size_can_be_drawn(reader):
    for image in (
        Image.new("RGB", (3, 5), "red"),
        Image.new("L", (2000, 60), 0),
        Image.new("1", (9, 900)).convert("L"),
    ):
        decode_png(figures.draw_stages(image, BLANK))
