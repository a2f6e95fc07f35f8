"""Outliers: normalized images of non-digits, from which the network learns the reject class.

A network that has seen only digits takes everything for a digit. Trained on many other shapes as well, it also rejects
shapes that it has never seen (outlier exposure, Hendrycks et al. 2019, arXiv 1812.04606). All outliers are generated:
characters of many scripts from the fonts of matplotlib and from stroke templates, random characters, scribbles and
doodles from strokes, pairs and parts of the training digits, textures from noise. Most kinds have hard cases of their
own: in short trainings the share of Omniglot's characters read with certainty fell from 15 to 11 %.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from tqdm import tqdm

from digits.data import augmentation, compositions, digit_parts, fonts, glyphs, restyling, synthetic
from digits.data.augmentation import AugmentationRanges
from digits.data.mnist import REJECT_CLASS, ImageDataset
from digits.recognition.normalization import IMAGE_SIZE, normalize

# Without glyphs.DIGIT_LIKE_CHARACTERS.
LETTERS = "aacdeefhhkmmnnprrttuvwwxxACEFGHJKLMNNPRRTTUVWXYY"
GREEK = "αβγδεζηθκλμνξπρτφχψωΓΔΘΛΞΠΣΦΨΩ"
# Printed B and D differ from 8 and 0 more than handwritten ones.
DISPLAY_LETTERS = "AABBCCDDEEFFGGHHJJKLMNPRTUVWXYadefghkmnprtuwxy"
SIGNS = "+×÷=%&@#?$€£§¶*~^<>→←↑↓↔⇒✓✗★☆♥♦♣♠♪♫∞∑∏√∇≈≠≤≥±∈∀∃☺☹☀☂☎✂✈✉ЖИШЩЮЯФДЛЭж"
CANVAS_SIZE = 88  # pixels: outliers are drawn and warped on square canvases, then normalized to 28 pixels
EXTENT = 0.64  # longer side of a shape as a fraction of the canvas: all but extreme warps still fit
# Fractions of a drawing's longer side. With widths from 0.05 to 0.2 on a canvas of 72 pixels strokes were thinner and
# blurrier than MNIST's, and the AUROC of digits against notMNIST and Omniglot was 0.8 points lower.
STROKE_WIDTHS = 0.08, 0.25
DENSE_STROKE_WIDTHS = 0.06, 0.17  # of characters of many strokes, which wider ones would fill
# About the spread of slant and proportions in handwriting; only fonts, which have none, are warped as far as this.
WARP = AugmentationRanges(rotation=12, scale=0.3, shear=0.35, shift=0, elastic=4.3)


def draw_font_character(rng: np.random.Generator, _digits: np.ndarray) -> np.ndarray:
    """Draw a letter or sign of a font, sometimes two, with thinner or thicker strokes."""
    while True:
        characters = (LETTERS, GREEK, SIGNS)[rng.choice(3, p=(0.55, 0.2, 0.25))]
        text = characters[rng.integers(len(characters))]
        if rng.random() < 0.1:
            text += LETTERS[rng.integers(len(LETTERS))]
        font = fonts.COMMON_FONTS[rng.integers(len(fonts.COMMON_FONTS))]
        if fonts.load_font(font)[1].issuperset(map(ord, text)):  # else the font would draw a box
            break
    return _fit_canvas(restyling.dilate_or_erode(fonts.draw_text(text, font), int(rng.integers(-2, 4)), 0.5))


def draw_display_letter(rng: np.random.Generator, _digits: np.ndarray) -> np.ndarray:
    """Draw a Latin letter in the proportions, weights and effects of display typefaces."""
    font = fonts.DISPLAY_FONTS[rng.integers(len(fonts.DISPLAY_FONTS))]
    drawing = fonts.draw_text(DISPLAY_LETTERS[rng.integers(len(DISPLAY_LETTERS))], font)
    return _fit_canvas(fonts.vary_typeface(drawing, rng))


def draw_foreign_character(rng: np.random.Generator, _digits: np.ndarray) -> np.ndarray:
    """Draw a character of one of many scripts, half of them varied like display typefaces."""
    drawing = fonts.draw_repertoire_character(rng)
    return _fit_canvas(fonts.vary_typeface(drawing, rng) if rng.random() < 0.5 else drawing)


def draw_glyph(
    draw_strokes: Callable[[np.random.Generator], glyphs.Strokes],
    rounded_fraction: float,
    stroke_widths: tuple[float, float],
    rng: np.random.Generator,
    _digits: np.ndarray,
) -> np.ndarray:
    """Rasterize strokes with a random width of `stroke_widths`; round the corners of `rounded_fraction` of them."""
    strokes = [torch.from_numpy(stroke).float() for stroke in draw_strokes(rng)]
    if rng.random() < rounded_fraction:
        ratio = torch.tensor(rng.uniform(0.15, 0.27)).float().view(1, 1, 1)
        strokes = [synthetic.chaikin(stroke[None], ratio, iterations=2)[0] for stroke in strokes]
    stroke_width = rng.uniform(*stroke_widths) * EXTENT * CANVAS_SIZE
    return synthetic.rasterize(synthetic.fit_unit_square(strokes), CANVAS_SIZE, stroke_width, size=EXTENT).numpy()


def draw_digit_part(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Draw a mirrored, turned, recombined or crossed digit: a non-digit in MNIST's own pen."""
    return _fit_canvas(digit_parts.draw(rng, digits))


