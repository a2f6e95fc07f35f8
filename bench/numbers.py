"""Measure how well numbers are read on all kinds of paper: ruled, squared, in cells, in bad light, beside other things.

    python -m bench.numbers

Numbers of 1 to 10 digits by one writer each, apart, touching or overlapping, are composed of the 5,000 validation
images of MNIST and written with random pens; a part of the pictures shows letters and signs instead. Paper, light and
pens are random, from a fixed seed. scripts/fit_line_probabilities.py fits the reader's probabilities on other seeds.
The last line is one JSON object.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from tqdm import tqdm

import model
from bench.results import print_environment, print_json
from bench.robustness_pictures import Generator, LabeledForeground, encode_jpeg, encode_png, gradients, paint
from bench.strings import load_digits
from digits import UserError
from digits.data import digit_strings, outliers, restyling, writers
from digits.data.digit_strings import GapRange
from digits.data.mnist import ImageDataset
from digits.recognition import image_decoding
from digits.recognition.reader import Reader

SEED = 41  # of the published pictures
LENGTHS = (
    1,
    2,
    2,
    3,
    3,
    4,
    4,
    5,
    6,
    7,
    8,
    10,
)  # digits: years, prices and house numbers are more frequent than long ones
GAPS = {GapRange(0.05, 0.3): 0.5, GapRange(0.0, 0.1): 0.2, GapRange(-0.05, 0.0): 0.2, GapRange(-0.12, -0.05): 0.1}
SIZES = 24, 140  # pixels of a digit: small scans to photos
REJECT_FRACTION = 0.15  # of the pictures show letters and signs
OTHER_COUNT = 400  # letters and signs to choose from


class NumberPicture(NamedTuple):
    """A picture of a number.

    content: of the PNG or JPEG file.
    text: its digits; empty for a picture of letters and signs.
    kind: a key of KINDS, or "no digits".
    """

    content: bytes
    text: str
    kind: str


class Sources(NamedTuple):
    """What pictures are composed of: digits, grouped by writer, and letters and signs (N, 28, 28) uint8."""

    digits: ImageDataset
    groups: list[np.ndarray]
    others: np.ndarray


def load_sources(mirrors: list[str]) -> Sources:
    """Load the validation digits and draw letters and signs, on which nothing was trained."""
    digits, written_by = load_digits("validation", mirrors)
    groups = [group.numpy() for group in writers.group_by_writer(written_by, 2)]
    kinds = [kind for kind in outliers.KINDS if kind not in ("pair", "fragment", "texture")]
    others = outliers.make_outliers(OTHER_COUNT, digits, SEED, kinds=kinds).images[:, 0].numpy()
    return Sources(digits, groups, others)


def draw_pictures(
    sources: Sources, count: int, seed: int, lengths: Sequence[int] = LENGTHS, rejects: float = REJECT_FRACTION
) -> Iterator[NumberPicture]:
    """Draw `count` pictures of all kinds.

    lengths: of numbers, in digits.
    rejects: the fraction of pictures of letters and signs.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        is_number = rng.random() >= rejects
        kind = str(rng.choice(list(KINDS)))
        size = round(np.exp(rng.uniform(*np.log(SIZES))))
        if is_number:
            intensity, text = _compose_number(sources, int(rng.choice(lengths)), size, rng)
        else:
            intensity, text = _compose_others(sources, size, rng)
        foreground = LabeledForeground(_pad(_write(intensity, size, rng), rng), text)
        yield NumberPicture(KINDS[kind](foreground, size, rng), text, kind if is_number else "no digits")


def _compose_number(sources: Sources, length: int, size: int, rng: Generator) -> tuple[np.ndarray, str]:
    """Compose a number of `length` digits by one writer: its intensity (H, W) and text."""
    gaps = list(GAPS)[rng.choice(len(GAPS), p=list(GAPS.values()))]
    groups = [group for group in sources.groups if len(group) >= length]
    chosen = rng.choice(groups[rng.integers(len(groups))], length, replace=False)
    distances, offsets = rng.uniform(gaps.low, gaps.high, length - 1).tolist(), rng.normal(0, 0.05, length).tolist()
    intensity = digit_strings.compose(sources.digits.images[chosen, 0].numpy(), distances, offsets, size)
    return intensity, "".join(str(int(label)) for label in sources.digits.labels[chosen])


