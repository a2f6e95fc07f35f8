"""What is no digit, in the MNIST frame, so that training can teach the network to say so.

A network that saw only digits takes everything for one. Shown many other things, with all ten digits as
likely as each other for an answer, it also doubts what it was never shown (outlier exposure, Hendrycks et
al. 2019, arXiv 1812.04606). Nothing is collected: letters and signs come from the fonts that matplotlib
brings, bent as a hand would, and from strokes (`digits/data/glyphs.py`); scribbles and drawings from random strokes;
two digits in one frame and pieces of digits from the training digits; the rest is blots.
"""

import functools
import math
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from digits.data import glyphs, restyling, synthetic
from digits.data.mnist import REJECT_CLASS, ImageDataset
from digits.recognition import normalization

# No letters or signs that many hands write like a digit: o, l, z, s, b, g, q, y, B, D, I, O, Q, S, Z …
LETTERS = "aacdeefhhkmmnnprrttuvwwxxACEFGHJKLMNNPRRTTUVWXYY"
GREEK = "αβγδεζηθκλμνξπρτφχψωΓΔΘΛΞΠΣΦΨΩ"
SIGNS = "+×÷=%&@#?$€£§¶*~^<>→←↑↓↔⇒✓✗★☆♥♦♣♠♪♫∞∑∏√∇≈≠≤≥±∈∀∃☺☹☀☂☎✂✈✉ЖИШЩЮЯФДЛЭж"
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral",
         "STIXGeneralItalic", "cmmi10")  # fmt: skip
CHARACTERS = tuple(glyphs.CHARACTER_TEMPLATES)
CANVAS = 72  # pixels that they are drawn on before they are framed
MIXTURE = {"glyph": 0.2, "letter": 0.3, "scribble": 0.14, "drawing": 0.12, "pair": 0.14, "piece": 0.03, "blot": 0.07}


def make_outliers(count: int, digits: ImageDataset, seed: int, disable_progress: bool | None = None) -> ImageDataset:
    """`count` things that are no digit, labelled NONE, some of them made of `digits`."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(list(MIXTURE), count, p=list(MIXTURE.values()))
    images = torch.empty(count, 1, 28, 28, dtype=torch.uint8)
    for number, kind in enumerate(tqdm(kinds, "drawing what is no digit", leave=False, disable=disable_progress)):
        images[number, 0] = torch.from_numpy(GENERATORS[kind](rng, digits))
    return ImageDataset(images, torch.full((count,), REJECT_CLASS))


def glyph(rng: np.random.Generator, digits: ImageDataset) -> np.ndarray:
    """A letter or sign as a hand might write it, sometimes two."""
    while True:
        characters = (LETTERS, GREEK, SIGNS)[rng.choice(3, p=(0.55, 0.2, 0.25))]
        text = characters[rng.integers(len(characters))]
        if rng.random() < 0.1:
            text += LETTERS[rng.integers(len(LETTERS))]
        font, known = _font(FONTS[rng.integers(len(FONTS))])
        if not known.issuperset(map(ord, text)):
            continue  # a box would be drawn
        drawn = Image.new("L", (CANVAS * 2, CANVAS * 2))
        ImageDraw.Draw(drawn).text((CANVAS, CANVAS), text, 255, font, anchor="mm")
        ink = np.asarray(drawn, np.float32) / 255
        if ink.sum() > 50:
            break
    return _normalize(_random_affine_elastic(restyling.dilate_or_erode(ink, rng.integers(-2, 4), 0.5), rng, 1.0), rng)


def letter(rng: np.random.Generator, digits: ImageDataset) -> np.ndarray:
    """A letter or sign in strokes, sometimes two side by side as in a word."""
    strokes: list[np.ndarray] = []
    for place in range(1 + (rng.random() < 0.15)):
        variants = glyphs.CHARACTER_TEMPLATES[CHARACTERS[rng.integers(len(CHARACTERS))]]
        wide = math.exp(rng.normal(0, 0.2))
        for stroke in variants[rng.integers(len(variants))]:
            points = np.array(stroke) + rng.normal(0, 0.035, (len(stroke), 2)) + rng.normal(0, 0.02, (1, 2))
            strokes.append(points * (wide, 1) + (0.75 * place, 0))
    slant = rng.normal(0.1, 0.15)
    return _draw_strokes([s + (slant, 0) * (0.5 - s[:, 1:]) for s in strokes], rng, rounded=True)


def scribble(rng: np.random.Generator, digits: ImageDataset) -> np.ndarray:
    """A pen that wanders."""
    strokes = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        count = rng.integers(4, 16)
        if rng.random() < 0.5:
            points = rng.uniform(0, 1, (count, 2))
        else:
            points = rng.normal(0, 0.3, (count, 2)).cumsum(0)
        strokes.append(points)
    return _draw_strokes(strokes, rng, rounded=rng.random() < 0.85)


def drawing(rng: np.random.Generator, digits: ImageDataset) -> np.ndarray:
    """What people doodle."""
    strokes = glyphs.DRAWINGS[rng.integers(len(glyphs.DRAWINGS))](rng)
    squash = rng.uniform(0.6, 1.0)
    return _draw_strokes([(s + rng.normal(0, 0.03, s.shape)) * (squash, 1) for s in strokes], rng, rounded=False)


def pair(rng: np.random.Generator, digits: ImageDataset) -> np.ndarray:
    """Two digits, seldom three, side by side, near or touching."""
    images = [digits.images[rng.integers(len(digits)), 0].cpu().numpy() for _ in range(rng.choice((2, 2, 2, 3)))]
    pieces = [image[:, image.any(0).nonzero()[0].min() : image.any(0).nonzero()[0].max() + 1] for image in images]
    row = pieces[0]
    for piece in pieces[1:]:
        gap = rng.integers(-4, 4)
        wide = np.zeros((28, max(row.shape[1] + piece.shape[1] + gap, piece.shape[1])), np.uint8)
        wide[:, : row.shape[1]] = row[:, : wide.shape[1]]
        drop = np.roll(piece, rng.integers(-2, 3), 0)
        wide[:, -piece.shape[1] :] = np.maximum(wide[:, -piece.shape[1] :], drop)
        row = wide
    squeeze = rng.uniform(0.6, 1.1)
    ink = cv2.resize(row.astype(np.float32) / 255, None, fx=2 * squeeze, fy=2, interpolation=cv2.INTER_LINEAR)
    return _normalize(_random_affine_elastic(ink, rng, 0.5), rng)


def piece(rng: np.random.Generator, digits: ImageDataset) -> np.ndarray:
    """Most of a wide digit, cut off across: neither the digit nor another."""
    while True:
        image = digits.images[rng.integers(len(digits)), 0].cpu().numpy().astype(np.float32) / 255
        rows, columns = image.any(1).nonzero()[0], image.any(0).nonzero()[0]
        if rng.random() < 0.5:
            cut = int(rows[0] + rng.uniform(0.3, 0.6) * len(rows))
            part = image[:cut] if rng.random() < 0.5 else image[cut:]
        else:
            cut = int(columns[0] + rng.uniform(0.35, 0.65) * len(columns))
            part = image[:, :cut] if rng.random() < 0.5 else image[:, cut:]
        if part.any() and part.any(0).sum() >= 7 and part.any(1).sum() >= 7:
            return _normalize(cv2.resize(part, None, fx=2, fy=2), rng)


def texture(rng: np.random.Generator, digits: ImageDataset) -> np.ndarray:
    """Noise of some coarseness, cut at some height: texture, stains, filled shapes."""
    noise = cv2.GaussianBlur(
        rng.normal(0, 1, (CANVAS, CANVAS)).astype(np.float32), (0, 0), math.exp(rng.uniform(0.3, 2.8))
    )
    noise = (noise - noise.mean()) / noise.std()
    y, x = np.mgrid[-1 : 1 : CANVAS * 1j, -1 : 1 : CANVAS * 1j]
    if rng.random() < 0.7:
        noise = noise - 3 * (x * x + y * y)
    if rng.random() < 0.3:
        noise = noise + np.sin((x * rng.normal(0, 1) + y * rng.normal(0, 1)) * 20) * 2
    ink = ((noise - rng.uniform(-1.5, 0.5)) * rng.uniform(1, 6)).clip(0, 1).astype(np.float32)
    if ink.sum() < 40:
        return texture(rng, digits)
    return _normalize(ink, rng)


GENERATORS = {
    "glyph": glyph,
    "letter": letter,
    "scribble": scribble,
    "drawing": drawing,
    "pair": pair,
    "piece": piece,
    "blot": texture,
}


@functools.cache
def _font(name: str) -> tuple[ImageFont.FreeTypeFont, frozenset[int]]:
    """A font and the characters that it has."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    path = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf")
    return ImageFont.truetype(path, CANVAS * 0.8), frozenset(FT2Font(path).get_charmap())


