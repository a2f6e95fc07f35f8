"""Fit the prior of `digits.recognition.segmentation` that two neighboring strokes of a drawing belong to two digits.

    python -m scripts.fit_stroke_prior

Collects pairs of neighboring strokes of one synthetic digit, and of two digits that stand apart or overlap. A logistic
regression, in which both classes have equal weight, is fitted to the fields of `oversegmentation.Gap`. Makes no file;
the last line is one JSON object.
"""

import itertools
import json

import numpy as np

from bench.drawings import place_digits
from digits.recognition.components import Component
from digits.recognition.oversegmentation import measure_gap
from digits.recognition.strokes import LINE_HEIGHT, PEN_WIDTH, draw_stroke
from digits.recognition.text_lines import MIN_DIGIT_HEIGHT
from scripts.fit_split_prior import fit_logistic_regression

COUNT = 3_000  # digits, and pairs of digits
MIN_GAP, MAX_GAP = -0.2, 0.4  # line heights
Features = list[tuple[float, float, float]]


def draw_digit(label: int, left: float, rng: np.random.Generator) -> list[Component]:
    """Draw the strokes of a digit from a column on, from left to right; without low ones, which join others anyway."""
    strokes = place_digits(str(label), LINE_HEIGHT, (0, 0), rng)
    components = [
        draw_stroke(stroke + np.array([left, LINE_HEIGHT]), round(PEN_WIDTH * LINE_HEIGHT), index)
        for index, stroke in enumerate(strokes)
    ]
    high = [component for component in components if component.height >= MIN_DIGIT_HEIGHT * LINE_HEIGHT]
    return sorted(high, key=lambda component: component.box.left + component.box.right)


def measure_pair(left: Component, right: Component) -> tuple[float, float, float]:
    """Measure two strokes: the fields of their gap."""
    gap = measure_gap(left, right, LINE_HEIGHT)
    assert gap.stroke_overlap is not None, "both are strokes"
    return gap.width, gap.vertical_iou, gap.stroke_overlap


def collect_pairs(rng: np.random.Generator) -> tuple[Features, Features]:
    """Measure pairs of neighboring strokes within digits, and between two digits."""
    within: Features = []
    between: Features = []
    for _ in range(COUNT):
        first = draw_digit(int(rng.integers(10)), LINE_HEIGHT, rng)
        within += [measure_pair(a, b) for a, b in itertools.pairwise(first)]
        right = max(component.box.right for component in first)
        second = draw_digit(int(rng.integers(10)), right + rng.uniform(MIN_GAP, MAX_GAP) * LINE_HEIGHT, rng)
        between.append(measure_pair(first[-1], second[0]))
    return within, between


def main() -> None:
    within, between = collect_pairs(np.random.default_rng(1))
    features, labels = np.array(within + between), np.repeat([0, 1], [len(within), len(between)])
    weights, error = fit_logistic_regression(features, labels)
    fitted = {"weights": weights.round(1).tolist(), "error_percent": round(100 * error, 1)}
    print(json.dumps({"within_digits": len(within), "between_digits": len(between)} | fitted))


if __name__ == "__main__":
    main()
