"""`digits.recognition.line_image`: text lines scaled to the height of the line reader's network."""

from collections.abc import Sequence

import numpy as np
import pytest

from digits.recognition.arrays import stroke_width
from digits.recognition.components import Component
from digits.recognition.geometry import Box
from digits.recognition.line_image import (
    INK_HEIGHT,
    LINE_HEIGHT,
    MARGIN,
    MAX_LINE_WIDTH,
    MIN_STROKE_WIDTH,
    LineImage,
    View,
    draw_line_images,
)


def draw_blocks(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (300, 600)) -> np.ndarray:
    """Filled boxes (left, top, right, bottom) on an empty array: float32."""
    intensity = np.zeros(shape, np.float32)
    for left, top, right, bottom in boxes:
        intensity[top:bottom, left:right] = 1
    return intensity


def block(left: int, top: int, right: int, bottom: int) -> Component:
    return Component(Box(left, top, right, bottom), np.ones((bottom - top, right - left), bool))


PLAIN = View()


def draw_one(
    line: list[Component], intensity: np.ndarray, others: Sequence[Component] = (), view: View = PLAIN
) -> LineImage | None:
    """Draw one view; None if the line is too long."""
    images = draw_line_images(line, intensity, others, [view])
    return images[0] if images else None


def ink_rows(pixels: np.ndarray) -> np.ndarray:
    return (pixels > 0.5).any(1).nonzero()[0]


def ink_columns(pixels: np.ndarray) -> np.ndarray:
    return (pixels > 0.5).any(0).nonzero()[0]


@pytest.mark.parametrize("height", [9, 14, 28, 57, 140, 260])
def test_line_fills_the_height_of_the_ink_whatever_its_size(height):
    boxes = [(100 + k * height, 20, 100 + k * height + height // 2, 20 + height) for k in range(2)]
    image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes))
    assert image.pixels.shape[0] == LINE_HEIGHT
    assert image.pixels.dtype == np.float32
    assert image.pixels.shape[1] % 4 == 0
    assert (image.pixels.min(), image.pixels.max()) == (0, 1)
    rows = ink_rows(image.pixels)
    assert abs(len(rows) - INK_HEIGHT) <= 2
    assert abs(rows[0] + rows[-1] - (LINE_HEIGHT - 1)) <= 1  # in the middle
    assert image.scale == pytest.approx(INK_HEIGHT / height)


@pytest.mark.parametrize("height", [20, 90, 250])
def test_columns_of_the_line_image_and_of_the_foreground_agree(height):
    boxes = [(130, 20, 130 + height // 4, 20 + height), (400, 20, 400 + height // 3, 20 + height)]
    image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes))
    columns = ink_columns(image.pixels)
    assert image.to_foreground_x(columns[0]) == pytest.approx(130, abs=0.7 / image.scale)
    assert image.to_foreground_x(columns[-1] + 1) == pytest.approx(400 + height // 3, abs=0.7 / image.scale)
    for x in (0, 17.5, 300):
        assert image.to_line_x(image.to_foreground_x(x)) == pytest.approx(x)
    assert columns[0] >= MARGIN


def test_line_at_the_border_of_the_picture_has_its_margins():
    boxes = [(0, 0, 20, 40), (30, 0, 50, 40)]
    image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes, shape=(40, 50)))
    columns = ink_columns(image.pixels)
    assert columns[0] >= MARGIN
    assert image.pixels.shape[1] - 1 - columns[-1] >= MARGIN


@pytest.mark.parametrize("slope", [-0.2, 0.1, 0.3])
def test_sloping_line_becomes_level(slope):
    boxes = [(40 + 60 * k, 120 + round(60 * k * slope), 70 + 60 * k, 160 + round(60 * k * slope)) for k in range(6)]
    image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes))
    tops = []
    for left, _, right, _ in boxes:
        middle = round(image.to_line_x((left + right) / 2))
        tops.append(ink_rows(image.pixels[:, middle : middle + 1])[0])
    assert max(tops) - min(tops) <= 1
    assert image.scale == pytest.approx(INK_HEIGHT / 40, rel=0.03)


def test_two_components_say_nothing_about_the_slope():
    """As one of them may be taller: a 6 and a 9 are no sloping line."""
    boxes = [(40, 100, 70, 160), (100, 120, 130, 180)]
    image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes))
    assert image.scale == pytest.approx(INK_HEIGHT / 80)


def test_low_components_say_nothing_about_the_slope():
    boxes = [(40 + 60 * k, 100, 70 + 60 * k, 160) for k in range(3)] + [(230, 155, 236, 161)]  # a decimal point
    image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes))
    assert image.scale == pytest.approx(INK_HEIGHT / 61, rel=0.02)


def test_components_of_other_lines_are_left_out_with_their_soft_edges():
    line = (100, 50, 130, 110)
    intensity = draw_blocks(line)
    expected = draw_one([block(*line)], intensity).pixels
    disturbed = np.maximum(intensity, draw_blocks((132, 105, 150, 140)))
    disturbed[104, 132:150] = 0.2  # its soft edge
    with_other = draw_one([block(*line)], disturbed, [block(132, 105, 150, 140)]).pixels
    np.testing.assert_allclose(with_other, expected, atol=0.02)
    without = draw_one([block(*line)], disturbed).pixels
    assert np.abs(without - expected).max() > 0.5
    far = draw_one([block(*line)], intensity, [block(400, 200, 450, 250)]).pixels
    np.testing.assert_array_equal(far, expected)


@pytest.mark.parametrize(("width", "is_thin"), [(1, True), (3, True), (12, False)])
def test_thin_strokes_are_thickened(width, is_thin):
    boxes = [(100 + 60 * k, 50, 100 + 60 * k + width, 170) for k in range(3)]
    image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes))
    assert stroke_width(image.pixels) > MIN_STROKE_WIDTH - 0.2
    drawn = len(ink_columns(image.pixels)) / 3 / image.scale  # pixels of the foreground
    assert (drawn > width + 2) == is_thin


def test_line_that_is_too_long_is_not_drawn():
    for width, is_drawn in ((70, True), (80, False)):
        boxes = [(0, 0, width * 28, 28)]
        image = draw_one([block(*box) for box in boxes], draw_blocks(*boxes, shape=(28, width * 28)))
        assert (image is not None) == is_drawn
        assert image is None or image.pixels.shape[1] <= MAX_LINE_WIDTH


def test_intensity_is_not_changed():
    intensity = draw_blocks((100, 50, 130, 110), (132, 105, 150, 140))
    before = intensity.copy()
    draw_one([block(100, 50, 130, 110)], intensity, [block(132, 105, 150, 140)])
    np.testing.assert_array_equal(intensity, before)


def test_views_differ_in_size_and_slant_and_agree_about_columns():
    line, intensity = [block(100, 50, 110, 150)], draw_blocks((100, 50, 110, 150))
    plain, small, slanted = draw_line_images(line, intensity, (), [View(), View(zoom=0.8), View(slant=0.2)])
    assert plain.pixels.shape == small.pixels.shape == slanted.pixels.shape
    assert len(ink_rows(small.pixels)) == pytest.approx(0.8 * len(ink_rows(plain.pixels)), abs=1)
    assert len(ink_columns(slanted.pixels)) > len(ink_columns(plain.pixels)) + 3
    for image in (plain, small):
        columns = ink_columns(image.pixels)
        assert image.to_foreground_x(columns[0]) == pytest.approx(100, abs=4)
        assert image.to_foreground_x(columns[-1] + 1) == pytest.approx(110, abs=4)
