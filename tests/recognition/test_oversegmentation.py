"""`digits.recognition.oversegmentation`: where touching digits may be cut apart."""

import numpy as np

from bench.sample_images import draw_number, to_image
from digits.recognition.components import Component
from digits.recognition.foreground import extract_foreground
from digits.recognition.geometry import AxisTransform, Box
from digits.recognition.oversegmentation import Gap, measure_gap, oversegment, oversegment_line
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
    bar = Component(Box(20, 0, 40, 40), np.ones((40, 20), bool), is_stroke=True)
    stroke = Component(Box(0, 0, 60, 40), dumbbell > 0, is_stroke=True)
    for line, line_height, is_cut in [([stroke], 70, True), ([stroke, bar], 70, False), ([stroke, bar], 50, True)]:
        pieces, _, _ = oversegment_line(line, [0.8, 0.8][: len(line)], dumbbell, line_height)
        assert (len(pieces) > len(line)) == is_cut
        assert all(piece.is_stroke for piece in pieces)


def test_gap_between_strokes_has_the_part_of_the_narrower_one_that_overlaps():
    wide, narrow = (
        Component(Box(x, 0, x + w, 9), np.ones((9, w), bool), is_stroke=True) for x, w in ((0, 20), (16, 8))
    )
    assert measure_gap(wide, narrow, 10) == Gap(-0.4, 1.0, 0.5)