def draw_pair(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Draw two digits, seldom three, side by side: close, touching or overlapping."""
    row, left = np.zeros((IMAGE_SIZE, 4 * IMAGE_SIZE), np.uint8), 0
    for _ in range(rng.choice((2, 2, 2, 3))):
        digit = digits[rng.integers(len(digits))]
        digit = digit[:, digit.any(0)]
        right = left + digit.shape[1]
        shifted = np.roll(digit, rng.integers(-2, 3), 0)
        row[:, left:right] = np.maximum(row[:, left:right], shifted)
        left = max(0, right + rng.integers(-4, 4))
    return _fit_canvas(cv2.resize(row.astype(np.float32) / 255, None, fx=2 * rng.uniform(0.6, 1.1), fy=2))


def draw_fragment(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Draw a part of a digit, cut off straight, at least 7 pixels wide and high: smaller ones would read as a 1."""
    while True:
        digit = digits[rng.integers(len(digits))].astype(np.float32) / 255
        is_horizontal = rng.random() < 0.5
        digit = digit if is_horizontal else digit.T
        rows = digit.any(1).nonzero()[0]
        cut = int(rows[0] + rng.uniform(0.3, 0.6) * len(rows))
        fragment = digit[:cut] if rng.random() < 0.5 else digit[cut:]
        fragment = fragment if is_horizontal else fragment.T
        if min(fragment.any(0).sum(), fragment.any(1).sum()) >= 7:
            return _fit_canvas(fragment)


def draw_texture(rng: np.random.Generator, _digits: np.ndarray) -> np.ndarray:
    """Draw blurred noise above a random threshold: textures, stains and filled shapes."""
    while True:
        noise = rng.normal(0, 1, (CANVAS_SIZE, CANVAS_SIZE)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), math.exp(rng.uniform(0.5, 3.0)))
        noise = (noise - noise.mean()) / noise.std()
        y, x = np.mgrid[-1 : 1 : CANVAS_SIZE * 1j, -1 : 1 : CANVAS_SIZE * 1j]
        if rng.random() < 0.7:
            noise = noise - 3 * (x * x + y * y)
        if rng.random() < 0.3:
            noise = noise + np.sin((x * rng.normal(0, 1) + y * rng.normal(0, 1)) * 20) * 2
        texture = ((noise - rng.uniform(-1.5, 0.5)) * rng.uniform(1, 6)).clip(0, 1)
        if texture.sum() >= 60:  # pixels
            return texture


