"""`digits.recognition.geometry`: boxes and axis-aligned transforms."""

import numpy as np
import pytest

from digits.recognition.geometry import IDENTITY, AxisTransform, Box, enclosing_box, vertical_iou


def test_box_contains_itself_and_smaller_boxes():
    box = Box(2, 3, 10, 8)
    assert (box.width, box.height) == (8, 5)
    assert box.contains(box)
    assert box.contains(Box(3, 3, 9, 7))
    assert not box.contains(Box(1, 3, 10, 8))


def test_box_methods_move_enlarge_and_index():
    box = Box.from_size(2, 3, 8, 5)
    assert box == (2, 3, 10, 8)
    assert box.shift(-2, 1) == (0, 4, 8, 9)
    assert box.expand(2) == (0, 1, 12, 10)
    assert np.ones((20, 20))[box.slices].shape == (5, 8)


def test_overlap_is_negative_between_separate_boxes():
    box, right_of_it = Box(0, 0, 10, 10), Box(13, 4, 20, 30)
    assert (box.overlap_x(right_of_it), right_of_it.overlap_x(box)) == (-3, -3)
    assert (box.overlap_y(right_of_it), right_of_it.overlap_y(box)) == (6, 6)


def test_enclosing_box_reaches_the_outermost_sides():
    assert enclosing_box([Box(2, 3, 10, 8), Box(0, 5, 4, 9)]) == (0, 3, 10, 9)


def test_composition_applies_the_first_transform_first():
    shift, scale = AxisTransform(offset_x=1, offset_y=-2), AxisTransform(3, 0.5)
    assert shift.then(scale).apply(10, 20) == scale.apply(*shift.apply(10, 20)) == (33, 9)
    assert IDENTITY.then(scale) == scale.then(IDENTITY) == scale


def test_inverse_undoes_a_transform():
    transform = AxisTransform(3.5, 0.7, -20, 11)
    assert transform.inverse().apply(*transform.apply(5, -8)) == pytest.approx((5, -8))


def test_integer_transforms_keep_boxes_of_integers():
    corners = AxisTransform(3, 3, 1, 2).apply_to_box(Box(1, 2, 3, 4))
    assert corners == (4, 8, 10, 14)
    assert all(isinstance(value, int) for value in corners)


@pytest.mark.parametrize(("top", "expected"), [(0, 1), (5, 5 / 15), (10, 0), (40, 0)])
def test_vertical_iou_is_the_common_height_over_that_of_the_union(top, expected):
    assert vertical_iou(Box(0, 0, 9, 10), Box(20, top, 29, top + 10)) == pytest.approx(expected)
