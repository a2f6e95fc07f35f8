"""`digits.recognition.slashed_zeros`: zeros with a stroke through them; also zeros with a dot, crossed sevens, ones."""

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.sample_images import draw_number, to_image
from digits.recognition.normalization import normalize
from digits.recognition.slashed_zeros import looks_like_slashed_zero, shift_probability_to_zero
from tests.helpers.images import draw_strokes

SIZE = (200, 200)


def draw_zero(stroke: tuple[float, float] | None = None, width: int = 80, stroke_width: int = 10) -> np.ndarray:
    """Draw a zero, 120 pixels high, with a stroke of an angle in degrees and a length in zeros' diameters through it.

    Returns: the intensity (200, 200), from 0 to 1.
    """
    canvas = np.zeros(SIZE, np.uint8)
    cv2.ellipse(canvas, (100, 100), (width // 2, 60), 0, 0, 360, 255, stroke_width, cv2.LINE_AA)
    if stroke:
        angle, length = np.radians(stroke[0]), stroke[1]
        reach = length / np.hypot(np.cos(angle) / (width / 2), np.sin(angle) / 60)
        x, y = round(reach * np.cos(angle)), round(reach * np.sin(angle))
        cv2.line(canvas, (100 - x, 100 + y), (100 + x, 100 - y), 255, stroke_width, cv2.LINE_AA)
    return canvas / np.float32(255)


def is_right_or_doubted(reader, image: Image.Image, text: str) -> bool:
    reading = reader.read(image)
    return reading.text == text or not reading.certain


@pytest.mark.parametrize("angle", [15, 25, 45, 75, 105, 135, 160])
@pytest.mark.parametrize("length", [0.9, 1.2, 1.5])
def test_zero_with_a_stroke_through_it_is_not_another_digit_with_certainty(reader, angle, length):
    """Before, 10 % of such zeros from MNIST with a flat stroke were read as an 8, with certainty."""
    for width in (60, 80, 110):
        assert is_right_or_doubted(reader, to_image(draw_zero((angle, length), width)), "0")


def test_bold_or_thin_stroke_through_a_zero_is_not_an_8_with_certainty(reader):
    for stroke_width in (6, 14, 18):
        assert is_right_or_doubted(reader, to_image(draw_zero((20, 1.3), 90, stroke_width)), "0")


@pytest.mark.parametrize("radius", [5, 8, 11])
def test_zero_with_a_dot_is_not_another_digit_with_certainty(reader, radius):
    zero = draw_zero()
    cv2.circle(zero, (100, 100), radius, 1, cv2.FILLED)
    assert is_right_or_doubted(reader, to_image(zero), "0")


@pytest.mark.parametrize("y", [85, 100, 115])
@pytest.mark.parametrize("slope", [-10, 0, 10])
def test_crossed_seven_is_a_seven(reader, y, slope):
    seven = [(60, 40), (140, 40), (85, 160)]
    x = 140 - round((y - 40) * 55 / 120)
    bar = [(x - 25, y + slope), (x + 25, y - slope)]
    assert is_right_or_doubted(reader, draw_strokes(SIZE, seven, bar, stroke_width=10), "7")


@pytest.mark.parametrize("flag", [[], [(75, 65)]])
@pytest.mark.parametrize("half_width", [15, 25, 35])
def test_one_with_a_foot_is_a_one(reader, flag, half_width):
    foot = [(100 - half_width, 160), (100 + half_width, 160)]
    image = draw_strokes(SIZE, [*flag, (100, 40), (100, 160)], foot, stroke_width=10)
    assert is_right_or_doubted(reader, image, "1")


def test_divided_bowl_is_told_from_digits_with_holes():
    assert looks_like_slashed_zero(normalize(draw_zero((20, 1.3))))
    assert looks_like_slashed_zero(normalize(draw_zero((60, 0.95))))
    assert not looks_like_slashed_zero(normalize(draw_zero()))
    assert not looks_like_slashed_zero(np.zeros((28, 28), np.uint8))
    for digit in "0123456789":
        assert not looks_like_slashed_zero(normalize(draw_number(digit, height=200, stroke_width=12)))


def test_zero_gets_a_share_of_the_probability_of_another_class():
    eight = [0.02] * 8 + [0.95, 0.0]
    divided, plain = normalize(draw_zero((20, 1.3))), normalize(draw_zero())
    assert shift_probability_to_zero(eight, plain) == eight
    shared = shift_probability_to_zero(eight, divided)
    assert shared[8] > shared[0] > 0.3
    assert sum(shared) == pytest.approx(sum(eight))
    zero = [0.95] + [0.0] * 9
    assert shift_probability_to_zero(zero, divided) == zero


def test_eights_are_certain(real_mnist, reader):
    """At most 1 % of the eights, 0.1 % of all digits, may be taken for zeros with a stroke through them."""
    images, labels = real_mnist["train"].images[40_000:], real_mnist["train"].labels[40_000:]
    eights = images[labels == 8][:1_000, 0].cpu().numpy()
    assert sum(map(looks_like_slashed_zero, eights)) <= 10
