"""How well digits are read on bad paper, in bad light, by other pens: pictures made here, some hundreds of each kind.

    python -m bench.robustness

Digits are the 5,000 validation images of MNIST, on which nothing was trained; paper, light and pens are drawn at
random from a seed. People's own pictures tell more (`bench/handwriting.py`), but of each kind there are few.
The last line is one JSON object.
"""

import argparse
import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

import model
from digits.data import mnist
from digits.data.mnist import ImageDataset
from digits.recognition import decoding
from digits.recognition.reader import Reader

Random = np.random.Generator


@dataclass(frozen=True)
class Sheet:
    """Where something is written, (H, W) from 0 to 1, and what it says."""

    ink: np.ndarray
    text: str

    @property
    def shape(self) -> tuple[int, int]:
        return self.ink.shape


def cut_out(digits: ImageDataset, random: Random) -> tuple[np.ndarray, str]:
    """A digit (h, w) uint8 without its margin, and which it is."""
    number = int(random.integers(len(digits)))
    image = digits.images[number, 0].numpy()
    rows, columns = image.any(1).nonzero()[0], image.any(0).nonzero()[0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], str(int(digits.labels[number]))


def one(digits: ImageDataset, random: Random, shape: tuple[int, int], size: float) -> Sheet:
    """A digit of `size` pixels anywhere on a sheet of `shape`, with sharp edges where it is large."""
    digit, text = cut_out(digits, random)
    scale = size / max(digit.shape)
    ink = cv2.resize(np.pad(digit, 2) / np.float32(255), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if size > 60:
        ink = 1 / (1 + np.exp(12 * (0.45 - ink)))
    ink = (ink.clip(0, 1) - ink.min()) / (ink.max() - ink.min())
    top, left = (int(random.integers(max(1, side - length))) for side, length in zip(shape, ink.shape, strict=True))
    sheet = np.zeros(shape, np.float32)
    part = sheet[top : top + ink.shape[0], left : left + ink.shape[1]]
    part[:] = ink[: part.shape[0], : part.shape[1]]
    return Sheet(sheet, text)


def several(digits: ImageDataset, random: Random, least: int, most: int, count: int) -> Sheet:
    """`count` digits side by side, `least` to `most` of MNIST's pixels apart, on a line that slopes."""
    sheet, left, slope, text = np.zeros((70, 40 * count + 20), np.uint8), 6, random.normal(0, 0.1), ""
    for _ in range(count):
        digit, label = cut_out(digits, random)
        height, width = digit.shape
        top = int(np.clip(22 + (20 - height) // 2 + slope * left + random.normal(0, 1), 0, 70 - height))
        place = sheet[top : top + height, left : left + width]
        place[:] = np.maximum(place, digit)
        left, text = left + width + int(random.integers(least, most + 1)), text + label
    return Sheet(cv2.resize(sheet, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) / np.float32(255), text)


def paper(sheet: Sheet, random: Random) -> np.ndarray:
    """`sheet` in ink of some colour on paper of another, light falling off to some side: (H, W, 3), 0 to 255."""
    ground = random.uniform(140, 245) + random.normal(0, 12, 3)
    ink = (ground * random.uniform(0.15, 0.55) + random.normal(0, 25, 3)).clip(0, 255)
    y, x = slopes(sheet.shape)
    angle = random.uniform(0, 2 * np.pi)
    light = 1 - random.uniform(0, 0.5) * (np.cos(angle) * x + np.sin(angle) * y).clip(0, 1)
    written = sheet.ink[..., None] * random.uniform(0.7, 1)
    return (ground * (1 - written) + ink * written) * light[..., None]


def slopes(shape: tuple[int, int]) -> np.ndarray:
    """Down and across from 0 to 1: (2, H, W)."""
    return np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]


def photographed(pixels: np.ndarray, random: Random, grain: float = 3.0, quality: int = 80) -> bytes:
    """A JPEG with some grain."""
    grainy = pixels + random.normal(0, grain, (*pixels.shape[:2], 1))
    return saved(grainy, "JPEG", quality=quality)


def saved(pixels: np.ndarray, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(stream, form, **options)
    return stream.getvalue()


def sheet_of_photo(digits: ImageDataset, random: Random) -> Sheet:
    shape = tuple(int(side) for side in random.integers(400, 1200, 2))
    return one(digits, random, shape, random.uniform(0.12, 0.6) * min(shape))


def photo(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    sheet = sheet_of_photo(digits, random)
    return photographed(paper(sheet, random), random, random.uniform(1, 6), int(random.integers(35, 95))), sheet.text


def blurred(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    sheet = sheet_of_photo(digits, random)
    return photographed(cv2.GaussianBlur(paper(sheet, random), (0, 0), random.uniform(1, 6)), random), sheet.text


def shadow(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    sheet = sheet_of_photo(digits, random)
    y, x = slopes(sheet.shape)
    angle, softness = random.uniform(0, 2 * np.pi), random.uniform(5, 60)
    edge = (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) - random.uniform(-0.2, 0.2)) * sheet.shape[1]
    shade = 1 - random.uniform(0.2, 0.5) / (1 + np.exp(-edge / softness))
    return photographed(paper(sheet, random) * shade[..., None], random), sheet.text


def ruled(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    """Ruled paper, every second time squared."""
    sheet = sheet_of_photo(digits, random)
    pixels, step = paper(sheet, random), random.uniform(0.06, 0.2) * min(sheet.shape)
    pen, colour, first = max(1, min(sheet.shape) // 300), random.uniform(100, 200, 3), random.uniform(0, step)
    for way in [pixels, pixels.transpose(1, 0, 2)][: random.integers(1, 3)]:
        for at in np.arange(first, way.shape[0], step).astype(int):
            way[at : at + pen] = np.minimum(way[at : at + pen], colour)
    return photographed(pixels, random), sheet.text


def table(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    """A sheet on a table, often a little turned."""
    height, width = 700, 900
    pixels = np.ones((height, width, 3)) * random.uniform(40, 120, 3) + random.normal(0, 6, (height, width, 1))
    shape = int(random.uniform(0.4, 0.9) * height), int(random.uniform(0.4, 0.9) * width)
    sheet = one(digits, random, shape, random.uniform(0.25, 0.6) * shape[0])
    top, left = random.integers(height - shape[0]), random.integers(width - shape[1])
    written = sheet.ink[..., None]
    pixels[top : top + shape[0], left : left + shape[1]] = (230, 228, 220) * (1 - written) + (40, 50, 120) * written
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-8, 8), 1)
    pixels = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return photographed(
        pixels * (1 - random.uniform(0, 0.4) * slopes(pixels.shape[:2])[1][..., None]), random
    ), sheet.text


def drawn(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    """On a canvas, by any pen from a hairline to a marker, black on white."""
    sheet = one(digits, random, (280, 280), random.uniform(0.3, 0.9) * 280)
    pen = int(random.integers(-7, 12))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(pen) + 1, abs(pen) + 1))
    changed = (cv2.dilate if pen > 0 else cv2.erode)(sheet.ink, kernel)
    ink = changed if changed.max() > 0.5 else sheet.ink
    return saved(255.0 * (ink <= 0.5)), sheet.text


def small(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    side = int(random.integers(12, 28))
    sheet = one(digits, random, (side, side), side * random.uniform(0.7, 1) - 2)
    return saved(255 * (sheet.ink if random.random() < 0.5 else 1 - sheet.ink)), sheet.text


def corner(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    """Small on a large sheet."""
    shape = tuple(int(side) for side in random.integers(300, 1500, 2))
    sheet = one(digits, random, shape, random.uniform(0.06, 0.15) * min(shape))
    return saved(255 * (1 - sheet.ink)), sheet.text


def noisy(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    """Black and white pixels, and dots as of dust."""
    sheet = one(digits, random, (240, 240), 130)
    ink, dice = sheet.ink, random.random(sheet.shape)
    for _ in range(random.integers(0, 9)):
        cv2.circle(ink, tuple(random.integers(240, size=2).tolist()), int(random.integers(1, 4)), 1, -1)
    return saved(np.select([dice < 0.01, dice > 0.99], [0, 255], 255 * (1 - ink))), sheet.text


def apart(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    sheet = several(digits, random, 1, 8, int(random.integers(2, 5)))
    return saved(255 * (1 - sheet.ink)), sheet.text


def touching(digits: ImageDataset, random: Random) -> tuple[bytes, str]:
    """Two digits that hang together."""
    while True:
        sheet = several(digits, random, -3, 0, 2)
        if cv2.connectedComponents((sheet.ink > 0.2).astype(np.uint8))[0] == 2:
            return saved(255 * (1 - sheet.ink)), sheet.text


Maker = Callable[[ImageDataset, Random], tuple[bytes, str]]
KINDS: dict[str, Maker] = {
    "a photo": photo,
    "out of focus": blurred,
    "the edge of a shadow": shadow,
    "ruled or squared paper": ruled,
    "a sheet on a table": table,
    "drawn by any pen": drawn,
    "of 12 to 27 pixels": small,
    "small on a large sheet": corner,
    "noise and dust": noisy,
    "2 to 4 digits": apart,
    "2 digits that touch": touching,
}


def measure(reader: Reader, make: Maker, digits: ImageDataset, count: int) -> dict[str, float]:
    """Of `count` pictures of a kind: read right, read for certain, read wrongly and for certain, in percent."""
    random, right, certain, misled = np.random.default_rng(1), 0, 0, 0
    for _ in tqdm(range(count), leave=False, disable=None):
        content, text = make(digits, random)
        reading = reader.read(decoding.decode(content))
        right += reading.text == text
        certain += reading.certain
        misled += reading.certain and reading.text != text
    return {name: round(100 * hits / count, 2) for name, hits in zip(FIGURES, (right, certain, misled), strict=True)}


FIGURES = ("right", "certain", "wrong and certain")


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader, digits = Reader(model.load(args.weights)), mnist.load("train")[-mnist.VALIDATION_SIZE :]
    print(f"{'of 100 pictures':26s} {'right':>8s} {'certain':>8s} {'wrong and certain':>18s}")
    table = {}
    for name, make in KINDS.items():
        table[name] = measure(reader, make, digits, args.count)
        right, certain, misled = table[name].values()
        print(f"{name:26s} {right:8.1f} {certain:8.1f} {misled:18.1f}", flush=True)
    print(json.dumps({"bench": "conditions", "count": args.count, "kinds": table}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Read digits on bad paper, in bad light, by other pens.")
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=200, help="pictures of each kind (default: %(default)s)")
    main(parser.parse_args())
