"""Characters of many scripts from the fonts of matplotlib, for outliers; those that look like a digit are left out.

DejaVu has some 5,000 characters: Cyrillic, Armenian, Georgian, Hebrew, Arabic, Lao, Tifinagh, Canadian syllabics,
symbols. STIX adds Fraktur, script and double-struck letters, and operators.
"""

import functools
import math
import unicodedata
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digits.data import restyling
from digits.data.glyphs import DIGIT_LIKE_CHARACTERS
from digits.errors import missing_package
from digits.recognition.normalization import normalize

FONT_SIZE = 58  # pixels
MAX_WEIGHT = 14  # pixels by which strokes get wider: then they are about a third of a character's height
COMMON_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic",
                "STIXGeneral", "STIXGeneralItalic", "cmmi10")  # fmt: skip
DISPLAY_FONTS = ("DejaVuSans-Bold", "DejaVuSerif-Bold", "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic",
                 "DejaVuSans-BoldOblique", "DejaVuSansMono-Bold", "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta",
                 "cmss10", "cmtt10", "cmb10", "cmti10")  # fmt: skip
# Fonts of which any character is drawn, with the share of each: those with more scripts more often.
REPERTOIRES = {"DejaVuSans": 0.3, "DejaVuSans-Bold": 0.18, "DejaVuSerif": 0.1, "DejaVuSerif-Bold": 0.12,
               "DejaVuSerif-Italic": 0.06, "DejaVuSansMono-Bold": 0.06, "STIXGeneral": 0.06, "STIXGeneralBol": 0.06,
               "STIXGeneralItalic": 0.06}  # fmt: skip
SKIPPED_CATEGORIES = "NMZC"  # of Unicode: numbers, combining marks, separators, control characters
# Blocks that show one shape over and over, or digits: Braille to playing cards, and shapes of a few dots or bars.
SKIPPED_NAMES = ("BRAILLE", "BOX", "DOMINO", "TETRAGRAM", "HEXAGRAM", "PLAYING", "OGHAM", "DIGIT", "NUMBER", "CIRCLED",
                 "ROMAN", "TONE", "BLOCK")  # fmt: skip
# Like 0 with a stroke or a dot, 2, 3, 4, 5, 6 and 8 as hands write them, not as fonts do: MAX_CORRELATION keeps them.
SKIPPED_CHARACTERS = "ØøǾǿΘѲѳѺѻ∅⌀⊘⊙ʘ☉◎⚆⚇ƧƨꙄꙅⵚᒿƷǮǯʒЗзӞӟӠӡҘҙვჳჰЧчӴӵӋӌҶҷҸҹᏎƼƽбƂƃნȢȣ∂δ♁♀⚥⚲ႽႀʓⱫⱬ"
# Correlation of two blurred, normalized images above which they count as the same shape. A network trained without
# them read with certainty 7 % of DejaVu Sans' characters between 0.7 and it, mostly no look-alikes; above it, 25 %.
MAX_CORRELATION = 0.88
BLUR = 1.0  # pixels, standard deviation: strokes that lie a pixel apart still overlap


def draw_text(text: str, font: str) -> np.ndarray:
    """Draw `text` in a font of matplotlib: (116, 174) in [0, 1]. Raises: UserError: when matplotlib is missing."""
    image = Image.new("L", (3 * FONT_SIZE, 2 * FONT_SIZE))
    ImageDraw.Draw(image).text((1.5 * FONT_SIZE, FONT_SIZE), text, 255, load_font(font)[0], anchor="mm")
    return np.asarray(image, np.float32) / 255


def draw_repertoire_character(rng: np.random.Generator) -> np.ndarray:
    """Draw any character of the `REPERTOIRES` that does not look like a digit: (116, 174) in [0, 1]."""
    while True:
        font = str(rng.choice(list(REPERTOIRES), p=list(REPERTOIRES.values())))
        characters = repertoire(font)
        character = characters[rng.integers(len(characters))]
        if not looks_like_digit(character, font):
            return draw_text(character, font)


