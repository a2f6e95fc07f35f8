"""`digits.recognition.cell_frames`: frame lines cut off with a small picture do not change how its digits are read."""

from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bench.sample_images import draw_number, encode_image, to_8_bit
from digits.recognition import image_decoding
from digits.recognition.cell_frames import MAX_CELL_SIDE, find_cell_interior
from digits.recognition.geometry import Box

CELLS = 100
RESAMPLINGS = [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]


class Cell(NamedTuple):
    """A picture of a cell with frame lines, the same without them, and what is written in it."""

    framed: Image.Image
    unframed: Image.Image
    text: str


def crop_to_ink(intensity: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Crop `intensity` (H, W) to its ink, and reduce it to fit into `size` (width, height): in [0, 1]."""
    rows, columns = (intensity > 0.2).any(1).nonzero()[0], (intensity > 0.2).any(0).nonzero()[0]
    image = Image.fromarray(intensity[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32))
    image.thumbnail(size, Image.Resampling.BOX)
    return np.asarray(image)


def draw_cell(rng: np.random.Generator) -> Cell:
    """Draw a cell of 30 to 63 pixels a side, with one or two digits and one or two lines near its sides.

    The lines are 1 or 2 pixels thick, 0 to 5 from the border, and run across the picture or end where they cross; 2 to
    4 pixels of paper are next to them.
    """
    text = str(rng.integers(10)) if rng.random() < 0.5 else f"{rng.integers(10)}{rng.integers(10)}"
    height, width = rng.integers(30, 64), rng.integers(30 if len(text) == 1 else 44, 64)
    frame, inner = np.zeros((height, width), np.float32), [2, 2, 2, 2]
    is_corner, depths, gray = rng.random() < 0.5, [0, 0, 0, 0], rng.choice([0.5, 0.75, 1.0])
    sides = rng.permutation(4)[: rng.integers(1, 3)].tolist()
    for side in sides:
        depths[side] = int(rng.integers(6))
    for side in sides:
        thickness = int(rng.integers(1, 3))
        inner[side] = depths[side] + thickness + int(rng.integers(2, 5))
        rows = np.rot90(frame, side)  # the side is at the top
        before, after = (depths[side - 1], depths[(side + 1) % 4]) if is_corner else (0, 0)
        rows[depths[side] : depths[side] + thickness, before : rows.shape[1] - after] = gray
    top, right, bottom, left = inner
    number = draw_number(text, height=80, stroke_width=8, seed=int(rng.integers(1_000)))
    digits = crop_to_ink(number, (int(width) - left - right, int(height) - top - bottom))
    top += rng.integers(height - top - bottom - len(digits) + 1)
    left += rng.integers(width - left - right - digits.shape[1] + 1)
    ink = np.zeros_like(frame)
    ink[top : top + len(digits), left : left + digits.shape[1]] = digits
    paper, contrast = (245, -220) if rng.random() < 0.6 else (15, 220)
    noise = rng.normal(0, rng.integers(4), frame.shape)
    framed, unframed = (to_8_bit(paper + contrast * drawn + noise) for drawn in (np.maximum(ink, frame), ink))
    return Cell(framed, unframed, text)


def interior(image: Image.Image) -> Box:
    return find_cell_interior(np.asarray(image).reshape(image.height, image.width, -1))


def whole(image: Image.Image) -> Box:
    return Box(0, 0, *image.size)


def test_frame_lines_of_small_cells_do_not_change_the_text(reader):
    """A 63 in a cell of 46x34 pixels with frame lines was once read as a 3, with certainty."""
    rng, compared = np.random.default_rng(1), 0
    for number in range(CELLS):
        cell = draw_cell(rng)
        width, height = cell.framed.size
        enlarged = cell.framed.resize((2 * width, 2 * height), RESAMPLINGS[number % len(RESAMPLINGS)])
        if reader.read(cell.unframed).text == cell.text:  # a few of the digits drawn are ambiguous
            compared += 1
            assert reader.read(cell.framed).text == cell.text, f"cell {number}"
            assert reader.read(enlarged).text == cell.text, f"cell {number}, enlarged"
    assert compared > 0.95 * CELLS


def test_frame_lines_saved_as_jpeg_are_found():
    rng = np.random.default_rng(2)
    for _ in range(CELLS):
        cell = draw_cell(rng)
        framed, unframed = (
            image_decoding.decode(encode_image(i, "JPEG", quality=90)) for i in (cell.framed, cell.unframed)
        )
        assert interior(framed) != whole(framed)
        assert interior(unframed) == whole(unframed)


def test_boxes_are_in_pixels_of_the_whole_picture(reader):
    image = Image.new("L", (50, 60), 255)
    image.paste(0, (5, 0, 7, 60))
    image.paste(0, (25, 10, 29, 50))
    (digit,) = reader.read(image).digits
    assert digit.result == 1
    assert digit.box == (25, 10, 29, 50)


def test_interior_begins_behind_each_line_and_one_row_for_its_soft_edge():
    intensity = np.zeros((40, 50), np.uint8)
    intensity[3:5, 6:], intensity[3:, 6] = 200, 200  # a corner whose lines end where they cross
    intensity[12:35, 20:24] = 255
    for turns in range(4):
        turned = np.rot90(intensity, turns)
        left, top, right, bottom = find_cell_interior(turned[..., None])
        cut = np.zeros(turned.shape, bool)
        cut[top:bottom, left:right] = True
        expected = np.zeros(intensity.shape, bool)
        expected[6:, 8:] = True
        assert (cut == np.rot90(expected, turns)).all()


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_digit_cut_out_tightly_has_no_frame_lines(margin):
    for digit in range(10):
        for seed in range(8):
            number = draw_number(str(digit), height=100, stroke_width=4 + seed, seed=seed)
            ink = np.pad(crop_to_ink(number, (MAX_CELL_SIDE, 30 + 4 * seed)), margin)
            for image in (to_8_bit(255 * ink), to_8_bit(255 - 255 * ink)):
                assert interior(image) == whole(image), f"{digit}, seed {seed}"


# Strokes 2 pixels thick: boxes in a picture of 24x36 pixels whose border they touch.
TOP, MIDDLE, BOTTOM = (0, 0, 24, 2), (0, 17, 24, 19), (0, 34, 24, 36)
LEFT, RIGHT, UPPER_LEFT, LOWER_LEFT, UPPER_RIGHT, LOWER_RIGHT = (
    (0, 0, 2, 36), (22, 0, 24, 36), (0, 0, 2, 18), (0, 18, 2, 36), (22, 0, 24, 18), (22, 18, 24, 36)
)  # fmt: skip


@pytest.mark.parametrize(
    "strokes",
    [[TOP, RIGHT, BOTTOM, LEFT], [RIGHT], [TOP, UPPER_RIGHT, MIDDLE, LOWER_LEFT, BOTTOM], [TOP, MIDDLE, BOTTOM, RIGHT],
     [UPPER_LEFT, MIDDLE, RIGHT], [TOP, UPPER_LEFT, MIDDLE, LOWER_RIGHT, BOTTOM], [TOP, LEFT, BOTTOM, LOWER_RIGHT,
     MIDDLE], [TOP, RIGHT], [TOP, RIGHT, BOTTOM, LEFT, MIDDLE], [TOP, RIGHT, BOTTOM, UPPER_LEFT, MIDDLE]],
    ids=list("0123456789"),
)  # fmt: skip
def test_straight_bars_of_a_digit_along_the_border_are_not_frame_lines(strokes):
    image = Image.new("L", (24, 36), 255)
    for box in strokes:
        image.paste(0, box)
    for size in (1, 2):
        enlarged = image.resize((24 * size, 36 * size), Image.Resampling.BICUBIC)
        assert interior(enlarged) == whole(enlarged)


def test_straight_1_of_a_number_cut_out_tightly_is_not_a_frame_line(reader):
    seven = crop_to_ink(draw_number("7", stroke_width=20), (40, 40))
    number = np.pad(seven, ((0, 0), (8, 0)))
    number[:, :2] = 1
    assert reader.read(to_8_bit(255 * number)).text == "17"


def test_picture_with_nothing_but_lines_stays():
    image = Image.new("L", (40, 50), 255)
    image.paste(0, (0, 4, 40, 6))
    image.paste(0, (10, 20, 12, 22))  # dust
    assert interior(image) == whole(image)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (4, 60), (100, 9)])
def test_picture_of_few_pixels_has_an_interior(size):
    """Lines on opposite sides once left no interior in a picture of a few pixels, which raised an error."""
    for seed in range(50):
        pixels = np.random.default_rng(seed).integers(0, 2, (*size, 3), np.uint8) * 255
        interior = find_cell_interior(pixels)
        assert interior.width > 0
        assert interior.height > 0


def test_mnist_images_have_no_frame_lines(real_mnist):
    for number, pixels in enumerate(real_mnist["train"].images[:1_000, 0].numpy()):
        side = 28 + number % 36
        for image in (Image.fromarray(pixels), Image.fromarray(pixels).resize((side, side))):
            assert interior(image) == whole(image)
            tight = image.crop(image.getbbox())
            assert interior(tight) == whole(tight)


@pytest.mark.parametrize("margin", [1, 2, 3])
@pytest.mark.parametrize("height", [26, 40, 52, 64, 90])
def test_straight_1_next_to_another_digit_is_no_frame_line(margin, height):
    """A 17 of 42x52 pixels was once read as a 7, with certainty."""
    scale = 4  # drawn larger, for soft edges
    one, seven = [(10, 0), (10, height)], [(18, 0), (34, 0), (24, height)]
    for other in (seven, one):
        size = (scale * (35 + 2 * margin), scale * (height + 2 + 2 * margin))
        image = Image.new("L", size, 255)
        for stroke in (one, [(x + 18, y) for x, y in other] if other is one else other):
            points = [(scale * (x - 9 + margin), scale * (y + 1 + margin)) for x, y in stroke]
            ImageDraw.Draw(image).line(points, 0, 2 * scale, "curve")
        image = image.resize((size[0] // scale, size[1] // scale), Image.Resampling.BOX)
        assert find_cell_interior(np.asarray(image)[..., None]) == (0, 0, image.width, image.height)
