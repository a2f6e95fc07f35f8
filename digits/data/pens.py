"""Digits as pens, forms and scanners deform them: dry or hair-thin strokes, lost proportions, few pixels.

All functions take a digit (28, 28) uint8 and return it normalized again, (28, 28) uint8.
"""

import cv2
import numpy as np

from digits.recognition.normalization import DIGIT_SIZE, normalize

INK = 60  # of 255: pixels above it belong to strokes
# Of the digit's longer side: the part of a stroke that a dry pen leaves out. Longer gaps make other digits.
GAPS = 0.12, 0.32
BITMAP_SIDES = 11, 21  # pixels
HAIRLINE_SCALE = 4  # times the size: strokes of MNIST are then 8 to 16 pixels wide, and their middle is clear


def deform(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deform a digit in one random way, seldom in two."""
    for _ in range(rng.choice((1, 1, 1, 2))):
        image = DEFORMATIONS[rng.integers(len(DEFORMATIONS))](image, rng)
    return image


def stretch(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Stretch a digit to fill a square, or squeeze it to 45 to 80 % of its width or height."""
    ink = _crop(image)
    height, width = ink.shape
    if rng.random() < 0.5:
        side = 3 * DIGIT_SIZE
        return normalize(_resize(ink, side, side))  # a 1 becomes a band across, or nearly a block
    squeeze = rng.uniform(0.45, 0.8)
    scale_x, scale_y = (squeeze, 1) if rng.random() < 0.6 else (1, squeeze)
    return normalize(_resize(ink, max(6, round(3 * width * scale_x)), max(6, round(3 * height * scale_y))))


def make_bitmap(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit in black and white with few pixels, half of the time stretched to a square."""
    ink, side = _crop(image), int(rng.integers(*BITMAP_SIDES))
    height, width = ink.shape
    scale = side / max(height, width)
    width, height = max(2, round(width * scale)), max(2, round(height * scale))
    if rng.random() < 0.5:
        width, height = side, side
    small = _resize(ink, width, height)
    return normalize((small > rng.uniform(0.3, 0.55) * small.max()).astype(np.float32))


def dry(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Leave out one or two pieces of the strokes, wholly or nearly."""
    remaining = image.astype(np.float32) / 255
    rows, columns = np.nonzero(image > INK)
    y, x = np.indices(image.shape)
    for _ in range(rng.choice((1, 1, 2))):
        number = rng.integers(len(rows))
        radius = rng.uniform(*GAPS) * DIGIT_SIZE / 2
        distance = np.hypot(y - rows[number], x - columns[number])
        remaining = remaining * (distance - radius + 0.5).clip(rng.choice((0, 0, 0.2)), 1)
    return normalize(remaining) if remaining.sum() > 0.5 * image.sum() / 255 else image


def thin(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a digit with hairlines along the middle of its strokes, a little broken."""
    large = _resize(image.astype(np.float32) / 255, *(HAIRLINE_SCALE * side for side in image.shape))
    distance = cv2.distanceTransform((large > 0.4).view(np.uint8), cv2.DIST_L2, 5)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    middle = ((distance > cv2.dilate(distance, kernel) - 0.3) & (distance > 1)).astype(np.float32)
    line = cv2.dilate(middle, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)), iterations=int(rng.integers(1, 3)))
    line = cv2.GaussianBlur(line, (0, 0), rng.uniform(0.6, 2.0))
    return normalize(line) if line.any() else image


def _crop(image: np.ndarray) -> np.ndarray:
    """Crop a digit to its ink: (H, W) float in [0, 1]."""
    left, top, width, height = cv2.boundingRect((image > INK).view(np.uint8))
    return image[top : top + height, left : left + width].astype(np.float32) / 255


def _resize(ink: np.ndarray, width: int, height: int) -> np.ndarray:
    is_smaller = width < ink.shape[1] or height < ink.shape[0]
    interpolation = cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC
    return cv2.resize(ink, (width, height), interpolation=interpolation).clip(0, 1)


DEFORMATIONS = (stretch, make_bitmap, dry, thin)
