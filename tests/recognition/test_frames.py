"""`digits.recognition.frames`: frames around writing are subtracted, angular digits stay."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits.recognition.frames import remove_frames

HEIGHT, WIDTH = 120, 300
SIDES = {
    "top": (20, 20, 280, 22),
    "bottom": (20, 98, 280, 100),
    "left": (20, 20, 22, 100),
    "right": (278, 20, 280, 100),
}
WRITING = (60, 40, 68, 80), (60, 40, 90, 46), (150, 35, 158, 80)  # a 7 without its slant, and a 1


def draw(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Draw filled boxes (left, top, right, bottom): (H, W) float32 in [0, 1]."""
    image = Image.new("L", (WIDTH, HEIGHT))
    for box in boxes:
        ImageDraw.Draw(image).rectangle(box, 255)
    return np.asarray(image, np.float32) / 255


def without_frames(intensity: np.ndarray) -> np.ndarray:
    rest = intensity.copy()
    remove_frames(rest, rest > 0.15, 1.0)
    return rest


@pytest.mark.parametrize("missing", [None, *SIDES])
@pytest.mark.parametrize("dividers", [(), (110, 200)])
def test_frame_with_at_least_three_sides_is_removed_and_the_writing_stays(missing, dividers):
    frame = [box for side, box in SIDES.items() if side != missing]
    rest = without_frames(draw(*frame, *((x, 20, x + 2, 100) for x in dividers), *WRITING))
    assert (rest == draw(*WRITING)).all()


def test_stroke_across_a_frame_is_connected():
    stem = (150, 35, 158, 115)
    assert np.abs(without_frames(draw(*SIDES.values(), stem)) - draw(stem)).sum() < 20


@pytest.mark.parametrize(
    "strokes",
    [
        pytest.param(tuple(SIDES.values()), id="angular 0"),
        pytest.param((*SIDES.values(), (20, 58, 280, 61)), id="angular 8"),
        pytest.param((*list(SIDES.values())[:3], (278, 58, 280, 100), (20, 58, 280, 60)), id="angular 6"),
        pytest.param((*SIDES.values(), (150, 55, 160, 62)), id="angular 0 with a dot"),
        pytest.param((SIDES["top"], SIDES["right"], *WRITING), id="two sides"),
        pytest.param(WRITING, id="no frame"),
    ],
)
def test_angular_digits_and_other_lines_stay(strokes):
    intensity = draw(*strokes)
    assert (without_frames(intensity) == intensity).all()


def test_thick_ring_is_no_frame():
    intensity = draw((20, 20, 280, 100)) - draw((40, 40, 260, 80)) + draw((150, 45, 158, 75))
    assert (without_frames(intensity) == intensity).all()