@dataclass(frozen=True)
class OutlierKind:
    """A kind of outliers.

    draw: returns a canvas (88, 88) in [0, 1], given a generator and training digits (N, 28, 28) uint8.
    fraction: of all outliers.
    warp_strength: strength of its random warp, as a multiple of `WARP`.
    """

    draw: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    fraction: float
    warp_strength: float


KINDS = {
    "font character": OutlierKind(draw_font_character, 0.08, 1.0),
    "display letter": OutlierKind(draw_display_letter, 0.1, 0.4),
    "foreign character": OutlierKind(draw_foreign_character, 0.12, 0.7),
    "character": OutlierKind(functools.partial(draw_glyph, glyphs.draw_character, 1.0, STROKE_WIDTHS), 0.21, 0.4),
    "composition": OutlierKind(
        functools.partial(draw_glyph, compositions.draw_composition, 0.6, DENSE_STROKE_WIDTHS), 0.22, 0.4
    ),
    "scribble": OutlierKind(functools.partial(draw_glyph, glyphs.draw_scribble, 0.85, STROKE_WIDTHS), 0.05, 0.4),
    "doodle": OutlierKind(functools.partial(draw_glyph, glyphs.draw_doodle, 0.0, STROKE_WIDTHS), 0.06, 0.4),
    "pair": OutlierKind(draw_pair, 0.07, 0.5),
    "digit part": OutlierKind(draw_digit_part, 0.05, 0.3),
    "fragment": OutlierKind(draw_fragment, 0.01, 0.0),
    "texture": OutlierKind(draw_texture, 0.03, 0.0),
}


def make_outliers(
    count: int,
    digits: ImageDataset,
    seed: int,
    disable_progress: bool | None = None,
    kinds: Sequence[str] = tuple(KINDS),
) -> ImageDataset:
    """Make `count` outliers of `kinds` in random order, some of them from `digits`, labeled `REJECT_CLASS`."""
    rng = np.random.default_rng(seed)
    fractions = np.array([KINDS[kind].fraction for kind in kinds])
    names = rng.choice(list(kinds), count, p=fractions / fractions.sum())
    digit_images = digits.images[:, 0].cpu().numpy()
    canvases = np.empty((count, CANVAS_SIZE, CANVAS_SIZE), np.uint8)
    for number, name in enumerate(tqdm(names, "drawing outliers", leave=False, disable=disable_progress)):
        canvases[number] = (255 * KINDS[name].draw(rng, digit_images)).round()
    images = warp_and_normalize(canvases, names, torch.Generator().manual_seed(seed))
    return ImageDataset(images, torch.full((count,), REJECT_CLASS))


def warp_and_normalize(canvases: np.ndarray, names: np.ndarray, generator: torch.Generator) -> torch.Tensor:
    """Warp canvases (N, 88, 88) uint8, each as far as its kind allows, and normalize them: (N, 1, 28, 28) uint8.

    names: keys of `KINDS`, one for each canvas.
    """
    warped = torch.from_numpy(canvases)[:, None]
    for name, kind in KINDS.items():
        of_kind = torch.from_numpy(names == name)
        ranges = WARP.scaled(kind.warp_strength, elastic=kind.warp_strength * WARP.elastic)
        warped[of_kind] = augmentation.augment(warped[of_kind], ranges, generator)
    normalized = [normalize(canvas.astype(np.float32) / 255) for canvas in warped[:, 0].numpy()]
    return torch.from_numpy(np.stack(normalized))[:, None]


def _fit_canvas(drawing: np.ndarray) -> np.ndarray:
    """Crop a drawing (H, W) in [0, 1] and scale it to `EXTENT` in the middle of a canvas."""
    left, top, width, height = cv2.boundingRect((drawing > 0.1).astype(np.uint8))
    scale = EXTENT * CANVAS_SIZE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(drawing[top : top + height, left : left + width], size, interpolation=interpolation)
    canvas = np.zeros((CANVAS_SIZE, CANVAS_SIZE), np.float32)
    left, top = (CANVAS_SIZE - size[0]) // 2, (CANVAS_SIZE - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = scaled
    return canvas