def vary_typeface(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change a drawing (H, W) in [0, 1] of a character as display typefaces do: proportions, weight and effects."""
    padded = np.pad(crop(drawing), MAX_WEIGHT)
    scale_x = math.exp(rng.normal(0, 0.3))
    stretched = cv2.resize(padded, None, fx=scale_x, fy=1, interpolation=cv2.INTER_LINEAR)
    varied = restyling.dilate_or_erode(stretched, int(rng.integers(-3, MAX_WEIGHT)), 0.5)
    return EFFECTS[rng.integers(len(EFFECTS))](varied, rng) if rng.random() < 0.4 else varied


def crop(drawing: np.ndarray) -> np.ndarray:
    """Crop a drawing (H, W) in [0, 1] to its ink."""
    left, top, width, height = cv2.boundingRect((drawing > 0.1).astype(np.uint8))
    return drawing[top : top + height, left : left + width]


def _outline(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = int(rng.integers(3, 7))
    return cv2.morphologyEx(drawing, cv2.MORPH_GRADIENT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def _invert(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut the character out of a filled rectangle or ellipse."""
    framed = np.pad(crop(drawing), int(rng.integers(2, 20)))
    frame = np.ones_like(framed)
    if rng.random() < 0.4:
        center = framed.shape[1] // 2, framed.shape[0] // 2
        frame = cv2.ellipse(np.zeros_like(framed), center, center, 0, 0, 360, 1.0, cv2.FILLED)
    return frame * (1 - framed)


def _shade(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a shadow: the same character, shifted and seldom paler."""
    x, y = rng.integers(3, 12, 2)
    shadow = np.roll(np.pad(drawing, 12), (y, x), (0, 1))
    return np.maximum(shadow * rng.choice((1.0, 1.0, 0.5)) - np.pad(_outline(drawing, rng), 12), np.pad(drawing, 12))


def _hatch(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the character in stripes or dots."""
    y, x = np.indices(drawing.shape)
    period = rng.uniform(5, 12)
    stripes = np.sin(y * 2 * math.pi / period) if rng.random() < 0.6 else np.ones_like(drawing)
    if rng.random() < 0.6:
        stripes = np.minimum(stripes, np.sin(x * 2 * math.pi / period))
    return drawing * (stripes > rng.uniform(-0.6, 0.2))


def _pixelate(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the character with 8 to 16 pixels on the longer side, in black and white."""
    scale = rng.uniform(8, 16) / max(drawing.shape)
    small = cv2.resize(drawing, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.resize((small > 0.4 * small.max()).astype(np.float32), None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)


EFFECTS = (_outline, _invert, _shade, _hatch, _pixelate)


@functools.cache
def repertoire(font: str) -> tuple[str, ...]:
    """Return the characters of a font but numbers, marks and the skipped blocks, in the order of their code points."""
    return tuple(character for character in map(chr, sorted(load_font(font)[1])) if _is_wanted(character))


@functools.cache
def looks_like_digit(character: str, font: str) -> bool:
    """Whether a character has about the shape of a digit, or of a letter that many people write like one.

    Blank and tiny characters count as such, too: their few pixels could be anything.
    """
    drawing = draw_text(character, font)
    if np.count_nonzero(drawing > 0.5) < 2 * FONT_SIZE:  # pixels: a dot or a comma has fewer
        return True
    return bool((_digit_shapes() @ shape_vector(normalize(drawing))).max() > MAX_CORRELATION)


def shape_vector(pixels: np.ndarray) -> np.ndarray:
    """Return a normalized digit (28, 28) uint8, blurred, as a vector (196,) of mean 0 and length 1."""
    blurred = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), BLUR)
    vector = cv2.resize(blurred, (14, 14), interpolation=cv2.INTER_AREA).ravel()
    vector -= vector.mean()
    return vector / np.linalg.norm(vector)


@functools.cache
def _digit_shapes() -> np.ndarray:
    """Return the shape vectors (N, 196) of the digits and digit-like letters in the common fonts."""
    texts = [(character, font) for font in COMMON_FONTS for character in "0123456789" + DIGIT_LIKE_CHARACTERS]
    return np.stack([shape_vector(normalize(draw_text(*text))) for text in texts])


def _is_wanted(character: str) -> bool:
    name = unicodedata.name(character, "")
    # The compatibility decomposition of a mathematical, wide or framed digit is the digit.
    has_digit = any(part in "0123456789" + DIGIT_LIKE_CHARACTERS for part in unicodedata.normalize("NFKD", character))
    is_skipped = unicodedata.category(character)[0] in SKIPPED_CATEGORIES or name.startswith(SKIPPED_NAMES)
    is_skipped = is_skipped or character in SKIPPED_CHARACTERS or "DIGIT" in name
    return bool(name) and not is_skipped and not has_digit


@functools.cache
def load_font(name: str) -> tuple[ImageFont.FreeTypeFont, frozenset[int]]:
    """Load a font of matplotlib, with the code points of the characters that it has.

    Raises: UserError: when matplotlib is not installed.
    """
    # Imported here: matplotlib takes 0.1 s of CPU time and belongs to an extra; only training with outliers needs it.
    try:
        import matplotlib  # noqa: PLC0415
        from matplotlib.ft2font import FT2Font  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise missing_package(error) or error from None

    path = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf")
    return ImageFont.truetype(path, FONT_SIZE), frozenset(FT2Font(path).get_charmap())
