"""`digits.recognition.component_search`: which connected foreground pixels may be digits."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bench.sample_images import draw_number
from digits.recognition.component_search import _border_contacts, find_components
from digits.recognition.components import MAX_COMPONENTS
from digits.recognition.foreground import Foreground, extract_foreground
from digits.recognition.text_lines import find_text_lines
from tests.helpers.images import bar, draw_strokes, find_lines


def component_boxes(image: Image.Image) -> list[tuple[int, ...]]:
    return [component.box for line in find_lines(image) for component in line]


def test_specks_are_removed():
    image = draw_strokes((300, 200), bar(150))
    for x, y in ((20, 20), (260, 50), (40, 180)):
        ImageDraw.Draw(image).ellipse((x, y, x + 5, y + 5), 0)
    assert component_boxes(image) == [(147, 40, 155, 141)]


def test_page_full_of_marks_has_too_many_components(reader):
    page = np.full((600, 600), 255, np.uint8)
    for row in range(5, 17):
        for column in range(5, 17):
            page[row::20, column::20] = 0
    foreground = extract_foreground(page[..., None])
    assert len(find_components(foreground)) > MAX_COMPONENTS
    assert find_text_lines(foreground) is None
    error = reader.read(Image.fromarray(page)).error
    assert error.code == "crowded"
    assert "more than 200 separate marks" in str(error)


def test_drawn_frame_is_removed():
    frame = [(8, 8), (291, 8), (291, 191), (8, 191), (8, 8)]
    assert component_boxes(draw_strokes((300, 200), frame, bar(150), stroke_width=5)) == [(148, 40, 153, 141)]


def test_component_entering_from_outside_is_removed_if_there_is_a_digit_inside():
    assert len(component_boxes(draw_strokes((300, 200), bar(150), [(0, 190), (30, 170)]))) == 1


def test_contacts_with_the_sides_are_measured():
    intensity = np.zeros((60, 80), np.float32)
    intensity[:, 70:], intensity[30:33, :] = 1, 1  # all of the right side, an eighth of the upper and lower, 3 pixels
    (component,) = find_components(Foreground(intensity, 1.0))
    contacts = _border_contacts(component, intensity.shape)
    assert [contact.side_fraction for contact in contacts] == pytest.approx([3 / 60, 1, 1 / 8, 1 / 8])
    assert [contact.own_fraction for contact in contacts] == pytest.approx([3 / 60, 1, 1 / 8, 1 / 8])
    assert [contact.extent for contact in contacts] == pytest.approx([3 / 60, 1, 1 / 8, 1 / 8])
    assert {contact.depth for contact in contacts} == {1}
    assert [contact.is_vertical for contact in contacts] == [True, True, False, False]


INSIDE = [(100, 60, 112, 140), (160, 60, 172, 140)]  # two digits


def components_at_the_border(*boxes: tuple[int, int, int, int]) -> list[tuple]:
    """The boxes of the components of a picture in which `boxes` (left, top, right, bottom) and INSIDE are filled."""
    intensity = np.zeros((200, 300), np.float32)
    for left, top, right, bottom in (*boxes, *INSIDE):
        intensity[top:bottom, left:right] = 1
    return sorted(tuple(component.box) for component in find_components(Foreground(intensity, 1.0)))


@pytest.mark.parametrize(
    "box",
    [
        (0, 140, 5, 200),
        (296, 0, 300, 55),
        (0, 0, 130, 4),
        (180, 195, 300, 200),
        (0, 120, 40, 200),
        (240, 0, 300, 70),
        (0, 60, 60, 140),
        (0, 0, 20, 10),
    ],
    ids=[
        "sliver left",
        "sliver right",
        "sliver above",
        "sliver below",
        "finger",
        "corner",
        "thumb beside the digits",
        "sliver in a corner",
    ],
)
def test_sliver_or_object_at_the_border_is_removed(box):
    """A sliver of the table along a photo's edge was once read as a 1, and a finger as a part of the next digit."""
    assert components_at_the_border(box) == INSIDE


@pytest.mark.parametrize("box", [(0, 60, 12, 140), (288, 55, 300, 135)], ids=["left", "right"])
def test_digit_1_that_was_cropped_tightly_stays(box):
    """It lies along the border as a sliver does, but at the height of the digits inside."""
    assert box in components_at_the_border(box)


def test_digit_that_touches_the_border_with_a_small_part_stays():
    intensity = np.zeros((200, 300), np.float32)
    for left, top, right, bottom in (*INSIDE, (0, 96, 50, 106), (50, 60, 62, 140)):  # a 4 whose bar reaches the border
        intensity[top:bottom, left:right] = 1
    assert (0, 60, 62, 140) in [tuple(component.box) for component in find_components(Foreground(intensity, 1.0))]


def test_without_writing_inside_everything_at_the_border_stays():
    intensity = np.zeros((100, 100), np.float32)
    intensity[10:90, :8], intensity[:, 60:70] = 1, 1
    assert len(find_components(Foreground(intensity, 1.0))) == 2


def test_hollow_sliver_is_removed():
    """Relative to a local background only its rim is left, which touches the border with its ends."""
    intensity = np.zeros((200, 300), np.float32)
    for left, top, right, bottom in (*INSIDE, (0, 5, 10, 8), (7, 5, 10, 50), (0, 47, 10, 50)):
        intensity[top:bottom, left:right] = 1
    assert [tuple(component.box) for component in find_components(Foreground(intensity, 1.0))] == INSIDE


def test_sliver_in_a_corner_is_removed_also_where_all_writing_was_lost():
    """A wedge in the corner of a photo whose digits are pale was read as a 1, with certainty."""
    intensity = np.zeros((200, 300), np.float32)
    intensity[100:, :10], intensity[140:146, 150:160] = 1, 1
    assert [component.box.left for component in find_components(Foreground(intensity, 1.0))] == [150]


@pytest.mark.parametrize("box", [(0, 100, 9, 180), (120, 0, 180, 90), (120, 120, 180, 200)])
def test_lone_component_that_touches_one_side_with_all_of_it_stays(box):
    """A 1 at the left, the bar of a 7 above, the base of a 2 below."""
    intensity = np.zeros((200, 300), np.float32)
    intensity[box[1] : box[3], box[0] : box[2]] = 1
    assert len(find_components(Foreground(intensity, 1.0))) == 1


@pytest.mark.parametrize("lines", [["94", "63"], ["123", "456", "789"]])
def test_lines_of_digits_that_were_cropped_to_their_edges_stay(lines):
    rows = [draw_number(text, height=80, stroke_width=8) for text in lines]
    width = max(row.shape[1] for row in rows)
    intensity = np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    y, x = (np.flatnonzero((intensity > 0.3).any(axis)) for axis in (1, 0))
    cropped = np.ascontiguousarray(intensity[y[0] : y[-1] + 1, x[0] : x[-1] + 1])
    assert len(find_components(Foreground(cropped, 1.0))) == len("".join(lines))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("depth", "found"), [(30, 0), (250, 1)])
def test_lone_component_along_a_side_is_an_object_unless_it_fills_the_picture(depth, found, transposed):
    intensity = np.zeros((200, 300), np.float32)
    intensity[40:, :depth] = 1
    intensity = np.ascontiguousarray(intensity.T) if transposed else intensity
    assert len(find_components(Foreground(intensity, 1.0))) == found
