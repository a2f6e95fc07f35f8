"""Fit the prior of `digits.recognition.segmentation` that two neighboring components belong to two digits.

    python -m scripts.fit_split_prior

Collects pairs of neighboring components: of single digits of MNIST's training images, as they are and with eroded
strokes; and of several digits of different sizes, side by side on sloping lines. A logistic regression, in which both
classes have equal weight, is fitted to the gap alone and to the gap and the vertical IoU. SPLIT_PRIOR_WEIGHTS were
fitted to synthetic digits as well, which this program does not load. Makes no file; the last line is one JSON object.
"""

import itertools
import json

import cv2
import numpy as np
import torch
from tqdm import tqdm

from bench.robustness_pictures import crop_digit
from digits.data import mnist, restyling
from digits.data.mnist import ImageDataset
from digits.recognition.foreground import extract_foreground
from digits.recognition.oversegmentation import measure_gap
from digits.recognition.text_lines import find_text_lines

DIGIT_COUNT = 20_000  # the first training images: the reader was measured on others
ERODED_COUNT, LINE_COUNT = 2_000, 1_500
STEPS = 50  # of Newton's method
REGULARIZATION = 1e-3  # L2, so that separable features have finite weights
Features = list[tuple[float, float]]


def pair_features(picture: np.ndarray) -> Features:
    """Measure each pair of neighboring components in a picture (H, W) uint8 of one text line.

    Returns: the gap as a fraction of the line height, as in `oversegmentation.Gap`, and the vertical IoU.
    """
    foreground = extract_foreground(picture[..., None])
    lines = find_text_lines(foreground) if foreground else []
    if not lines or len(lines) > 1:
        return []
    height = max(component.height for component in lines[0])
    gaps = [measure_gap(left, right, height) for left, right in itertools.pairwise(lines[0])]
    return [(gap.width, gap.vertical_iou) for gap in gaps]


def collect_within_digits(digits: ImageDataset, rng: np.random.Generator) -> Features:
    """Measure pairs of components of one digit."""
    features = []
    for image in tqdm(digits.images[:, 0].numpy(), leave=False, disable=None):
        features += pair_features(image)
    for number in rng.integers(len(digits), size=ERODED_COUNT):
        padded = np.pad(digits.images[number, 0].numpy(), 4)
        large = cv2.resize(padded, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        features += pair_features(restyling.dilate_or_erode(large, -int(rng.integers(4, 8)), min_peak=150))
    return features


def collect_between_digits(digits: ImageDataset, rng: np.random.Generator) -> Features:
    """Measure pairs of digits, on lines that have as many components as digits."""
    features = []
    for _ in range(LINE_COUNT):
        count = int(rng.integers(2, 5))
        pairs = pair_features(draw_line(digits, count, rng))
        features += pairs if len(pairs) == count - 1 else []
    return features


def draw_line(digits: ImageDataset, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw digits of different sizes side by side on a sloping line: (160, W) uint8."""
    slope, left = rng.normal(0, 0.15), 10
    line = np.zeros((160, 90 * count + 60), np.uint8)
    for _ in range(count):
        digit, _ = crop_digit(digits, rng)
        scale = 2.4 * rng.uniform(0.8, 1.1)
        digit = cv2.resize(digit, None, fx=scale, fy=scale)
        height, width = digit.shape
        top = int(np.clip(60 + (50 - height) / 2 + slope * left + rng.normal(0, 2.5), 0, 160 - height))
        target = line[top : top + height, left : left + width]
        target[:] = np.maximum(target, digit)
        left += width + int(rng.integers(-2, 30))
    return line


def fit_logistic_regression(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit `labels` (N,) 0 or 1 to `features` (N, F) by Newton's method, both labels having equal weight.

    Returns: the weights (F + 1,), bias first; the balanced error rate in [0, 1].
    """
    inputs = np.column_stack([np.ones(len(features)), features])
    weights = np.zeros(inputs.shape[1])
    sample_weights = np.where(labels, 0.5 / labels.mean(), 0.5 / (1 - labels).mean())
    for _ in range(STEPS):
        probabilities = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (sample_weights * (labels - probabilities)) - REGULARIZATION * weights
        curvature = inputs * (sample_weights * probabilities * (1 - probabilities))[:, None]
        weights += np.linalg.solve(curvature.T @ inputs + REGULARIZATION * np.eye(len(weights)), gradient)
    wrong = (inputs @ weights > 0) != labels
    return weights, (wrong[labels == 1].mean() + wrong[labels == 0].mean()) / 2


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    digits, rng = mnist.load("train")[:DIGIT_COUNT], np.random.default_rng(1)
    within, between = collect_within_digits(digits, rng), collect_between_digits(digits, rng)
    features, labels = np.array(within + between), np.repeat([0, 1], [len(within), len(between)])
    print(f"{len(within)} pairs of components of one digit, {len(between)} of two digits")
    results = {}
    for name, columns in (("gap", [0]), ("gap and vertical IoU", [0, 1])):
        weights, error = fit_logistic_regression(features[:, columns], labels)
        results[name] = {"weights": weights.round(1).tolist(), "error_percent": round(100 * error, 1)}
        print(f"{name:20s}  {results[name]['weights']}  {100 * error:.1f} % misclassified")
    print(json.dumps({"within_digits": len(within), "between_digits": len(between)} | results))


if __name__ == "__main__":
    main()
