"""Measure how well digits are read on bad paper, in bad light and by other pens: hundreds of pictures of each kind.

    python -m bench.robustness

The digits are the 5,000 validation images of MNIST, on which nothing was trained; paper, light and pens are random,
from a fixed seed. bench/handwriting.py measures people's own pictures. The last line is one JSON object.
"""

import argparse

import cv2
import numpy as np
import torch
from tqdm import tqdm

import model
from bench.results import print_json
from bench.robustness_pictures import KINDS, Maker
from digits.data import mnist
from digits.data.mnist import ImageDataset
from digits.recognition import image_decoding
from digits.recognition.reader import Reader


def measure(reader: Reader, make: Maker, digits: ImageDataset, count: int) -> dict[str, float]:
    """Read `count` pictures of a kind. Returns: right, certain, and wrong although certain, in percent."""
    rng, right, certain, wrong = np.random.default_rng(1), 0, 0, 0
    for _ in tqdm(range(count), leave=False, disable=None):
        content, text = make(digits, rng)
        reading = reader.read(image_decoding.decode(content))
        right += reading.text == text
        certain += reading.certain
        wrong += reading.certain and reading.text != text
    counts = {"right": right, "certain": certain, "wrong and certain": wrong}
    return {name: round(100 * hits / count, 2) for name, hits in counts.items()}


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader = Reader(model.load(args.weights), line_network=model.load_line_reader())
    digits = mnist.load("train")[-mnist.VALIDATION_SIZE :]
    print(f"{'of 100 pictures':26s} {'right':>8s} {'certain':>8s} {'wrong and certain':>18s}")
    table = {}
    for name, make in KINDS.items():
        table[name] = measure(reader, make, digits, args.count)
        right, certain, wrong = table[name].values()
        print(f"{name:26s} {right:8.1f} {certain:8.1f} {wrong:18.1f}", flush=True)
    print_json("robustness", {"count": args.count, "kinds": table})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=200, help="pictures of each kind (default: %(default)s)")
    main(parser.parse_args())
