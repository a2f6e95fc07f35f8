"""`digits.recognition.components`: which ink is a digit's, and in which order digits are read."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits import UserError
from digits.recognition import components, foreground
from tests.helpers.images import find_lines


def drawn(size: tuple[int, int], *strokes: list[tuple[int, int]], pen: int = 8) -> Image.Image:
    """Black strokes on white."""
    image = Image.new("L", size, 255)
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, 0, pen, "curve")
    return image


def boxes(image: Image.Image) -> list[list[tuple[int, ...]]]:
    return [[part.box for part in line] for line in find_lines(image)]


def bar(x: int, top: int = 40, bottom: int = 140) -> list[tuple[int, int]]:
    return [(x, top), (x, bottom)]


def test_digits_side_by_side_are_parts_from_left_to_right():
    ((a, b, c),) = boxes(drawn((300, 200), bar(220), bar(60), bar(140)))
    assert a[0] < 60 < b[0] < 140 < c[0] < 220


def test_lines_are_read_one_after_another():
    image = drawn((300, 400), bar(60, 220, 320), bar(200, 230, 330), bar(200, 50, 150), bar(60, 40, 140))
    assert [[x for x, *_ in line] for line in boxes(image)] == [[57, 197], [57, 197]]


@pytest.mark.parametrize("slope", [-0.3, 0.3])
def test_a_line_that_climbs_is_one_line(slope):
    strokes = [bar(60 + 70 * k, round(150 + slope * 70 * k), round(210 + slope * 70 * k)) for k in range(5)]
    assert [len(line) for line in boxes(drawn((460, 360), *strokes))] == [5]


def test_digits_of_different_sizes_stand_in_one_line():
    assert [len(line) for line in boxes(drawn((300, 200), bar(60, 30, 150), bar(140, 90, 150), bar(220, 20, 90)))] == [
        3
    ]


def test_the_bar_of_a_5_belongs_to_it():
    body = [(60, 50), (60, 90), (100, 95), (100, 140), (60, 150)]
    assert [len(line) for line in boxes(drawn((220, 200), body, [(72, 40), (110, 36)]))] == [1]


def test_what_is_inside_another_belongs_to_it():
    ring = [(50, 50), (150, 50), (150, 150), (50, 150), (50, 50)]
    assert [len(line) for line in boxes(drawn((200, 200), ring, [(80, 100), (120, 100)]))] == [1]


def test_strokes_broken_by_a_threshold_are_one():
    pieces = [[(100, y), (100, y + 12)] for y in range(40, 150, 16)]
    assert [len(line) for line in boxes(drawn((200, 200), *pieces, pen=12))] == [1]


def test_strokes_of_a_single_pixel_are_not_all_made_one():
    """They once were: where nothing is near enough to be joined, all parts had the same label."""
    assert [
        len(line) for line in boxes(drawn((120, 80), bar(20, 20, 60), bar(60, 20, 60), bar(90, 20, 60), pen=1))
    ] == [3]


def test_specks_are_no_digits():
    image = drawn((300, 200), bar(150))
    for x, y in ((20, 20), (260, 50), (40, 180)):
        ImageDraw.Draw(image).ellipse((x, y, x + 5, y + 5), 0)
    assert boxes(image) == [[(147, 40, 155, 141)]]


def test_a_dash_is_a_part_of_its_own_and_not_lost():
    assert [len(line) for line in boxes(drawn((400, 200), bar(60), [(150, 90), (210, 90)], bar(330)))] == [3]


def test_a_page_full_of_marks_is_refused_with_what_to_do():
    page = np.full((600, 600), 255, np.uint8)
    for row in range(5, 17):
        for column in range(5, 17):
            page[row::20, column::20] = 0
    with pytest.raises(UserError, match="more than 200 separate marks") as caught:
        boxes(Image.fromarray(page))
    assert caught.value.code == "crowded"


def test_a_drawn_frame_is_no_digit():
    frame = [(8, 8), (291, 8), (291, 191), (8, 191), (8, 8)]
    assert boxes(drawn((300, 200), frame, bar(150), pen=5)) == [[(148, 40, 153, 141)]]


def test_what_comes_in_from_outside_is_no_digit_where_one_stands_inside():
    assert len(boxes(drawn((300, 200), bar(150), [(0, 190), (30, 170)]))[0]) == 1


def test_parts_bring_their_soft_edge_but_nothing_of_their_neighbours():
    amount = np.zeros((40, 40), np.float32)
    amount[10:30, 10:14], amount[10:30, 14], amount[10:30, 16:20] = 1, 0.1, 1
    left, right = components.find_text_lines(foreground.Foreground(amount, 1.0))[0]
    assert left.box == (10, 10, 14, 30)
    assert left.crop(amount).sum() == pytest.approx(20 * 4 + 20 * 0.1)
    assert right.crop(amount).max(0).tolist().count(1) == 4


def test_a_part_that_touches_two_sides_is_judged_by_the_one_along_which_it_runs():
    amount = np.zeros((60, 80), np.float32)
    amount[:, 70:], amount[30:33, :] = 1, 1  # all of the right side, three pixels of the left
    assert components.find_text_lines(foreground.Foreground(amount, 1.0)) != []
    part = components.connected_components(foreground.Foreground(amount, 1.0))[0]
    assert components._border_contact(part, amount.shape) == 1
