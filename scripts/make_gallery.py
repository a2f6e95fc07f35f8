"""Draws `docs/reading.png`: what is read and what is not, as the weights that ship read it. Run it to make it anew.

Nobody's handwriting is copied: digits are synthetic, the rest is what `digits.data.outliers` draws.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

import model
from bench.images import draw_number, to_image
from digits.data import glyphs, outliers, synthetic
from digits.explain.figures import CERTAIN_COLOR, UNCERTAIN_COLOR
from digits.recognition.reader import Reader

DOCS = Path(__file__).parents[1] / "docs"


def on(paper: np.ndarray, colour: tuple[int, int, int], ink: np.ndarray) -> Image.Image:
    """Ink (H, W) of one colour on paper (H, W, 3) or of one colour."""
    pixels = np.asarray(paper) * (1 - ink[..., None]) + np.array(colour) * ink[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def in_shade(ink: np.ndarray) -> Image.Image:
    """A photo: the light falls off, and a hand throws a shadow."""
    height, width = ink.shape
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = (1 - 0.35 * y) * np.where(x + 0.4 * y > 0.75, 0.65, 1)
    light = cv2.GaussianBlur(light, (0, 0), 6)[..., None] * (228, 220, 206)
    return on(light + np.random.default_rng(1).normal(0, 3, (height, width, 1)), (38, 52, 120), 0.9 * ink)


def squared(ink: np.ndarray) -> Image.Image:
    paper = np.full((*ink.shape, 3), 250.0)
    paper[9::18], paper[:, 9::18] = (170, 195, 230), (170, 195, 230)
    return on(paper, (30, 40, 110), ink)


def on_a_table(ink: np.ndarray) -> Image.Image:
    """A photo of a sheet that lies on a table, a little turned."""
    height, width = 260, 320
    sheet = np.zeros((height, width, 1), np.float32)
    down, across = (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2
    place = np.s_[down : down + ink.shape[0], across : across + ink.shape[1]]
    sheet[place] = 1
    written = np.zeros((height, width, 1), np.float32)
    written[place] = ink[..., None]
    paper = sheet * (236, 232, 222) + (1 - sheet) * (104, 74, 52)
    pixels = paper * (1 - written) + written * (30, 46, 120)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 5, 1)
    pixels = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    grain = np.random.default_rng(1).normal(0, 3, (height, width, 1))
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def sloping(text: str) -> np.ndarray:
    ink = draw_number(text, height=150, stroke_width=8)
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 8, 1)
    return cv2.warpAffine(np.pad(ink, ((50, 50), (0, 0))), turn, (width, height + 100))


def two_lines(first: str, second: str) -> np.ndarray:
    rows = [
        draw_number(first, height=120, stroke_width=7, seed=3),
        draw_number(second, height=120, stroke_width=7, seed=4),
    ]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])


def large(frame: np.ndarray) -> Image.Image:
    """A frame (28, 28) as black on white."""
    return to_image(cv2.resize(frame, (224, 224), interpolation=cv2.INTER_CUBIC).clip(0, 255) / 255)


def pictures() -> list[tuple[str, Image.Image]]:
    """What is shown, each with what it is."""
    random, digits = np.random.default_rng(4), synthetic.synthetic_digits(100, torch.Generator().manual_seed(1))
    one = synthetic.rasterize(synthetic.digit_strokes(3, torch.Generator().manual_seed(5)), 220, 34).numpy()
    return [
        ("in bad light", in_shade(draw_number("5", height=220, stroke_width=13, seed=3))),
        ("on squared paper", squared(draw_number("8", height=220, stroke_width=10, seed=2))),
        ("a hairline", to_image(draw_number("6", height=220, stroke_width=1.5, seed=2))),
        ("on a table", on_a_table(draw_number("4", height=170, stroke_width=11, seed=2))),
        ("a marker", on((255, 246, 180), (200, 40, 60), one)),
        ("chalk", on((38, 74, 60), (236, 238, 230), draw_number("9", height=220, stroke_width=14, seed=4))),
        ("a number", to_image(draw_number("2026", height=150, stroke_width=9, seed=2))),
        ("up a slope", on((245, 242, 235), (30, 60, 140), sloping("314"))),
        ("two lines", to_image(two_lines("1905", "27"))),
        ("touching", to_image(draw_number("58", height=160, stroke_width=9, gap=-0.06, seed=1))),
        ("a sign", large(outliers.letter(random, digits))),
        ("a scribble", large(outliers.scribble(random, digits))),
        ("a face", large(outliers._draw_strokes(glyphs.face(random), random, rounded=False))),
        ("nothing", in_shade(np.zeros((220, 220), np.float32))),
    ]


def main() -> None:
    reader, shown = Reader(model.load("mnist.pth")), pictures()
    columns = 7
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(1.75 * columns, 2.35 * rows), dpi=120, layout="constrained")
    for number, (name, image) in enumerate(shown):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("#9aa5b1")
        reading = reader.read(image)
        if reading.error:
            said, colour = reading.error.code, CERTAIN_COLOR
        else:
            colour = CERTAIN_COLOR if reading.certain else UNCERTAIN_COLOR
            said = reading.text if reading.certain else f"perhaps {reading.text}, {reading.probability:.0%}"
            for digit in reading.digits:
                left, top, right, bottom = digit.box
                axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour))
        axes.set_title(said, size=12, color=colour)
        axes.set_xlabel(name, size=9, color="#52606d")
    figure.savefig(DOCS / "reading.png")


if __name__ == "__main__":
    main()
