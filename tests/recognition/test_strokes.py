"""`digits.recognition.strokes`: drawings as strokes, rasterized and read."""

import numpy as np
import pytest

import model
from bench.drawings import PAPER_HEIGHT, PAPER_WIDTH, Strokes, place_digits, place_on_paper
from digits.recognition.components import MAX_COMPONENTS
from digits.recognition.geometry import Box
from digits.recognition.reader import Reader
from digits.recognition.results import Reading
from digits.recognition.strokes import (
    LINE_HEIGHT,
    MAX_PIXELS,
    PEN_WIDTH,
    Drawing,
    draw_stroke,
    measure_line_heights,
    merge_stacked,
    rasterize,
)

SEVEN = np.array([[10.0, 12], [40, 10], [70, 9], [55, 40], [42, 70], [34, 98]])
DOT = np.array([[30.0, 20.0]])
CIRCLE = np.array([[30 + 30 * np.cos(a), 30 - 30 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 30)])


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(model.load())


def read(reader: Reader, *strokes: np.ndarray, **paper: float) -> Reading:
    return reader.trace_drawing(Drawing(strokes, **paper)).reading


def write(text: str, height: float, gap: float, seed: int = 0) -> Strokes:
    """Write a number of a height in units, its digits a `gap` in heights apart, on the page's paper."""
    rng = np.random.default_rng(seed)
    return place_on_paper(place_digits(text, height, (gap, gap), rng), rng)


def shift(stroke: np.ndarray, x: float, y: float = 0) -> np.ndarray:
    return stroke + np.array([x, y])


def test_reading_does_not_depend_on_the_size_and_the_place_of_the_drawing(reader):
    expected = read(reader, SEVEN)
    assert (expected.text, expected.certain) == ("7", True)
    for scale, offset in [(0.01, 0), (1, 1000), (100, -5000)]:
        assert read(reader, scale * SEVEN + offset).probability == pytest.approx(expected.probability, abs=0.01)


@pytest.mark.parametrize("digit", "0123456789")
def test_digits_of_a_twentieth_of_the_paper_are_read(reader, digit):
    """A 7 of 8 % of the paper's height was read as 8 with 98.6 %: a pen of fixed width made it a blot."""
    strokes = write(digit, 0.05 * PAPER_HEIGHT, 0, seed=1)
    assert read(reader, *strokes, width=PAPER_WIDTH, height=PAPER_HEIGHT).text == digit


def test_phone_number_is_read(reader):
    strokes = write("02283746500", 0.07 * PAPER_HEIGHT, 0.25)
    reading = read(reader, *strokes, width=PAPER_WIDTH, height=PAPER_HEIGHT)
    assert reading.text == "02283746500"
    lefts = [digit.box.left for digit in reading.digits]
    assert lefts == sorted(lefts)


def test_overlapping_digits_are_told_apart_by_their_strokes(reader):
    for overlap in (5, 12):
        reading = read(reader, CIRCLE, shift(CIRCLE, 60 - overlap))
        assert reading.text == "00"
        assert reading.certain


def test_strokes_of_one_digit_are_one_digit(reader):
    stem, angle = np.array([[50.0, 0], [48, 100]]), np.array([[30.0, 0], [2, 60], [75, 58]])
    assert read(reader, angle, stem).text == read(reader, stem, angle).text == "4"
    assert read(reader, CIRCLE, shift(1.1 * CIRCLE, -3, 58)).text == "8"


def test_digits_of_one_stroke_can_be_parted(reader):
    """People write 00 without lifting the pen."""
    linked = np.concatenate([CIRCLE, [135, 0] - CIRCLE * [1, -1]])
    assert read(reader, linked).text == "00"


def test_lines_are_read_one_after_the_other(reader):
    reading = read(reader, SEVEN, shift(CIRCLE, 100, 20), shift(SEVEN, 0, 150))
    assert reading.text == "707"


def test_drawing_without_strokes_is_blank(reader):
    reading = read(reader)
    assert reading.error
    assert reading.error.code == "blank"


@pytest.mark.parametrize("strokes", [[DOT], [[[30, 20], [31, 23]]]], ids=["dot", "trace"])
def test_click_is_not_read_with_certainty(reader, strokes):
    reading = read(reader, *map(np.array, strokes), width=PAPER_WIDTH, height=PAPER_HEIGHT)
    assert reading.digits
    assert not reading.certain


