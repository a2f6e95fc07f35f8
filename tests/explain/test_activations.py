"""`digits.explain.activations`: where in the picture the frame comes from, and which ink spoke for what."""

from typing import NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits.recognition.reader import Reader
from digits.recognition.results import Digit, DigitTrace
from tests.helpers.networks import ConstantLogits


class Corner(NamedTuple):
    """An L with a dot in it, which together are one digit to a network that says so: a dot's place is known."""

    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels
    pen: float
    dot: tuple[float, float, float]  # x, y, radius


def corner(left: float, top: float, size: tuple[float, float], pen: float, where: tuple[float, float]) -> Corner:
    """An L of `size` (width, height), its `pen` in pixels of the frame; a dot `where`, in shares of the free place."""
    unit = max(size) / 20  # of the frame's pixels, in the picture's
    pen, radius = max(0.8, pen * unit), max(0.9, 1.5 * unit)
    free = pen + radius + 3 * unit  # so far from the L that frames keep them apart
    x = left + free + where[0] * (size[0] - free - radius)
    y = top + radius + where[1] * (size[1] - free - radius)
    return Corner((left, top, left + size[0], top + size[1]), pen, (x, y, radius))


def picture(corners: list[Corner]) -> Image.Image:
    """Black on white, as much paper on each side; with soft edges, as it is drawn eight times as large where small."""
    size = [int(max(c.box[axis] for c in corners) + corners[0].box[1]) for axis in (2, 3)]
    fine = 8 if max(size) < 400 else 1
    image = Image.new("L", (size[0] * fine, size[1] * fine), 255)
    draw = ImageDraw.Draw(image)
    for box, pen, (x, y, radius) in corners:
        left, top, right, bottom = (value * fine for value in box)
        draw.rectangle((left, top, left + pen * fine - 1, bottom - 1), 0)
        draw.rectangle((left, bottom - pen * fine, right - 1, bottom - 1), 0)
        places = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse([value * fine - (number > 1) for number, value in enumerate(places)], 0)
    return image.reduce(fine)


def dot_in(frame: np.ndarray) -> tuple[float, float]:
    """The centre of mass of what does not hang together with most of a frame (28, 28), x and y in its pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((frame > 40).view(np.uint8), connectivity=4)
    rest = frame * (labels > 0) * (labels != 1 + stats[1:, cv2.CC_STAT_AREA].argmax())
    places = np.arange(28) + 0.5
    return rest.sum(0) @ places / rest.sum(), rest.sum(1) @ places / rest.sum()


def assert_found(digit: Digit, trace: DigitTrace, corner: Corner) -> None:
    """The dot in the frame is where the dot in the picture came, to less than half a pixel of the frame."""
    crop, placed = trace.to_picture.apply_to_box(trace.box), trace.box
    there = dot_in(digit.normalized)
    for axis in (0, 1):
        times = (placed[axis + 2] - placed[axis]) / (crop[axis + 2] - crop[axis])
        assert placed[axis] + times * (corner.dot[axis] - crop[axis]) == pytest.approx(there[axis], abs=0.5)


ONE = Reader(ConstantLogits(9.0, *[0.0] * 9))  # reads anything as one digit


@pytest.mark.parametrize("height", [12, 20, 28, 90, 400, 2300])
@pytest.mark.parametrize("aspect", [0.7, 1.0, 2.2])
@pytest.mark.parametrize("pen", [0.3, 2.0, 3.5])
def test_a_dot_in_the_picture_is_found_where_the_frame_has_it(height, aspect, pen):
    """Small digits are enlarged, hairlines thickened, large pictures made smaller: all of it is followed."""
    width = aspect * height
    for where in [(0.1, 0.2), (0.9, 0.7)]:
        drawn = corner(7.4 + 0.6 * height, 5.7 + 0.5 * height, (width, height), pen, where)
        trace = ONE.trace(picture([drawn]))
        assert_found(*trace.reading.digits, *trace.digits, drawn)


@pytest.mark.parametrize("height", [24, 150, 1100])
def test_each_digit_of_a_number_has_its_own_way(height):
    first = corner(6.5 + 0.5 * height, 8.5 + 0.5 * height, (height, height), 2, (0.5, 0.5))
    second = corner(6.5 + 2.1 * height, 11.5 + 0.5 * height, (0.8 * height, 0.9 * height), 1, (0.8, 0.1))
    trace = ONE.trace(picture([first, second]))
    for digit, digit_trace, drawn in zip(trace.reading.digits, trace.digits, (first, second), strict=True):
        assert_found(digit, digit_trace, drawn)
