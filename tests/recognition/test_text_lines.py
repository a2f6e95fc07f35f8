"""`digits.recognition.text_lines`: which components are one digit, and in which order digits are read."""

import numpy as np
import pytest
from PIL import Image

from digits.recognition.component_search import find_components
from digits.recognition.foreground import Foreground
from digits.recognition.text_lines import group_into_lines
from tests.helpers.images import bar, draw_strokes, find_lines


def line_lengths(image: Image.Image) -> list[int]:
    return [len(line) for line in find_lines(image)]


def test_digits_side_by_side_are_ordered_from_left_to_right():
    ((a, b, c),) = find_lines(draw_strokes((300, 200), bar(220), bar(60), bar(140)))
    assert a.box.left < 60 < b.box.left < 140 < c.box.left < 220


def test_lines_are_ordered_from_top_to_bottom():
    image = draw_strokes((300, 400), bar(60, 220, 320), bar(200, 230, 330), bar(200, 50, 150), bar(60, 40, 140))
    assert [[component.box.left for component in line] for line in find_lines(image)] == [[57, 197], [57, 197]]


@pytest.mark.parametrize("slope", [-0.3, 0.3])
def test_sloping_line_is_one_line(slope):
    strokes = [bar(60 + 70 * k, round(150 + slope * 70 * k), round(210 + slope * 70 * k)) for k in range(5)]
    assert line_lengths(draw_strokes((460, 360), *strokes)) == [5]


def test_digits_of_different_sizes_are_in_one_line():
    assert line_lengths(draw_strokes((300, 200), bar(60, 30, 150), bar(140, 90, 150), bar(220, 20, 90))) == [3]


def test_detached_bar_of_a_5_is_merged_with_it():
    body = [(60, 50), (60, 90), (100, 95), (100, 140), (60, 150)]
    assert line_lengths(draw_strokes((220, 200), body, [(72, 40), (110, 36)])) == [1]


def test_nested_component_is_merged_with_the_outer_one():
    ring = [(50, 50), (150, 50), (150, 150), (50, 150), (50, 50)]
    assert line_lengths(draw_strokes((200, 200), ring, [(80, 100), (120, 100)])) == [1]


def test_stroke_broken_by_a_threshold_is_merged():
    pieces = [[(100, y), (100, y + 12)] for y in range(40, 150, 16)]
    assert line_lengths(draw_strokes((200, 200), *pieces, stroke_width=12)) == [1]


def test_strokes_of_a_single_pixel_are_not_all_merged():
    """They once were: with nothing near enough to be merged, all components had the same label."""
    assert line_lengths(draw_strokes((120, 80), bar(20, 20, 60), bar(60, 20, 60), bar(90, 20, 60), stroke_width=1)) == [
        3
    ]


def test_dash_is_kept_as_a_component_of_its_own():
    assert line_lengths(draw_strokes((400, 200), bar(60), [(150, 90), (210, 90)], bar(330))) == [3]


def test_component_that_touches_two_sides_is_a_line():
    intensity = np.zeros((60, 80), np.float32)
    intensity[:, 70:], intensity[30:33, :] = 1, 1
    components = find_components(Foreground(intensity, 1.0))
    assert group_into_lines(components, intensity.shape) == [components]


def test_no_components_are_no_lines():
    assert group_into_lines([], (20, 30)) == []