def test_more_strokes_than_components_are_crowded(reader):
    reading = read(reader, *[shift(SEVEN, 90 * i) for i in range(MAX_COMPONENTS + 1)])
    assert reading.error
    assert reading.error.code == "crowded"


def test_boxes_are_in_units_of_the_paper_and_end_at_its_edges(reader):
    moved = shift(SEVEN, -30, 200)
    (digit,) = read(reader, moved).digits
    assert digit.box == pytest.approx((-25, 204, 45, 303), abs=3)  # the points, and half a pen on each side
    (clipped,) = read(reader, moved, width=40, height=290).digits
    assert clipped.box == Box(0, digit.box.top, 40, 290)


def test_trace_leads_from_the_normalized_digit_to_the_paper(reader):
    trace = reader.trace_drawing(Drawing([shift(SEVEN, 300, 200)]))
    (digit,) = trace.digits
    assert digit.to_picture.apply_to_box(digit.box) == pytest.approx(trace.reading.digits[0].box, abs=1.5)


def test_pen_suits_the_height_of_the_line():
    small, large = SEVEN, shift(2 * SEVEN, 0, 200)
    _, ((upper,), (lower,)), _ = rasterize(Drawing([small, large]))
    assert lower.height == pytest.approx((1 + PEN_WIDTH) * LINE_HEIGHT, abs=3)
    assert lower.area == pytest.approx(4 * upper.area, rel=0.2)  # twice as long and twice as wide


def test_line_height_is_that_of_its_tallest_stroke():
    digit, dash, dot, second_line = [0, 0, 50, 100], [60, 50, 90, 50], [100, 99, 100, 99], [0, 200, 50, 260]
    boxes = np.array([digit, dash, dot, second_line], float)
    assert measure_line_heights(boxes).tolist() == [100, 100, 100, 60]
    assert measure_line_heights(boxes[1:2]).tolist() == [30 / 4]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "strokes",
    [
        [[[0, 0], [1e6, 1]], [[5, 0], [5, 10]]],
        [[[0, 0], [0, 10]], [[1e6, 1e6], [1e6, 1e6 - 10]]],
        [[[0, 0], [0, 1e-300]]],
        [[[50 * i, 0]] for i in range(20)],
        [[[0, 4], [300, 4]]],
        [[[3 * i, 0], [3 * i + 900, 900 - i]] for i in range(MAX_COMPONENTS)],
    ],
    ids=["flat", "far apart", "tiny", "dots", "dash", "crossing"],
)
def test_size_of_the_raster_is_limited(strokes):
    foreground, lines, _ = rasterize(Drawing([np.array(stroke, float) for stroke in strokes]))
    if foreground:
        assert lines
        assert all(component.area for line in lines for component in line)
        sizes = [component.mask.size for line in lines for component in line]
        assert max(foreground.intensity.size, sum(sizes)) < 1.1 * MAX_PIXELS


def test_stroke_keeps_the_pixels_that_others_cross():
    horizontal, vertical = np.array([[10.0, 30], [50, 30]]), np.array([[30.0, 10], [30, 50]])
    across, down = draw_stroke(horizontal, 5, 0), draw_stroke(vertical, 5, 0)
    assert (across.box, down.box) == (Box(8, 28, 53, 33), Box(28, 8, 33, 53))
    assert across.stroke_indices
    assert across.mask[2].all()
    assert down.mask[:, 2].all()
    assert draw_stroke(DOT, 5, 0).box == Box(28, 18, 33, 23)


def test_touching_strokes_are_merged_only_one_above_the_other():
    upper = draw_stroke(shift(CIRCLE, 20, 20), 6, 0)
    below, right = draw_stroke(shift(CIRCLE, 20, 79), 6, 1), draw_stroke(shift(CIRCLE, 78, 20), 6, 1)
    apart = draw_stroke(shift(CIRCLE, 20, 100), 6, 1)
    (merged,) = merge_stacked([upper, below])
    assert merged.stroke_indices == {0, 1}
    assert len(merge_stacked([upper, right])) == 2
    assert len(merge_stacked([upper, apart])) == 2