def _compose_others(sources: Sources, size: int, rng: Generator) -> tuple[np.ndarray, str]:
    """Compose letters and signs, mostly a single one."""
    length = int(rng.choice((1, 1, 1, 2, 3, 5)))
    distances, offsets = rng.uniform(0.02, 0.4, length - 1).tolist(), rng.normal(0, 0.05, length).tolist()
    images = sources.others[rng.integers(len(sources.others), size=length)]
    return digit_strings.compose(images, distances, offsets, size), ""


def _write(intensity: np.ndarray, size: int, rng: Generator) -> np.ndarray:
    """Change the pen of `intensity` (H, W) with digits of `size` pixels: its width, edges, focus, how dry it is."""
    if rng.random() < 0.5 and (change := round(size / 20 * rng.uniform(-1.6, 2.2))):
        intensity = restyling.dilate_or_erode(intensity, change, 0.6)
    if rng.random() < 0.65:
        intensity = 1 / (1 + np.exp(-14 * (intensity - rng.uniform(0.35, 0.6))))
        intensity = (intensity - intensity.min()) / (intensity.max() - intensity.min())
    if rng.random() < 0.15:
        intensity = cv2.GaussianBlur(intensity, (0, 0), size * rng.uniform(0.01, 0.06))
    if rng.random() < 0.1:
        noise = cv2.GaussianBlur(rng.normal(0, 1, intensity.shape).astype(np.float32), (0, 0), size / 8)
        intensity = intensity * (1 - ((noise / noise.std() - rng.uniform(0.9, 1.8)) * 4).clip(0, 1))
    return (intensity / intensity.max()).astype(np.float32)


def _pad(intensity: np.ndarray, rng: Generator) -> np.ndarray:
    """Put paper around `intensity` (H, W), up to 1.5 times its shorter side."""
    top, bottom, left, right = (rng.uniform(0, 1.5, 4) * min(intensity.shape)).astype(int).tolist()
    return np.pad(intensity, ((top, bottom), (left, right)))


def _encode_photo(pixels: np.ndarray, rng: Generator) -> bytes:
    return encode_jpeg(pixels, rng, rng.uniform(1, 6), int(rng.integers(50, 95)))


def drawn(foreground: LabeledForeground, _size: int, rng: Generator) -> bytes:
    """Black on white, or white on black, as programs draw."""
    pixels = 255 * (1 - foreground.intensity[..., None] * rng.uniform(0.6, 1)) * np.ones(3)
    return encode_png(pixels if rng.random() < 0.7 else 255 - pixels)


def black_and_white(foreground: LabeledForeground, _size: int, _rng: Generator) -> bytes:
    """Without gray, as old scanners deliver."""
    return encode_png(np.where(foreground.intensity[..., None] > 0.45, 0, 255) * np.ones(3))


def photo(foreground: LabeledForeground, _size: int, rng: Generator) -> bytes:
    """Ink on paper in light that falls off."""
    return _encode_photo(paint(foreground, rng), rng)


def ruled(foreground: LabeledForeground, size: int, rng: Generator) -> bytes:
    """On ruled paper, or on squared paper."""
    pixels, step = paint(foreground, rng), size * rng.uniform(0.5, 1.6)
    width, color = _line_width(size, rng), rng.uniform(60, 190, 3)
    for rows in [pixels, pixels.transpose(1, 0, 2)][: 1 + (rng.random() < 0.4)]:
        for top in np.arange(rng.uniform(0, step), len(rows), step).astype(int):
            rows[top : top + width] = np.minimum(rows[top : top + width], color)
    return _encode_photo(pixels, rng)


