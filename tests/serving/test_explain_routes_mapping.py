"""`digits.serving.explain_routes`: the rectangle of the picture that a normalized digit comes from."""

from typing import NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits.recognition.reader import Reader
from digits.recognition.results import Digit, DigitTrace
from digits.serving.explain_routes import describe_normalization
from tests.helpers.networks import ConstantLogits


class MarkedCorner(NamedTuple):
    """A shape whose points can be found again: an L with a dot, which ConstantLogits reads as one digit.

    box: left, top, right, bottom of the L in pixels of the picture; dot: x, y, radius.
    """

    box: tuple[float, float, float, float]
    stroke_width: float
    dot: tuple[float, float, float]


def marked_corner(
    left: float, top: float, size: tuple[float, float], stroke_width: float, position: tuple[float, float]
) -> MarkedCorner:
    """Place an L of `size` (width, height) and its dot.

    stroke_width: in pixels of the normalized digit.
    position: of the dot, from 0 to 1 in the free area.
    """
    pixel = max(size) / 20  # side of a pixel of the normalized digit, in pixels of the picture
    stroke_width, radius = max(0.8, stroke_width * pixel), max(0.9, 1.5 * pixel)
    distance = stroke_width + radius + 3 * pixel  # of the dot from the L, so that they stay separate when normalized
    x = left + distance + position[0] * (size[0] - distance - radius)
    y = top + radius + position[1] * (size[1] - distance - radius)
    return MarkedCorner((left, top, left + size[0], top + size[1]), stroke_width, (x, y, radius))


def draw(corners: list[MarkedCorner]) -> Image.Image:
    """Draw in black on white with equal margins; small pictures at eight times the size, for soft edges."""
    size = [int(max(c.box[axis] for c in corners) + corners[0].box[1]) for axis in (2, 3)]
    scale = 8 if max(size) < 400 else 1
    image = Image.new("L", (size[0] * scale, size[1] * scale), 255)
    canvas = ImageDraw.Draw(image)
    for box, stroke_width, (x, y, radius) in corners:
        left, top, right, bottom = (value * scale for value in box)
        canvas.rectangle((left, top, left + stroke_width * scale - 1, bottom - 1), 0)
        canvas.rectangle((left, bottom - stroke_width * scale, right - 1, bottom - 1), 0)
        bounds = (x - radius, y - radius, x + radius, y + radius)
        canvas.ellipse([value * scale - (index > 1) for index, value in enumerate(bounds)], 0)
    return image.reduce(scale)


def find_dot(normalized: np.ndarray) -> tuple[float, float]:
    """The center of mass (x, y) of all but the largest component of a normalized digit (28, 28)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((normalized > 40).view(np.uint8), connectivity=4)
    dot = normalized * (labels > 0) * (labels != 1 + stats[1:, cv2.CC_STAT_AREA].argmax())
    pixel_centers = np.arange(28) + 0.5
    return dot.sum(0) @ pixel_centers / dot.sum(), dot.sum(1) @ pixel_centers / dot.sum()


def assert_dot_is_mapped(digit: Digit, trace: DigitTrace, corner: MarkedCorner) -> None:
    """Check that `crop` and `placed` map the dot to its place in the normalized digit, within half a pixel."""
    description = describe_normalization(digit, trace)
    crop, placed = trace.to_picture.apply_to_box(trace.box), trace.box
    assert description.crop == pytest.approx(crop, abs=0.0051)
    assert description.placed == placed
    dot = find_dot(digit.pixels)
    for axis in (0, 1):
        scale = (placed[axis + 2] - placed[axis]) / (crop[axis + 2] - crop[axis])
        assert placed[axis] + scale * (corner.dot[axis] - crop[axis]) == pytest.approx(dot[axis], abs=0.5)


# Reads any component group as one digit, with too little confidence to prefer many fragments to one digit.
READER = Reader(ConstantLogits(3.0, *[0.0] * 9))


@pytest.mark.parametrize("height", [12, 20, 28, 90, 400, pytest.param(2300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("aspect", [0.7, 1.0, 2.2])
@pytest.mark.parametrize("stroke_width", [0.3, 2.0, 3.5])
def test_point_of_the_picture_is_mapped_to_the_normalized_digit(height, aspect, stroke_width):
    """The transform includes enlarging small digits, thickening hairlines and reducing large pictures."""
    width = aspect * height
    for position in [(0.1, 0.2), (0.9, 0.7)]:
        corner = marked_corner(7.4 + 0.6 * height, 5.7 + 0.5 * height, (width, height), stroke_width, position)
        trace = READER.trace(draw([corner]))
        assert_dot_is_mapped(*trace.reading.digits, *trace.digits, corner)


@pytest.mark.parametrize("height", [24, 150, 1100])
def test_each_digit_of_a_number_has_its_own_transform(height):
    first = marked_corner(6.5 + 0.5 * height, 8.5 + 0.5 * height, (height, height), 2, (0.5, 0.5))
    second = marked_corner(6.5 + 2.1 * height, 11.5 + 0.5 * height, (0.8 * height, 0.9 * height), 1, (0.8, 0.1))
    trace = READER.trace(draw([first, second]))
    for digit, digit_trace, corner in zip(trace.reading.digits, trace.digits, (first, second), strict=True):
        assert_dot_is_mapped(digit, digit_trace, corner)
