"""Draw `docs/reading.png`: fourteen pictures and their readings by the weights that ship.

    python -m scripts.make_gallery

Digits and glyphs are synthetic, so that nobody's handwriting is copied.
"""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import torch
from PIL import Image

import model
from bench.sample_images import blend, draw_number, to_8_bit, to_image
from digits.data import glyphs, synthetic
from digits.explain.figures import CERTAIN_COLOR, STYLE, UNCERTAIN_COLOR, new_figure, plot_picture
from digits.recognition.reader import Reader
from digits.recognition.results import Reading

ROOT = Path(__file__).parents[1]
COLUMNS = 7


def in_shadow(intensity: np.ndarray) -> Image.Image:
    """A photo whose light falls off, with a shadow across a corner."""
    height, width = intensity.shape
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = (1 - 0.35 * y) * np.where(x + 0.4 * y > 0.75, 0.65, 1)
    light = cv2.GaussianBlur(light, (0, 0), 6)[..., None] * (228, 220, 206)
    noise = np.random.default_rng(1).normal(0, 3, (height, width, 1))
    return to_8_bit(blend(light + noise, (38, 52, 120), 0.9 * intensity))


def on_squared_paper(intensity: np.ndarray) -> Image.Image:
    background = np.full((*intensity.shape, 3), 250.0)
    background[9::18], background[:, 9::18] = (170, 195, 230), (170, 195, 230)
    return to_8_bit(blend(background, (30, 40, 110), intensity))


def on_table(intensity: np.ndarray) -> Image.Image:
    """A photo of a page on a table, slightly rotated."""
    height, width = 260, 320
    top, left = (height - intensity.shape[0]) // 2, (width - intensity.shape[1]) // 2
    inside = np.s_[top : top + intensity.shape[0], left : left + intensity.shape[1]]
    pixels = np.full((height, width, 3), (104, 74, 52), np.float32)
    pixels[inside] = blend((236, 232, 222), (30, 46, 120), intensity)
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), 5, 1)
    pixels = cv2.warpAffine(pixels, rotation, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return to_8_bit(pixels + np.random.default_rng(1).normal(0, 3, (height, width, 1)))


def draw_sloping_number(text: str) -> np.ndarray:
    intensity = draw_number(text, height=150, stroke_width=8)
    height, width = intensity.shape
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), 8, 1)
    return cv2.warpAffine(np.pad(intensity, ((50, 50), (0, 0))), rotation, (width, height + 100))


def draw_two_lines(first: str, second: str) -> np.ndarray:
    rows = [draw_number(text, height=120, stroke_width=7, seed=seed) for text, seed in ((first, 3), (second, 4))]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])


def draw_glyph(strokes: list[np.ndarray] | list[synthetic.Stroke]) -> Image.Image:
    """Draw strokes in any units in black on white."""
    paths = synthetic.fit_unit_square([torch.tensor(np.asarray(stroke, np.float32)) for stroke in strokes])
    return to_image(synthetic.rasterize(paths, 220, 14, size=0.7).numpy())


def make_pictures() -> list[tuple[str, Image.Image]]:
    """Return the pictures with their captions."""
    rng = np.random.default_rng(4)
    marker = synthetic.rasterize(synthetic.digit_strokes(3, torch.Generator().manual_seed(5)), 220, 34).numpy()
    return [
        ("in bad light", in_shadow(draw_number("5", height=220, stroke_width=13, seed=3))),
        ("on squared paper", on_squared_paper(draw_number("8", height=220, stroke_width=10, seed=2))),
        ("a hairline", to_image(draw_number("6", height=220, stroke_width=1.5, seed=2))),
        ("on a table", on_table(draw_number("4", height=170, stroke_width=11, seed=2))),
        ("a marker", to_8_bit(blend((255, 246, 180), (200, 40, 60), marker))),
        (
            "chalk",
            to_8_bit(blend((38, 74, 60), (236, 238, 230), draw_number("9", height=220, stroke_width=14, seed=4))),
        ),
        ("a number", to_image(draw_number("2026", height=150, stroke_width=9, seed=2))),
        ("up a slope", to_8_bit(blend((245, 242, 235), (30, 60, 140), draw_sloping_number("314")))),
        ("two lines", to_image(draw_two_lines("1905", "27"))),
        ("touching", to_image(draw_number("58", height=160, stroke_width=9, gap=-0.06, seed=1))),
        ("a sign", draw_glyph(glyphs.CHARACTER_TEMPLATES["hash"][0])),
        ("a scribble", draw_glyph(glyphs.draw_scribble(rng))),
        ("a face", draw_glyph(glyphs.draw_face(rng))),
        ("nothing", in_shadow(np.zeros((220, 220), np.float32))),
    ]


def describe(reading: Reading) -> str:
    if reading.error:
        return reading.error.code
    return reading.text if reading.certain else f"perhaps {reading.text}, {reading.probability:.0%}"


@matplotlib.rc_context(STYLE)
def main() -> None:
    reader, pictures = Reader(model.load(ROOT / "mnist.pth"), line_network=model.load_line_reader()), make_pictures()
    rows = -(-len(pictures) // COLUMNS)
    figure = new_figure(1.75 * COLUMNS, 2.35 * rows)
    for number, (caption, image) in enumerate(pictures):
        axes = figure.add_subplot(rows, COLUMNS, number + 1)
        reading = reader.read(image)
        color = CERTAIN_COLOR if reading.certain or reading.error else UNCERTAIN_COLOR
        plot_picture(axes, image, reading.digits)
        axes.set_title(describe(reading), size=12, color=color)
        axes.set_xlabel(caption, size=9, color="#52606d")
    figure.savefig(ROOT / "docs" / "reading.png", dpi=120)


if __name__ == "__main__":
    main()
