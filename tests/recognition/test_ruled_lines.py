"""`digits.recognition.ruled_lines`: lines from side to side are found and subtracted, strokes stay."""

import numpy as np
import pytest

from digits.recognition.ruled_lines import find_ruled_lines, subtract_ruled_lines


def lines_and_stroke() -> np.ndarray:
    """Draw a horizontal and a vertical line of intensity 0.3, and a stroke of intensity 1 across the horizontal one."""
    intensity = np.zeros((100, 120), np.float32)
    intensity[50], intensity[:, 80] = 0.3, 0.3
    intensity[30:70, 20:26] = 1
    return intensity


def test_lines_are_subtracted_and_the_stroke_across_them_stays():
    intensity = lines_and_stroke()
    subtract_ruled_lines(intensity, intensity > 0.15, 1.0)
    expected = np.zeros((100, 120), np.float32)
    expected[30:70, 20:26] = 1
    assert np.abs(intensity - expected).max() < 1e-6


def test_rows_of_a_ruled_line_are_found():
    (line,) = find_ruled_lines((lines_and_stroke() > 0.15).astype(np.uint8))
    assert line.rows.start <= 50 < line.rows.stop
    assert line.core[50 - line.rows.start].all()
    assert (line.region | ~line.core).all()


def test_line_that_ends_inside_of_the_picture_and_thick_band_are_not_ruled_lines():
    mask = np.zeros((100, 120), np.uint8)
    mask[20, :100] = 1
    mask[50:60] = 1
    assert find_ruled_lines(mask) == []


def test_picture_without_lines_stays():
    intensity = np.zeros((100, 120), np.float32)
    intensity[30:70, 20:26] = 1
    before = intensity.copy()
    subtract_ruled_lines(intensity, intensity > 0.15, 1.0)
    assert (intensity == before).all()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("slope", [0.0, 0.7, -1.0])
def test_stroke_across_a_line_of_its_intensity_is_not_cut(transposed, slope):
    rows, columns = np.mgrid[:100, :100]
    stroke = (abs(columns - 50 - slope * (rows - 50)) < 4) & (abs(rows - 50) < 25)
    intensity = stroke.astype(np.float32)
    intensity[49:51] = 1
    intensity = np.ascontiguousarray(intensity.T) if transposed else intensity
    subtract_ruled_lines(intensity, intensity > 0.15, 1.0)
    rest = intensity.T if transposed else intensity
    assert (rest[stroke] > 0.9).mean() > 0.98
    assert rest[~stroke].sum() < 0.02 * stroke.sum()


@pytest.mark.parametrize(("count", "is_removed"), [(3, True), (2, False)])
def test_several_lines_that_fade_in_the_shade_are_removed(count, is_removed):
    intensity = np.zeros((100, 200), np.float32)
    for row in (20, 50, 80)[:count]:
        intensity[row, :120] = np.linspace(0.4, 0.16, 120)
    intensity[40:70, 20:26] = 1
    subtract_ruled_lines(intensity, intensity > 0.15, 1.0)
    assert (intensity[40:70, 20:26] > 0.99).all()
    intensity[40:70, 20:26] = 0
    assert (intensity.max() < 0.2) == is_removed


def test_bold_stroke_along_a_line_stays():
    intensity = np.zeros((200, 300), np.float32)
    intensity[90:110, 100:150] = 1
    expected = intensity.copy()
    intensity[100:102] = 1
    subtract_ruled_lines(intensity, intensity > 0.15, 1.0)
    assert np.abs(intensity - expected).sum() < 0.02 * expected.sum()


def test_long_bars_below_each_other_are_no_fading_lines():
    intensity = np.zeros((400, 400), np.float32)
    for row in (100, 200, 300):
        intensity[row : row + 4, 40:180] = 1
    before = intensity.copy()
    subtract_ruled_lines(intensity, intensity > 0.15, 1.0)
    assert (intensity == before).all()


def test_sloping_line_does_not_join_the_strokes_beside_each_other():
    rows, columns = np.mgrid[:400, :1000]
    line = abs(rows - 200 - columns / 100) < 2
    strokes = ((columns // 10 == 40) | (columns // 10 == 42)) & (abs(rows - 204) < 40)
    intensity = (line | strokes).astype(np.float32)
    subtract_ruled_lines(intensity, intensity > 0.15, 1.0)
    assert np.abs(intensity - strokes).sum() < 0.02 * strokes.sum()
