"""`digits.explain.figures`: a picture of how a picture was read."""

import io

import numpy as np
import pytest
from PIL import Image

from bench.images import draw_number, to_image
from digits.explain import figures
from digits.recognition.geometry import IDENTITY
from digits.recognition.results import Reading, Trace

BLANK = Trace(Reading(()), None, IDENTITY)


def shown(content: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("text", ["7", "2026", "31415926535897932384"])
def test_each_digit_adds_its_frame_and_its_ten_chances(text, reader):
    image = to_image(draw_number(text, height=100, stroke_width=8))
    trace = reader.trace(image)
    pixels = shown(figures.draw_stages(image, trace))
    assert pixels.shape[1] >= 700
    black = (pixels < 10).all(2)  # frames are black, all else is light
    assert black.sum() > 4_000 * len(trace.reading.digits)


def test_a_blank_picture_is_said_to_be_blank():
    assert shown(figures.draw_stages(Image.new("L", (40, 30), 255), BLANK)).mean() > 200


def test_colours_and_sizes_of_all_kinds_can_be_drawn(reader):
    for image in (
        Image.new("RGB", (3, 5), "red"),
        Image.new("L", (2000, 60), 0),
        Image.new("1", (9, 900)).convert("L"),
    ):
        shown(figures.draw_stages(image, BLANK))
