"""`digits.recognition.borders`: rims are measured, and tables at the sides removed."""

import numpy as np
import pytest

from digits.recognition.borders import remove_table, rim_width
from tests.helpers.backgrounds import BACKGROUNDS, dark_rim, paint


def test_rim_is_measured_with_a_margin_for_its_edge():
    assert 6 < rim_width(paint(dark_rim()).astype(np.uint8)) <= 9


# The outermost lines of squared paper are a rim, too.
@pytest.mark.parametrize("background", sorted(set(BACKGROUNDS) - {"rim", "squared"}))
def test_other_backgrounds_have_no_rim(background):
    assert rim_width(paint(BACKGROUNDS[background]).clip(0, 255).astype(np.uint8)) == 0


@pytest.mark.parametrize("quarter_turns", range(4))
def test_table_is_removed_from_any_side_and_the_rest_stays(quarter_turns):
    intensity = np.zeros((90, 80), np.float32)
    intensity[:10] = 1
    intensity[10:13, :50] = 1  # the page's edge is crooked
    intensity[40:60, 30:34] = 1
    intensity = np.rot90(intensity, quarter_turns).copy()
    remove_table(intensity, intensity > 0.5)
    expected = np.zeros((90, 80), np.float32)
    expected[40:60, 30:34] = 1
    assert (intensity == np.rot90(expected, quarter_turns)).all()


def test_stroke_that_leaves_the_picture_is_not_a_table():
    intensity = np.zeros((90, 80), np.float32)
    intensity[:50, 30:34] = 1
    before = intensity.copy()
    remove_table(intensity, intensity > 0.5)
    assert (intensity == before).all()