def _draw_strokes(strokes: list[np.ndarray], rng: np.random.Generator, rounded: bool) -> np.ndarray:
    """Strokes (P, 2) in any units, inked with some pen, framed."""
    paths = [torch.from_numpy(np.asarray(stroke, np.float32))[None] for stroke in strokes]
    if rounded:
        paths = [synthetic.chaikin(path, torch.full((1, 1, 1), float(rng.uniform(0.15, 0.27)))) for path in paths]
    points = torch.cat(paths, 1)[0].numpy()
    low, high = points.min(0), points.max(0)
    scale = 0.8 * CANVAS / max(high - low)
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    pen = max(1, round(rng.uniform(0.05, 0.2) * CANVAS * 0.8))
    for path in paths:
        placed = (path[0].numpy() - (low + high) / 2) * scale + CANVAS / 2
        cv2.polylines(canvas, [np.round(placed * 16).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 4)
    return _normalize(_random_affine_elastic(canvas.astype(np.float32) / 255, rng, 0.4), rng)


def _random_affine_elastic(ink: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """`ink` (H, W), turned, slanted, squashed and bent at random."""
    height, width = ink.shape
    angle, slant = rng.normal(0, 0.12) * strength, rng.normal(0, 0.2) * strength
    matrix = np.array([[math.cos(angle), slant - math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = matrix @ np.diag(np.exp(rng.normal(0, 0.18, 2) * strength))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    knots = rng.normal(0, 0.03 * strength * max(height, width), (2, 4, 4)).astype(np.float32)
    bend = [cv2.resize(k, (width, height), interpolation=cv2.INTER_CUBIC) for k in knots]
    u, v = x - width / 2, y - height / 2
    across = (matrix[0, 0] * u + matrix[0, 1] * v + width / 2 + bend[0]).astype(np.float32)
    down = (matrix[1, 0] * u + matrix[1, 1] * v + height / 2 + bend[1]).astype(np.float32)
    return cv2.remap(ink, across, down, cv2.INTER_LINEAR)


def _normalize(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if ink.max() < 0.2:
        return glyph(rng, None)
    return normalization.normalize(ink)
