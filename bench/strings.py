"""Measure how well whole numbers are read: strings of MNIST's test digits by one writer, apart, touching, overlapping.

    python -m bench.strings

Every two neighbors of a string are at a gap of the named range, so a number is right only if each of them was told
apart. QMNIST says who wrote the digits (digits/data/writers.py). The last line is one JSON object.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import torch
from tqdm import tqdm

import model
from bench.results import print_environment, print_json
from bench.sample_images import blend, encode_image, to_8_bit
from digits import UserError
from digits.data import digit_strings, mnist, writers
from digits.data.digit_strings import GAPS, DigitString
from digits.data.mnist import ImageDataset
from digits.recognition import image_decoding
from digits.recognition.reader import Reader

SEED = 19  # of the published strings
SIZE = 60  # pixels: a digit in a photographed line of handwriting
PAPER, INK = (244, 241, 234), (32, 42, 96)  # RGB: off-white, a blue pen
LENGTHS = (2, 4, 6)  # digits
# The least share of right strings, and the largest of those that are wrong and certain, in percent: by gap and length.
TARGETS = {
    "apart": {2: (99, 0.5), 4: (98.5, 0.5), 6: (98, 0.5)},
    "touching": {2: (98, 1), 4: (97, 1), 6: (95, 1)},
    "overlapping": {2: (97, 1), 4: (93, 1), 6: (90, 1)},
}


@dataclass(frozen=True)
class Shares:
    """Percentages of the strings of a kind that are read right, wrong, with certainty, and wrongly with certainty."""

    right: float
    wrong: float
    certain: float
    wrong_and_certain: float


def draw_picture(string: DigitString) -> bytes:
    """Draw a string with INK on PAPER, as a PNG file."""
    return encode_image(to_8_bit(blend(PAPER, INK, string.intensity)))


def measure(reader: Reader, strings: Iterable[DigitString]) -> Shares:
    """Read all `strings`, each as a file."""
    outcomes = []
    for string in strings:
        reading = reader.read(image_decoding.decode(draw_picture(string)))
        outcomes.append((reading.text == string.text, reading.certain))
    right, certain = np.array(outcomes, bool).T
    shares = (right, ~right, certain, ~right & certain)
    return Shares(*(round(100 * float(share.mean()), 2) for share in shares))


def load_digits(split: str, mirrors: list[str]) -> tuple[ImageDataset, torch.Tensor]:
    """Load the digits of the `split` "test" or "validation", and their writers."""
    whole = "test" if split == "test" else "train"
    digits = mnist.load(whole)
    written_by = writers.load(whole, digits, mirrors=mirrors)
    first = 0 if split == "test" else -mnist.VALIDATION_SIZE
    return digits[first:], written_by[first:]


def print_row(length: int, name: str, shares: Shares) -> None:
    least, most = TARGETS[name][length]
    met = "yes" if shares.right >= least and shares.wrong_and_certain <= most else "NO"
    targets = f"≥ {least:g}, ≤ {most:g}"
    row = f"{shares.right:8.1f} {shares.wrong:8.1f} {shares.certain:8.1f} {shares.wrong_and_certain:18.1f}"
    print(f"{length} digits, {name:12} {row}   {targets:13} {met}", flush=True)


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader = Reader(model.load(args.weights), line_network=model.load_line_reader())
    digits, written_by = load_digits(args.split, args.writers)
    print_environment()
    print(f"{'of 100 strings':21} {'right':>8} {'wrong':>8} {'certain':>8} {'wrong and certain':>18}   targets")
    kinds = {}
    for length in LENGTHS:
        for name, gaps in GAPS.items():
            strings = digit_strings.draw_strings(digits, written_by, args.count, length, gaps, args.size, args.seed)
            progress = tqdm(strings, f"{length} digits, {name}", args.count, leave=False, disable=None)
            shares = measure(reader, progress)
            kinds[f"{length} {name}"] = asdict(shares)
            print_row(length, name, shares)
    settings = {name: getattr(args, name) for name in ("split", "count", "size", "seed")}
    print_json("strings", settings | {"kinds": kinds})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=1_000, help="strings of each kind (default: %(default)s)")
    parser.add_argument("--size", type=int, default=SIZE, help="pixels a digit (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the strings (default: %(default)s)")
    parser.add_argument(
        "--split", choices=["test", "validation"], default="test", help="choose on the validation digits"
    )
    parser.add_argument("--writers", action="append", default=[], metavar="URL_OR_DIR", help="has QMNIST's label files")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(f"bench.strings: {error}")
