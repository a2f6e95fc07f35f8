"""`digits.recognition.page_detection`: the sheet in a photo that also shows the table."""

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.images import draw_number, to_image
from digits.recognition import page_detection

NUMBER = draw_number("47", height=240, stroke_width=16)  # (240, W)


def on_a_table(top: int, left: int, turned: float = 0.0, light: float = 0.0) -> np.ndarray:
    """A white sheet with a number on a dark table, (600, 800, 3) uint8, turned by some degrees, darker to the right."""
    picture = np.full((600, 800, 3), (90, 60, 50), np.float32)
    picture += np.random.default_rng(1).normal(0, 5, (600, 800, 1)).astype(np.float32)
    paper = np.pad(255 * (1 - NUMBER), ((60, 60), (80, 80)), constant_values=255)
    picture[top : top + paper.shape[0], left : left + paper.shape[1]] = 0.9 * paper[: 600 - top, : 800 - left, None]
    matrix = cv2.getRotationMatrix2D((400, 300), turned, 1)
    picture = cv2.warpAffine(picture, matrix, (800, 600), borderMode=cv2.BORDER_REPLICATE)
    return (picture * np.linspace(1, 1 - light, 800)[:, None]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("turned", [0, 5, -8])
@pytest.mark.parametrize("light", [0, 0.4])
def test_a_sheet_is_found_whole_and_what_is_around_it_becomes_paper(turned, light):
    top, left, part = page_detection.find_page(on_a_table(100, 120, turned, light))
    assert (top, left) == (pytest.approx(100, abs=60), pytest.approx(120, abs=60))
    assert part.shape[2] == 3
    assert part[:3].min() > 100  # no table along its edges
    assert (part.min(2) < 80).mean() == pytest.approx(0.05, abs=0.03)  # the number


def test_a_sheet_that_reaches_two_sides_of_the_picture_is_found():
    top, left, part = page_detection.find_page(on_a_table(250, 350))
    assert top > 240
    assert left > 340
    assert part.min(2).max(1).min() > 100


def test_what_is_all_paper_or_has_nothing_written_on_it_or_is_round_is_no_sheet():
    table = np.full((600, 800, 3), 90, np.uint8)
    assert page_detection.find_page(np.asarray(to_image(NUMBER))[..., None]) is None
    assert page_detection.find_page(cv2.rectangle(table.copy(), (200, 150), (600, 450), (250, 250, 250), -1)) is None
    disc = cv2.circle(table.copy(), (400, 300), 220, (250, 250, 250), -1)
    assert page_detection.find_page(cv2.line(disc, (350, 200), (350, 400), (20, 20, 20), 12)) is None


def test_a_reader_finds_the_number_on_the_sheet(reader):
    reading = reader.read(Image.fromarray(on_a_table(100, 120, 4, 0.3)))
    assert reading.text == "47"
    assert all(120 < digit.box[0] < digit.box[2] < 680 for digit in reading.digits)
