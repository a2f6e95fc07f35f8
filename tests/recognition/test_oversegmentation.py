"""`digits.recognition.oversegmentation`: where touching digits may be cut apart."""

import numpy as np
import pytest

from bench.sample_images import draw_number, to_image
from digits.recognition.components import Component
from digits.recognition.foreground import extract_foreground
from digits.recognition.geometry import AxisTransform, Box
from digits.recognition.oversegmentation import (
    MAX_CUT_SHIFT,
    MIN_CUT_DISTANCE,
    Gap,
    measure_gap,
    oversegment,
    oversegment_line,
)
from digits.recognition.reader import to_working_array
from digits.recognition.text_lines import find_text_lines


def test_touching_digits_are_cut_between_them():
    image = draw_number("88", height=200, stroke_width=14, gap=-0.04)
    foreground = extract_foreground(to_working_array(to_image(image))[0])
    ((component,),) = find_text_lines(foreground)
    pieces = oversegment(component, foreground.intensity)
    assert any(abs(piece.box.right - image.shape[1] / 2) < 0.06 * image.shape[1] for piece in pieces[:-1])
    assert sum(piece.area for piece in pieces) == component.area


def test_component_without_thin_places_is_not_cut():
    intensity = np.ones((40, 40), np.float32)
    component = Component(Box(0, 0, 40, 40), intensity > 0)
    assert oversegment(component, intensity) == [component]


def test_only_uncertain_or_wide_components_of_a_line_are_cut():
    dumbbell = np.zeros((40, 60), np.float32)
    dumbbell[:, :25], dumbbell[:, 35:], dumbbell[18:22, 25:35] = 1, 1, 1
    intensity = np.concatenate([dumbbell, np.zeros((40, 10)), dumbbell[:, :25]], axis=1)
    scale = AxisTransform(2, 2)
    wide = Component(Box(0, 0, 60, 40), dumbbell > 0, scale)
    narrow = Component(Box(70, 0, 95, 40), dumbbell[:, :25] > 0, scale)
    pieces, gaps, components = oversegment_line([wide, narrow], [0.8, 0.99], intensity, 40)
    assert gaps == [None] * (len(pieces) - 2) + [Gap(10 / 40, 1.0)]
    assert components == {(0, len(pieces) - 1): wide, (len(pieces) - 1, len(pieces)): narrow}
    assert all(piece.to_picture == scale for piece in pieces)
    wide_is_cut, narrow_is_cut = len(pieces) > 2, pieces[-1] is not narrow
    assert (wide_is_cut, narrow_is_cut) == (True, False)


def test_stroke_that_another_one_crosses_is_cut_only_if_it_is_wider_than_a_digit():
    """The pieces of a 4 without its stem, which the classifier doubts, were more than a digit may have."""
    dumbbell = np.zeros((40, 60), np.float32)
    dumbbell[:, :25], dumbbell[:, 35:], dumbbell[18:22, 25:35] = 1, 1, 1
    bar = Component(Box(20, 0, 40, 40), np.ones((40, 20), bool), stroke_indices=frozenset([1]))
    stroke = Component(Box(0, 0, 60, 40), dumbbell > 0, stroke_indices=frozenset([1]))
    for line, line_height, is_cut in [([stroke], 70, True), ([stroke, bar], 70, False), ([stroke, bar], 50, True)]:
        pieces, _, _ = oversegment_line(line, [0.8, 0.8][: len(line)], dumbbell, line_height)
        assert (len(pieces) > len(line)) == is_cut
        assert all(piece.stroke_indices for piece in pieces)


def test_gap_between_strokes_has_the_part_of_the_narrower_one_that_overlaps():
    wide, narrow = (
        Component(Box(x, 0, x + w, 9), np.ones((9, w), bool), stroke_indices=frozenset([1]))
        for x, w in ((0, 20), (16, 8))
    )
    assert measure_gap(wide, narrow, 10) == Gap(-0.4, 1.0, 0.5)


def merged_blocks(bridge: int) -> tuple[Component, np.ndarray]:
    """A block of 40×100 pixels without thin places but a groove at the column `bridge`."""
    intensity = np.ones((40, 100), np.float32)
    intensity[:10, bridge - 1 : bridge + 2] = 0
    return Component(Box(20, 5, 120, 45), intensity > 0), np.pad(intensity, ((5, 5), (20, 20)))


@pytest.mark.parametrize("seen", [67.0, 70.0, 73.0])
def test_cut_near_a_column_is_made_at_the_thinnest_place_around_it(seen):
    component, intensity = merged_blocks(bridge=50)  # column 70 of the array
    pieces = oversegment(component, intensity, is_searched=False, columns=[seen])
    assert len(pieces) == 2
    assert pieces[0].box.right == pytest.approx(70, abs=2 + 0.3 * 20)
    middle = pieces[0].mask[20].nonzero()[0][-1] + pieces[0].box.left  # where a slanted cut is at its column
    assert middle == pytest.approx(70, abs=2)
    assert sum(piece.area for piece in pieces) == component.area


def test_cut_is_not_further_from_its_column_than_a_tenth_of_the_height():
    component, intensity = merged_blocks(bridge=50)
    pieces = oversegment(component, intensity, is_searched=False, columns=[100.0])
    middle = pieces[0].mask[20].nonzero()[0][-1] + pieces[0].box.left
    assert middle == pytest.approx(100, abs=MAX_CUT_SHIFT * component.height + 1)


def test_each_column_cuts_even_if_both_are_near_the_same_thin_place():
    component, intensity = merged_blocks(bridge=50)  # column 70 of the array
    pieces = oversegment(component, intensity, is_searched=False, columns=[68.0, 72.0])
    assert len(pieces) == 3
    assert sum(piece.area for piece in pieces) == component.area


@pytest.mark.parametrize("columns", [(), (19.0,), (20.5,), (119.5,), (200.0,)])
def test_columns_outside_a_component_do_not_cut_it(columns):
    component, intensity = merged_blocks(bridge=50)
    assert oversegment(component, intensity, is_searched=False, columns=columns) == [component]


def test_confident_component_of_a_line_is_cut_only_where_the_line_reader_saw_two_digits_meet():
    dumbbell = np.zeros((40, 60), np.float32)
    dumbbell[:, :25], dumbbell[:, 35:], dumbbell[18:22, 25:35] = 1, 1, 1
    component = Component(Box(0, 0, 60, 40), dumbbell > 0)
    for columns, count in (((), 1), ((30.0,), 2)):
        pieces, gaps, components = oversegment_line([component], [0.99], dumbbell, 50, columns)
        assert len(pieces) == count
        assert gaps == [None] * (count - 1)
        assert components == {(0, count): component}


def test_searched_cuts_near_a_given_column_are_not_made_twice():
    dumbbell = np.zeros((40, 60), np.float32)
    dumbbell[:, :25], dumbbell[:, 35:], dumbbell[18:22, 25:35] = 1, 1, 1
    component = Component(Box(0, 0, 60, 40), dumbbell > 0)
    searched = oversegment(component, dumbbell)
    both = oversegment(component, dumbbell, columns=[30.0])
    assert len(both) <= len(searched) + 1
    widths = [piece.width for piece in both]
    assert min(widths) >= MIN_CUT_DISTANCE * component.height - 1
