"""`digits.recognition.oversegmentation`: where digits that touch may be cut apart."""

import numpy as np

from bench.images import draw_number, to_image
from digits.recognition import components, foreground, oversegmentation
from digits.recognition.reader import working_array


def test_two_digits_that_touch_are_cut_between_them():
    sheet = draw_number("88", height=200, stroke_width=14, gap=-0.04)
    found = foreground.extract_foreground(working_array(to_image(sheet))[0])
    ((whole,),) = components.find_text_lines(found)
    pieces = oversegmentation.oversegment(whole, found.intensity)
    assert any(abs(piece.box[2] - sheet.shape[1] / 2) < 0.06 * sheet.shape[1] for piece in pieces[:-1])
    assert sum(piece.mask.sum() for piece in pieces) == whole.mask.sum()


def test_what_is_nowhere_thin_is_not_cut():
    amount = np.ones((40, 40), np.float32)
    part = components.Component((0, 0, 40, 40), amount > 0)
    assert oversegmentation.oversegment(part, amount) == [part]
