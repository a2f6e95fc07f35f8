"""`digits.recognition.page_detection`: a page with writing is cut out of a photo that also shows the table."""

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.sample_images import draw_number, to_image
from digits.recognition import page_detection

NUMBER = draw_number("47", height=240, stroke_width=16)  # (240, W)


def page_on_table(top: int, left: int, angle: float = 0.0, falloff: float = 0.0, margin: int = 80) -> np.ndarray:
    """Draw a white page with a number on a dark table: (600, 800, 3) uint8.

    The number is `margin` pixels from the page's left edge. The picture is turned by `angle` degrees, and darker by
    `falloff` (from 0 to 1) at its right end.
    """
    picture = np.full((600, 800, 3), (90, 60, 50), np.float32)
    picture += np.random.default_rng(1).normal(0, 5, (600, 800, 1)).astype(np.float32)
    page = np.pad(255 * (1 - NUMBER), ((60, 60), (margin, 80)), constant_values=255)
    picture[top : top + page.shape[0], left : left + page.shape[1]] = 0.9 * page[: 600 - top, : 800 - left, None]
    matrix = cv2.getRotationMatrix2D((400, 300), angle, 1)
    picture = cv2.warpAffine(picture, matrix, (800, 600), borderMode=cv2.BORDER_REPLICATE)
    return (picture * np.linspace(1, 1 - falloff, 800)[:, None]).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("angle", [0, 5, -8])
@pytest.mark.parametrize("falloff", [0, 0.4])
def test_page_is_cut_out_whole_and_its_surroundings_become_paper(angle, falloff):
    top, left, page = page_detection.find_page(page_on_table(100, 120, angle, falloff))
    assert (top, left) == (pytest.approx(100, abs=60), pytest.approx(120, abs=60))
    assert page.shape[2] == 3
    assert page[:3].min() > 100  # no table along its edges
    assert (page.min(2) < 80).mean() == pytest.approx(0.05, abs=0.03)  # the number


def test_surroundings_do_not_become_darker_near_the_writing():
    """Beside bold digits the rim of a turned page became a band that was read as a 1."""
    page = page_detection.find_page(page_on_table(100, 120, 8, margin=10))
    assert page.colors[:, :8].min() > 0.95 * np.median(page.colors)


def test_page_in_a_gray_photo_is_cut_out_like_in_a_colored_one():
    gray = page_on_table(100, 120, 5, 0.4)[..., :1]
    top, left, page = page_detection.find_page(gray)
    colored = page_detection.find_page(gray.repeat(3, 2))
    assert (top, left) == colored[:2]
    assert np.array_equal(page, colored.colors[..., :1])


@pytest.mark.parametrize("angle", [0, 5, -8])
def test_rows_and_columns_are_treated_alike(angle):
    picture = page_on_table(100, 120, angle)
    top, left, page = page_detection.find_page(picture)
    transposed = page_detection.find_page(np.ascontiguousarray(picture.swapaxes(0, 1)))
    assert (transposed.left, transposed.top) == (top, left)
    assert transposed.colors.swapaxes(0, 1).shape == page.shape


def test_page_that_reaches_two_sides_of_the_picture_is_found():
    top, left, page = page_detection.find_page(page_on_table(250, 350))
    assert top > 240
    assert left > 340
    assert page.min(2).max(1).min() > 100


def test_picture_without_table_blank_page_and_disc_are_not_pages():
    table = np.full((600, 800, 3), 90, np.uint8)
    assert page_detection.find_page(np.asarray(to_image(NUMBER))[..., None]) is None
    assert page_detection.find_page(cv2.rectangle(table.copy(), (200, 150), (600, 450), (250, 250, 250), -1)) is None
    disc = cv2.circle(table.copy(), (400, 300), 220, (250, 250, 250), -1)
    assert page_detection.find_page(cv2.line(disc, (350, 200), (350, 400), (20, 20, 20), 12)) is None


def test_reader_reads_the_number_on_the_page(reader):
    reading = reader.read(Image.fromarray(page_on_table(100, 120, 4, 0.3)))
    assert reading.text == "47"
    assert all(120 < digit.box[0] < digit.box[2] < 680 for digit in reading.digits)


def test_cell_of_squared_paper_is_not_a_page():
    picture = np.full((600, 800, 3), 230, np.uint8)
    for rows in (picture, picture.transpose(1, 0, 2)):
        for start in (40, 330):
            rows[start : start + 12] = (90, 120, 200)
    picture[150:230, 100:110] = 30
    assert page_detection.find_page(picture) is None
    picture[:40] = picture[:, :40] = picture[342:] = picture[:, 342:] = (150, 120, 90)
    assert page_detection.find_page(picture)


def test_picture_with_a_rim_too_thin_to_be_a_table_is_no_page():
    picture = np.full((1000, 700, 3), 235, np.uint8)
    picture[400:600, 300:330] = 40
    for rows in (picture, picture.transpose(1, 0, 2)):
        rows[:6] = rows[-6:] = 30
    assert page_detection.find_page(picture) is None
