"""`digits.data.compositions`: random characters made of strokes."""

import numpy as np
import pytest

from digits.data import compositions


@pytest.mark.parametrize("compose", compositions.COMPOSITIONS + compositions.OPEN_CURVES)
def test_composition_consists_of_strokes_and_varies(compose):
    rng = np.random.default_rng(1)
    drawings = [compose(rng) for _ in range(20)]
    for stroke in (stroke for strokes in drawings for stroke in strokes):
        assert stroke.ndim == 2
        assert stroke.shape[1] == 2
        assert len(stroke) >= 2
        assert np.abs(stroke).max() < 6
    assert len({np.concatenate(strokes).tobytes() for strokes in drawings}) == 20


def test_no_composition_is_a_single_straight_stroke():
    rng = np.random.default_rng(2)
    assert not any(
        len(strokes) == 1 and len(strokes[0]) == 2 for strokes in map(compositions.draw_composition, [rng] * 200)
    )
