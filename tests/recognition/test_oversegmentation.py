"""`digits.recognition.oversegmentation`: where touching digits may be cut apart."""

import numpy as np

from bench.sample_images import draw_number, to_image
from digits.recognition.components import Component
from digits.recognition.foreground import extract_foreground
from digits.recognition.geometry import AxisTransform, Box
from digits.recognition.oversegmentation import Gap, oversegment, oversegment_line
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
