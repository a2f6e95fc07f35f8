"""Pictures for bench/robustness.py: digits on bad paper, in bad light, by other pens, and deformed.

Each maker takes digits and a random generator, and returns a file and the text that it shows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from bench.sample_images import encode_image
from digits.data.mnist import ImageDataset

Generator = np.random.Generator


@dataclass(frozen=True)
class LabeledForeground:
    """The intensity (H, W) of a foreground in [0, 1], and the digits that it shows."""

    intensity: np.ndarray
    text: str

    @property
    def shape(self) -> tuple[int, int]:
        return self.intensity.shape


def crop_digit(digits: ImageDataset, rng: Generator) -> tuple[np.ndarray, str]:
    """Choose a digit; return it without its margin, (h, w) uint8, and its label."""
    index = int(rng.integers(len(digits)))
    image = digits.images[index, 0].numpy()
    rows, columns = image.any(1).nonzero()[0], image.any(0).nonzero()[0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], str(int(digits.labels[index]))


def place_digit(digits: ImageDataset, rng: Generator, shape: tuple[int, int], size: float) -> LabeledForeground:
    """Place a digit of `size` pixels anywhere in a picture of `shape`; large digits get sharp edges."""
    digit, text = crop_digit(digits, rng)
    scale = size / max(digit.shape)
    large = cv2.resize(np.pad(digit, 2) / np.float32(255), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if size > 60:
        large = 1 / (1 + np.exp(12 * (0.45 - large)))
    large = (large.clip(0, 1) - large.min()) / (large.max() - large.min())
    top, left = (int(rng.integers(max(1, side - length))) for side, length in zip(shape, large.shape, strict=True))
    intensity = np.zeros(shape, np.float32)
    region = intensity[top : top + large.shape[0], left : left + large.shape[1]]
    region[:] = large[: region.shape[0], : region.shape[1]]
    return LabeledForeground(intensity, text)


def place_number(digits: ImageDataset, rng: Generator, min_gap: int, max_gap: int, count: int) -> LabeledForeground:
    """Place `count` digits side by side on a sloping line, `min_gap` to `max_gap` of MNIST's pixels apart."""
    line, left, slope, text = np.zeros((70, 40 * count + 20), np.uint8), 6, rng.normal(0, 0.1), ""
    for _ in range(count):
        digit, label = crop_digit(digits, rng)
        height, width = digit.shape
        top = int(np.clip(22 + (20 - height) // 2 + slope * left + rng.normal(0, 1), 0, 70 - height))
        region = line[top : top + height, left : left + width]
        region[:] = np.maximum(region, digit)
        left, text = left + width + int(rng.integers(min_gap, max_gap + 1)), text + label
    large = cv2.resize(line, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) / np.float32(255)
    return LabeledForeground(large, text)


def paint(foreground: LabeledForeground, rng: Generator) -> np.ndarray:
    """Paint `foreground` in one color on paper of another, in light that falls off to one side: (H, W, 3), 0 to 255."""
    paper = rng.uniform(140, 245) + rng.normal(0, 12, 3)
    ink = (paper * rng.uniform(0.15, 0.55) + rng.normal(0, 25, 3)).clip(0, 255)
    y, x = gradients(foreground.shape)
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 - rng.uniform(0, 0.5) * (np.cos(angle) * x + np.sin(angle) * y).clip(0, 1)
    intensity = foreground.intensity[..., None] * rng.uniform(0.7, 1)
    return (paper * (1 - intensity) + ink * intensity) * light[..., None]


def gradients(shape: tuple[int, int]) -> np.ndarray:
    """Values from 0 to 1 downwards and to the right: (2, H, W)."""
    return np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]


def encode_jpeg(pixels: np.ndarray, rng: Generator, sigma: float = 3.0, quality: int = 80) -> bytes:
    """Encode as a JPEG file with Gaussian noise of standard deviation `sigma`."""
    noisy = pixels + rng.normal(0, sigma, (*pixels.shape[:2], 1))
    return encode_image(noisy.clip(0, 255).astype(np.uint8), "JPEG", quality=quality)


def encode_png(pixels: np.ndarray) -> bytes:
    return encode_image(pixels.clip(0, 255).astype(np.uint8))


def place_for_photo(digits: ImageDataset, rng: Generator) -> LabeledForeground:
    """Place a digit of 12 to 60 % of the shorter side in a picture of 400 to 1,199 pixels each way."""
    height, width = rng.integers(400, 1200, 2).tolist()
    return place_digit(digits, rng, (height, width), rng.uniform(0.12, 0.6) * min(height, width))


def plain(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """In black on white, for comparison with the other kinds."""
    foreground = place_digit(digits, rng, (140, 140), 80)
    return encode_png(255 * (1 - foreground.intensity)), foreground.text


def photo(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    foreground = place_for_photo(digits, rng)
    return encode_jpeg(paint(foreground, rng), rng, rng.uniform(1, 6), int(rng.integers(35, 95))), foreground.text


def out_of_focus(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    foreground = place_for_photo(digits, rng)
    return encode_jpeg(cv2.GaussianBlur(paint(foreground, rng), (0, 0), rng.uniform(1, 6)), rng), foreground.text


def with_shadow(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    foreground = place_for_photo(digits, rng)
    y, x = gradients(foreground.shape)
    angle, softness = rng.uniform(0, 2 * np.pi), rng.uniform(5, 60)
    edge = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) - rng.uniform(-0.2, 0.2)) * foreground.shape[1]
    shade = 1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-edge / softness))
    return encode_jpeg(paint(foreground, rng) * shade[..., None], rng), foreground.text


def on_ruled_paper(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """Half of the pictures have ruled paper, half squared paper."""
    foreground = place_for_photo(digits, rng)
    pixels, step = paint(foreground, rng), rng.uniform(0.06, 0.2) * min(foreground.shape)
    width, color, first = max(1, min(foreground.shape) // 300), rng.uniform(100, 200, 3), rng.uniform(0, step)
    for rows in [pixels, pixels.transpose(1, 0, 2)][: rng.integers(1, 3)]:
        for top in np.arange(first, rows.shape[0], step).astype(int):
            rows[top : top + width] = np.minimum(rows[top : top + width], color)
    return encode_jpeg(pixels, rng), foreground.text


def sheet_on_table(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """A sheet of paper on a table, rotated by up to 8 degrees."""
    height, width = 700, 900
    pixels = np.ones((height, width, 3)) * rng.uniform(40, 120, 3) + rng.normal(0, 6, (height, width, 1))
    shape = int(rng.uniform(0.4, 0.9) * height), int(rng.uniform(0.4, 0.9) * width)
    foreground = place_digit(digits, rng, shape, rng.uniform(0.25, 0.6) * shape[0])
    top, left = rng.integers(height - shape[0]), rng.integers(width - shape[1])
    intensity = foreground.intensity[..., None]
    sheet = (230, 228, 220) * (1 - intensity) + (40, 50, 120) * intensity
    pixels[top : top + shape[0], left : left + shape[1]] = sheet
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-8, 8), 1)
    pixels = cv2.warpAffine(pixels, rotation, (width, height), borderMode=cv2.BORDER_REPLICATE)
    light = 1 - rng.uniform(0, 0.4) * gradients(pixels.shape[:2])[1][..., None]
    return encode_jpeg(pixels * light, rng), foreground.text


def any_stroke_width(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """Black on white, from a hairline to a marker, without gray."""
    foreground = place_digit(digits, rng, (280, 280), rng.uniform(0.3, 0.9) * 280)
    change = int(rng.integers(-7, 12))  # of the stroke width, in pixels
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(change) + 1, abs(change) + 1))
    changed = (cv2.dilate if change > 0 else cv2.erode)(foreground.intensity, kernel)
    intensity = changed if changed.max() > 0.5 else foreground.intensity
    return encode_png(255.0 * (intensity <= 0.5)), foreground.text


def small_picture(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    side = int(rng.integers(12, 28))
    foreground = place_digit(digits, rng, (side, side), side * rng.uniform(0.7, 1) - 2)
    is_inverted = rng.random() < 0.5
    return encode_png(255 * (foreground.intensity if is_inverted else 1 - foreground.intensity)), foreground.text


def small_digit(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """A small digit in a large picture."""
    height, width = rng.integers(300, 1500, 2).tolist()
    foreground = place_digit(digits, rng, (height, width), rng.uniform(0.06, 0.15) * min(height, width))
    return encode_png(255 * (1 - foreground.intensity)), foreground.text


def with_noise(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """Single black and white pixels (salt and pepper), and dots of dust."""
    foreground = place_digit(digits, rng, (240, 240), 130)
    intensity, noise = foreground.intensity, rng.random(foreground.shape)
    for _ in range(rng.integers(0, 9)):
        cv2.circle(intensity, tuple(rng.integers(240, size=2).tolist()), int(rng.integers(1, 4)), 1, -1)
    return encode_png(np.select([noise < 0.01, noise > 0.99], [0, 255], 255 * (1 - intensity))), foreground.text


def separate_digits(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    foreground = place_number(digits, rng, 1, 8, int(rng.integers(2, 5)))
    return encode_png(255 * (1 - foreground.intensity)), foreground.text


def touching_digits(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """Two digits that form one component."""
    while True:
        foreground = place_number(digits, rng, -3, 0, 2)
        if cv2.connectedComponents((foreground.intensity > 0.2).astype(np.uint8))[0] == 2:
            return encode_png(255 * (1 - foreground.intensity)), foreground.text


def hairline(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """A line about one pixel wide along the middle of the strokes, 30 to 50 % darker than the paper."""
    foreground = place_digit(digits, rng, (4 * 160, 4 * 160), 4 * rng.uniform(60, 130))
    distance = cv2.distanceTransform((foreground.intensity > 0.5).view(np.uint8), cv2.DIST_L2, 5)
    middle = (distance > dilate(distance, 3) - 0.3) & (distance > 1)
    joined = cv2.morphologyEx(middle.view(np.uint8), cv2.MORPH_CLOSE, ellipse(15))  # where strokes cross
    line = cv2.resize(dilate(joined.astype(np.float32), 5), (160, 160), interpolation=cv2.INTER_AREA)
    pixels = rng.uniform(170, 250) * (1 - rng.uniform(0.3, 0.5) * line) + rng.normal(0, 2, line.shape)
    return encode_png(pixels), foreground.text


def ellipse(side: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def dilate(pixels: np.ndarray, side: int) -> np.ndarray:
    return cv2.dilate(pixels, ellipse(side))


def dry_pen(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """Around a random point of a stroke a disc of 15 to 35 % of the digit's longer side is missing."""
    size = rng.uniform(60, 140)
    foreground = place_digit(digits, rng, (160, 160), size)
    rows, columns = np.nonzero(foreground.intensity > 0.5)
    number, radius = rng.integers(len(rows)), rng.uniform(0.15, 0.35) * size / 2
    y, x = np.indices(foreground.shape)
    distance = np.hypot(y - rows[number], x - columns[number])
    return encode_png(255 * (1 - foreground.intensity * (distance > radius))), foreground.text


def stretched(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """Stretched to a square, whatever its proportions."""
    digit, text = crop_digit(digits, rng)
    side = int(rng.integers(40, 120))
    square = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC)
    return encode_png(255 - np.pad(square, side // 4)), text


def bitmap_of_16_pixels(digits: ImageDataset, rng: Generator) -> tuple[bytes, str]:
    """Stretched to 16×16 pixels in black and white, as in old collections of scanned forms."""
    digit, text = crop_digit(digits, rng)
    square = cv2.resize(digit, (16, 16), interpolation=cv2.INTER_AREA)
    return encode_png(255 * (1 - np.pad((square > 127).astype(np.uint8), 2))), text


Maker = Callable[[ImageDataset, Generator], tuple[bytes, str]]
KINDS: dict[str, Maker] = {
    "plain": plain,
    "a photo": photo,
    "out of focus": out_of_focus,
    "the edge of a shadow": with_shadow,
    "ruled or squared paper": on_ruled_paper,
    "a sheet on a table": sheet_on_table,
    "drawn by any pen": any_stroke_width,
    "of 12 to 27 pixels": small_picture,
    "small on a large sheet": small_digit,
    "noise and dust": with_noise,
    "2 to 4 digits": separate_digits,
    "2 digits that touch": touching_digits,
    "a hairline": hairline,
    "a dry pen": dry_pen,
    "stretched to a square": stretched,
    "stretched, 16×16 pixels": bitmap_of_16_pixels,
}
