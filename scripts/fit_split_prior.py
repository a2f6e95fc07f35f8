"""What `digits.recognition.segmentation.APART` rests on: two digits side by side are told from two pieces of a broken one.

    python -m scripts.fit_split_prior

Pairs of neighbouring parts are collected: pieces of one digit from MNIST's training images, as they are and with
their strokes worn thin; two digits of other sizes side by side, on lines that slope. A logistic regression, in
which both kinds weigh the same, then fits each choice of features. The last line is one JSON object.
"""

import json

import cv2
import numpy as np
import torch
from tqdm import tqdm

from bench.robustness import cut_out
from digits.data import mnist, restyling
from digits.recognition import foreground
from digits.recognition.components import find_components
from digits.recognition.text_lines import group_into_lines, vertical_iou

DIGITS = 20_000  # of the training images, the first: the reader was measured on others
WORN, LINES = 2_000, 1_500


def pairs(picture: np.ndarray) -> list[tuple[float, float]]:
    """Of each two neighbours in a picture of one line, (H, W) uint8: their gap, as in `lattice.Gap`, and level."""
    found = foreground.extract_foreground(picture[..., None])
    rows = group_into_lines(find_components(found), found.intensity.shape) if found else []
    if len(rows) != 1:
        return []
    height = max(part.height for part in rows[0])
    neighbours = zip(rows[0], rows[0][1:], strict=False)
    return [((b.box[0] - a.box[2]) / height, vertical_iou(a, b)) for a, b in neighbours]


def of_one(digits: mnist.ImageDataset, random: np.random.Generator) -> list[tuple[float, float]]:
    """Pairs of pieces of one digit."""
    found = []
    for image in tqdm(digits.images[:, 0].numpy(), leave=False, disable=None):
        found += pairs(image)
    for number in random.integers(len(digits), size=WORN):
        large = cv2.resize(np.pad(digits.images[number, 0].numpy(), 4), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        found += pairs(restyling.dilate_or_erode(large, -int(random.integers(4, 8)), 150))
    return found


def of_two(digits: mnist.ImageDataset, random: np.random.Generator) -> list[tuple[float, float]]:
    """Pairs of digits: lines that fall into as many parts as they have digits."""
    found = []
    for _ in range(LINES):
        count, slope, left = int(random.integers(2, 5)), random.normal(0, 0.15), 10
        sheet = np.zeros((160, 90 * count + 60), np.uint8)
        for _ in range(count):
            digit, _ = cut_out(digits, random)
            digit = cv2.resize(digit, None, fx=(size := 2.4 * random.uniform(0.8, 1.1)), fy=size)
            height, width = digit.shape
            top = int(np.clip(60 + (50 - height) / 2 + slope * left + random.normal(0, 2.5), 0, 160 - height))
            place = sheet[top : top + height, left : left + width]
            place[:] = np.maximum(place, digit)
            left += width + int(random.integers(-2, 30))
        gaps = pairs(sheet)
        found += gaps if len(gaps) == count - 1 else []
    return found


def fitted(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Logistic regression of `labels` (N,) on `features` (N, F), both labels weighing the same, by Newton's method.

    The weights (F + 1,), that of the constant first; the share told wrongly, the mean of that of each label.
    """
    terms = np.column_stack([np.ones(len(features)), features])
    weights, share = np.zeros(terms.shape[1]), np.where(labels, 0.5 / labels.mean(), 0.5 / (1 - labels).mean())
    for _ in range(50):
        said = 1 / (1 + np.exp(-terms @ weights))
        slope = terms * (share * said * (1 - said))[:, None]
        step = terms.T @ (share * (labels - said)) - 1e-3 * weights
        weights += np.linalg.solve(slope.T @ terms + 1e-3 * np.eye(len(weights)), step)
    wrong = (terms @ weights > 0) != labels
    return weights, (wrong[labels == 1].mean() + wrong[labels == 0].mean()) / 2


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    digits, random = mnist.load("train")[:DIGITS], np.random.default_rng(1)
    one, two = of_one(digits, random), of_two(digits, random)
    features, labels = np.array(one + two), np.repeat([0, 1], [len(one), len(two)])
    print(f"{len(one)} pairs of pieces of one digit, {len(two)} of two digits")
    results = {}
    for name, columns in (("gap", [0]), ("gap and level", [0, 1])):
        weights, wrong = fitted(features[:, columns], labels)
        results[name] = {"weights": weights.round(1).tolist(), "wrong": round(100 * wrong, 1)}
        print(f"{name:14s} {results[name]['weights']}  {100 * wrong:.1f} % told wrongly")
    print(json.dumps({"bench": "neighbours", "one": len(one), "two": len(two)} | results))


if __name__ == "__main__":
    main()