def framed(foreground: LabeledForeground, size: int, rng: Generator) -> bytes:
    """In the frame of a form; in half of the pictures with lines between the digits that stand apart."""
    pixels, width, color = paint(foreground, rng), _line_width(size, rng), rng.uniform(60, 190, 3)
    columns, rows = (np.flatnonzero((foreground.intensity > 0.3).any(axis)) for axis in (0, 1))
    margins = (size * rng.uniform(0.05, 0.3, 4)).astype(int).tolist()
    height, total = foreground.shape
    top, bottom = max(0, rows[0] - margins[0]), min(height - width - 1, rows[-1] + margins[1])
    left, right = max(0, columns[0] - margins[2]), min(total - width - 1, columns[-1] + margins[3])
    gaps = [(a + b) // 2 for a, b in itertools.pairwise(columns) if b - a > max(2, width)]
    for x in [left, right, *(gaps if rng.random() < 0.5 else [])]:
        pixels[top:bottom, x : x + width] = color
    for y in (top, bottom):
        pixels[y : y + width, left : right + width] = color
    return _encode_photo(pixels, rng)


def beside_object(foreground: LabeledForeground, _size: int, rng: Generator) -> bytes:
    """With something dark at an edge or in a corner: the table, a finger, or a sliver of them."""
    pixels, color = paint(foreground, rng), rng.uniform(10, 90, 3)
    height, width = foreground.shape
    depth = 1 + int(min(height, width) * rng.uniform(0.01, 0.12))
    y, x = np.mgrid[:height, :width]
    shape = rng.integers(4)
    if shape == 0:
        mask = x < depth
    elif shape == 1:
        mask = x + y * rng.uniform(-0.2, 0.2) < depth
    elif shape == 2:
        mask = x**2 + (y - height * rng.random()) ** 2 < (4 * depth) ** 2
    else:
        mask = x + y < 4 * depth
    mask = (mask, mask[:, ::-1], mask[::-1], mask[::-1, ::-1])[rng.integers(4)]
    hides_digits = (mask & (foreground.intensity > 0.2)).any()
    return _encode_photo(pixels if hides_digits else np.where(mask[..., None], color, pixels), rng)


def shadowed(foreground: LabeledForeground, _size: int, rng: Generator) -> bytes:
    """With the edge of a shadow across the picture, which takes 20 to 75 % of the light."""
    y, x = gradients(foreground.shape)
    angle, softness = rng.uniform(0, 2 * np.pi), rng.uniform(3, 60)
    distance = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) - rng.uniform(-0.3, 0.3)
    shade = 1 - rng.uniform(0.2, 0.75) / (1 + np.exp(-distance * foreground.shape[1] / softness))
    return _encode_photo(paint(foreground, rng) * shade[..., None], rng)


def _line_width(size: int, rng: Generator) -> int:
    return max(1, int(size / rng.uniform(14, 40)))


KINDS: dict[str, Callable[[LabeledForeground, int, Generator], bytes]] = {
    "drawn": drawn,
    "black and white": black_and_white,
    "photo": photo,
    "ruled": ruled,
    "framed": framed,
    "beside an object": beside_object,
    "shadowed": shadowed,
}


def print_kind(name: str, outcomes: np.ndarray) -> dict[str, float]:
    """Print the row of a kind, from `outcomes` (N, 2) bool: right, and certain. Returns: its figures in percent."""
    right, certain = outcomes.T
    shares = {"right": right, "certain": certain, "wrong_and_certain": ~right & certain}
    figures = {key: round(100 * float(share.mean()), 2) for key, share in shares.items()}
    print(f"{name:18} {len(outcomes):5}" + "".join(f"{figure:9.1f}" for figure in figures.values()), flush=True)
    return figures


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader = Reader(model.load(args.weights), line_network=model.load_line_reader())
    pictures = draw_pictures(load_sources(args.writers), args.count, args.seed)
    outcomes: dict[str, list[tuple[bool, bool]]] = {}
    for picture in tqdm(pictures, "pictures", args.count, leave=False, disable=None):
        reading = reader.read(image_decoding.decode(picture.content))
        outcomes.setdefault(picture.kind, []).append(
            (bool(picture.text) and reading.text == picture.text, reading.certain)
        )
    print_environment()
    print(f"{'of 100 pictures':24}    right  certain  wrong and certain")
    kinds = {name: print_kind(name, np.array(rows, bool)) for name, rows in sorted(outcomes.items())}
    print_json("numbers", {"count": args.count, "seed": args.seed, "kinds": kinds})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=1_000, help="pictures of all kinds (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the pictures (default: %(default)s)")
    parser.add_argument("--writers", action="append", default=[], metavar="URL_OR_DIR", help="has QMNIST's label files")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(f"bench.numbers: {error}")
