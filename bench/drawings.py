"""Measure how well drawings are read, as pictures of pen strokes and as strokes (`POST /api` takes both).

    python -m bench.drawings

The strokes are synthetic (digits/data/synthetic.py), on the paper of the page: 1000x750 units, drawn with its pens. The
last line is one JSON object.
"""

import argparse
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

import model
from bench.results import print_json
from digits.data import synthetic
from digits.recognition.reader import Reader
from digits.recognition.results import Reading
from digits.recognition.strokes import Drawing

PAPER_WIDTH, PAPER_HEIGHT = 1000, 750  # units, as in static/js/strokes.js
PEN_WIDTHS = {"thin": 24, "medium": 40, "thick": 75}  # units, as there
PICTURE_SCALE = 0.36  # pixels per unit: the picture that the page sends is 360 pixels wide
SUPERSAMPLING = 4  # of each pixel, in both directions: smooth edges as in a browser
Strokes = list[np.ndarray]  # each (P, 2), in units


def place_digits(text: str, height: float, gap: tuple[float, float], rng: np.random.Generator) -> Strokes:
    """Write digits side by side from (0, 0) on, up to 10 % lower than `height` units and up to 5 % above the line.

    gap: least and largest distance between the points of neighbors, in heights; below 0 they overlap.
    """
    placed, left = [], 0.0
    for label in text:
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        strokes = [stroke.double().numpy() for stroke in synthetic.digit_strokes(int(label), generator)]
        points = np.concatenate(strokes)
        scale = height * rng.uniform(0.9, 1) / max(np.ptp(points[:, 1]), 0.6 * np.ptp(points[:, 0]))
        low = points.min(0)
        offset = [left, rng.uniform(-0.05, 0.05) * height]
        placed += [(stroke - low) * scale + offset for stroke in strokes]
        left += np.ptp(points[:, 0]) * scale + rng.uniform(*gap) * height
    return placed


def place_on_paper(strokes: Strokes, rng: np.random.Generator, margin: float = 40) -> Strokes:
    """Move strokes to a random place on the paper, `margin` units from its sides; reduce what is too wide."""
    points = np.concatenate(strokes)
    low, extent = points.min(0), np.ptp(points, axis=0)
    room = np.array([PAPER_WIDTH, PAPER_HEIGHT]) - 2 * margin
    scale = min(1.0, *(room / np.maximum(extent, 1)))
    offset = margin + rng.uniform(0, 1, 2) * (room - extent * scale)
    return [(stroke - low) * scale + offset for stroke in strokes]


def link_strokes(strokes: Strokes) -> Strokes:
    """Write all strokes without lifting the pen."""
    return [np.concatenate(strokes)]


def draw_picture(strokes: Strokes, pen_width: float) -> Image.Image:
    """Draw strokes as the page does for a picture: black on white, with a pen of a fixed width in units."""
    scale = PICTURE_SCALE * SUPERSAMPLING
    size = round(PAPER_HEIGHT * scale), round(PAPER_WIDTH * scale)
    pixels = np.full(size, 255, np.uint8)
    for stroke in strokes:
        points = np.rint(stroke * scale).astype(np.int32)
        cv2.polylines(pixels, [points], False, 0, max(1, round(pen_width * scale)))
    small = cv2.resize(pixels, None, fx=1 / SUPERSAMPLING, fy=1 / SUPERSAMPLING, interpolation=cv2.INTER_AREA)
    return Image.fromarray(small)


def random_text(count: int, rng: np.random.Generator) -> str:
    return "".join(map(str, rng.integers(10, size=count)))


def number(count: int, low: float, high: float, gap: tuple[float, float]) -> Callable[..., tuple[str, Strokes]]:
    """Return a function that draws numbers of `count` digits, `low` to `high` paper heights high."""

    def make(rng: np.random.Generator) -> tuple[str, Strokes]:
        text = random_text(count, rng)
        return text, place_on_paper(place_digits(text, rng.uniform(low, high) * PAPER_HEIGHT, gap, rng), rng)

    return make


def linked_pair(rng: np.random.Generator) -> tuple[str, Strokes]:
    """Two digits of one stroke each, written without lifting the pen."""
    while True:
        text, strokes = number(2, 0.2, 0.5, (0.05, 0.3))(rng)
        if len(strokes) == 2:
            return text, link_strokes(strokes)


# Name → (what is drawn, the pens that people take for it).
KINDS: dict[str, tuple[Callable[..., tuple[str, Strokes]], tuple[str, ...]]] = {
    "one digit": (number(1, 0.3, 0.85, (0, 0)), ("medium", "thick")),
    "one digit of 10 to 30 %": (number(1, 0.1, 0.3, (0, 0)), ("thin", "medium")),
    "one digit of 5 to 10 %": (number(1, 0.05, 0.1, (0, 0)), ("thin", "medium")),
    "2 to 4 digits": (
        lambda rng: number(int(rng.integers(2, 5)), 0.2, 0.5, (0.1, 0.5))(rng),
        ("thin", "medium"),
    ),
    "11 digits of 6 to 9 %": (number(11, 0.06, 0.09, (0.15, 0.4)), ("thin", "medium")),
    "2 digits that touch": (number(2, 0.2, 0.5, (-0.05, 0.05)), ("thin", "medium")),
    "2 digits that overlap": (number(2, 0.2, 0.5, (-0.2, -0.05)), ("thin", "medium")),
    "4 digits that overlap": (number(4, 0.2, 0.4, (-0.15, 0)), ("thin", "medium")),
    "2 digits in one stroke": (linked_pair, ("thin", "medium")),
}


def score(readings: list[tuple[str, Reading]]) -> dict[str, float]:
    """Percentages of readings that are wrong, certain, and wrong and certain."""
    wrong = np.array([reading.text != text for text, reading in readings])
    certain = np.array([reading.certain for _, reading in readings])
    rates = {"wrong": wrong, "certain": certain, "wrong_and_certain": wrong & certain}
    return {name: round(100 * float(rate.mean()), 1) for name, rate in rates.items()}


def measure(reader: Reader, make: Callable, pens: Sequence[str], count: int, rng: np.random.Generator) -> dict:
    """Read drawings of one kind as pictures and as strokes."""
    pictures, drawings = [], []
    for _ in tqdm(range(count), leave=False, disable=None):
        text, strokes = make(rng)
        picture = draw_picture(strokes, PEN_WIDTHS[str(rng.choice(pens))])
        pictures.append((text, reader.read(picture)))
        drawings.append((text, reader.trace_drawing(Drawing(strokes, PAPER_WIDTH, PAPER_HEIGHT)).reading))
    return {"as_pictures": score(pictures), "as_strokes": score(drawings)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="drawings of each kind")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader, results = Reader(model.load(), line_network=model.load_line_reader()), {}
    print("percent:                  pictures wrong, certain, both   strokes wrong, certain, both")
    for index, (name, (make, pens)) in enumerate(KINDS.items()):
        results[name] = measure(reader, make, pens, args.count, np.random.default_rng([args.seed, index]))
        rates = [f"{rate:5.1f}" for scores in results[name].values() for rate in scores.values()]
        print(f"{name:25s}", *rates, flush=True)
    print_json("drawings", {"count": args.count, "seed": args.seed, "kinds": results})


if __name__ == "__main__":
    main()
