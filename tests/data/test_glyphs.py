"""`digits.data.glyphs`: strokes of letters, signs and doodles."""

import numpy as np
import pytest

from digits.data import glyphs, outliers


@pytest.mark.parametrize("name", glyphs.ALL_TEMPLATES)
def test_control_points_lie_about_in_the_box_of_digit_templates(name):
    for variant in glyphs.ALL_TEMPLATES[name]:
        assert all(len(stroke) >= 2 for stroke in variant)
        points = np.array([point for stroke in variant for point in stroke])
        low, high = points.min(0), points.max(0)
        assert (low >= -0.15).all()
        assert (high <= (1.05, 1.25)).all()
        assert 0.5 <= max(high - low) <= 1.45


@pytest.mark.parametrize("characters", [set(glyphs.ALL_TEMPLATES), set(outliers.LETTERS)])
def test_digits_and_digit_like_characters_are_not_outliers(characters):
    assert not characters & set(glyphs.DIGIT_LIKE_CHARACTERS + "0123456789")


@pytest.mark.parametrize("draw", glyphs.DOODLES)
def test_doodle_consists_of_strokes_and_varies(draw):
    rng = np.random.default_rng(1)
    first, second = draw(rng), draw(rng)
    for stroke in (*first, *second):
        assert stroke.ndim == 2
        assert stroke.shape[1] == 2
        assert len(stroke) >= 2
        assert np.abs(stroke).max() < 6
    constant = {"draw_house", "draw_fish", "draw_tree"}  # `draw_doodle` jitters their points
    equal = len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not equal or draw.__name__ in constant
