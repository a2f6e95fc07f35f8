"""`digits.data.glyphs`: what people doodle, as strokes."""

import numpy as np
import pytest

from digits.data import glyphs


@pytest.mark.parametrize("shape", glyphs.DRAWINGS)
def test_a_shape_is_of_strokes_and_never_twice_the_same(shape):
    random = np.random.default_rng(1)
    first, second = shape(random), shape(random)
    for stroke in (*first, *second):
        assert stroke.ndim == 2
        assert stroke.shape[1] == 2
        assert len(stroke) >= 2
        assert np.abs(stroke).max() < 6
    fixed = {"house", "fish", "tree"}  # others.drawing shakes, squashes and bends them
    alike = len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not alike or shape.__name__ in fixed
