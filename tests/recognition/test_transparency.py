"""`digits.recognition.transparency`: cards, windows and strokes on transparency."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from bench.sample_images import draw_number, encode_image, to_image
from digits.recognition import image_decoding
from digits.recognition.transparency import composite, find_card

DIGIT = draw_number("5", height=140, stroke_width=10)
SHAPES = ["rectangle", "rounded_rectangle", "ellipse"]
COLORS = [("white", "black"), ("#faf0cd", "navy"), ("gray", "white"), ("#2d323c", "#ffe0c0"), ("black", "white")]


def draw_card(shape: str, paper: str, ink: str, shadow: bool, left: int = 60, angle: float = 0) -> Image.Image:
    """Draw a card of 200x200 pixels with a 5 on a transparent picture of 600x500 pixels."""
    mask = Image.new("L", (200, 200))
    options = {"radius": 30} if shape == "rounded_rectangle" else {}
    getattr(ImageDraw.Draw(mask), shape)((0, 0, 199, 199), fill=255, **options)
    mask = mask.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    card = Image.new("RGB", mask.size, paper)
    card.paste(ink, ((card.width - DIGIT.shape[1]) // 2, (card.height - 140) // 2), to_image(1 - DIGIT))
    alpha = Image.new("L", (600, 500))
    alpha.paste(mask, (left, 90))
    picture = Image.new("RGBA", alpha.size)
    if shadow:
        picture.putalpha(alpha.filter(ImageFilter.GaussianBlur(12)).point(lambda value: value // 2))
    picture.paste(card, (left, 90), mask)
    return picture


def draw_window(paper: str, bar: str, ink: str) -> Image.Image:
    """Draw a window with a title bar, three buttons, round corners, a shadow and a 5."""
    alpha = Image.new("L", (500, 400))
    ImageDraw.Draw(alpha).rounded_rectangle((40, 40, 460, 360), 10, fill=255)
    window = Image.new("RGB", alpha.size, paper)
    draw = ImageDraw.Draw(window)
    draw.rectangle((40, 40, 460, 68), bar)
    for x, color in ((50, "#ff5f57"), (70, "#febc2e"), (90, "#28c840")):
        draw.ellipse((x, 48, x + 12, 60), color)
    draw.text((220, 48), "Untitled 2", "gray")
    window.paste(ink, (180, 130), to_image(1 - DIGIT))
    picture = Image.new("RGBA", alpha.size)
    picture.putalpha(alpha.filter(ImageFilter.GaussianBlur(15)).point(lambda value: value // 2))
    picture.paste(window, (0, 0), alpha)
    return picture


def draw_ink(intensity: np.ndarray, rgb: tuple | np.ndarray = (0, 0, 0)) -> Image.Image:
    """Draw strokes of a color, or of colors (H, W, 3), on transparency."""
    colors = np.broadcast_to(np.asarray(rgb, np.uint8), (*intensity.shape, 3))
    return Image.fromarray(np.dstack([colors, (255 * intensity).astype(np.uint8)]))


def is_read(reader, image: Image.Image, text: str) -> bool:
    reading = reader.read(image_decoding.decode(encode_image(image)))
    return (reading.text, reading.certain) == (text, True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("paper", "ink"), COLORS)
@pytest.mark.parametrize("shadow", [False, True])
def test_digit_on_a_card_is_read(reader, shape, paper, ink, shadow):
    """A white card that covered less than half of a transparent picture was once taken for a stroke."""
    assert is_read(reader, draw_card(shape, paper, ink, shadow), "5")


def test_digit_on_a_rotated_card_or_one_at_the_edge_is_read(reader):
    assert is_read(reader, draw_card("rectangle", "white", "black", True, angle=20), "5")
    assert is_read(reader, draw_card("rectangle", "white", "black", True, left=0), "5")
    assert is_read(reader, draw_card("rectangle", "black", "white", False, left=400), "5")


@pytest.mark.parametrize(
    ("paper", "bar", "ink"),
    [("white", "#f6f6f6", "black"), ("white", "#3c405a", "navy"), ("#1e1e22", "#38383c", "white")],
)
def test_digit_in_a_window_is_read(reader, paper, bar, ink):
    assert is_read(reader, draw_window(paper, bar, ink), "5")


def test_everything_around_a_card_gets_the_color_of_its_paper():
    image = composite(draw_card("rectangle", "#faf0cd", "navy", shadow=True))
    assert image.size == (600, 500)
    assert image.crop((260, 0, 600, 500)).getcolors() == [(340 * 500, (0xFA, 0xF0, 0xCD))]


def test_two_cards_are_two_digits_and_a_card_beside_strokes_is_none(reader):
    picture = draw_card("rectangle", "white", "black", shadow=False)
    picture.alpha_composite(draw_card("rounded_rectangle", "white", "black", False, left=330))
    assert is_read(reader, picture, "55")
    ImageDraw.Draw(picture).line([(100, 350), (400, 450)], "black", 30)
    assert find_card(np.asarray(picture)) is None


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 30, 60)])
def test_strokes_are_no_card(color):
    for stroke_width in (4, 12, 30):
        for digit in "0123456789":
            assert find_card(np.asarray(draw_ink(draw_number(digit, 200, stroke_width), color))) is None


def test_bar_with_a_gradient_or_of_two_colors_is_no_card(reader):
    bar = np.zeros((200, 200), np.float32)
    bar[20:180, 85:115] = 1
    for end in (60, 100, 150, 250):
        gradient = np.linspace(0, end, 200)[:, None, None]
        assert find_card(np.asarray(draw_ink(bar, gradient))) is None
    assert find_card(np.asarray(draw_ink(bar, np.where(np.arange(200)[:, None, None] < 120, 250, 20)))) is None
    assert is_read(reader, draw_ink(bar, (0, 80, 0)), "1")


def test_sticker_with_an_outline_is_read(reader):
    outlined = Image.fromarray((255 * np.pad(DIGIT, 20)).astype(np.uint8))
    alpha = outlined.filter(ImageFilter.MaxFilter(17))
    sticker = Image.composite(Image.new("RGB", alpha.size, "navy"), Image.new("RGB", alpha.size, "white"), outlined)
    sticker.putalpha(alpha)
    assert is_read(reader, sticker, "5")


def test_opaque_picture_and_empty_one_have_no_card():
    assert find_card(np.asarray(draw_card("rectangle", "white", "black", False).crop((70, 100, 250, 280)))) is None
    assert find_card(np.zeros((20, 20, 4), np.uint8)) is None
