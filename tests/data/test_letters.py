"""`digits.data.letters`: letters and signs in strokes."""

import numpy as np
import pytest

from digits.data import letters


@pytest.mark.parametrize("name", letters.LETTERS)
def test_strokes_are_of_points_in_about_the_box_that_digits_fill(name):
    for variant in letters.LETTERS[name]:
        assert all(len(stroke) >= 2 for stroke in variant)
        points = np.array([point for stroke in variant for point in stroke])
        low, high = points.min(0), points.max(0)
        assert (low >= -0.15).all()
        assert (high <= (1.05, 1.25)).all()
        assert 0.5 <= max(high - low) <= 1.45


def test_what_many_write_like_a_digit_is_left_out():
    assert not set("BDIOQSZbgijloqsyz0123456789") & letters.LETTERS.keys()
