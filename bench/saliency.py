"""Measure how well saliency maps point at the stroke that turns one digit into another.

    python -m bench.saliency

A synthetic handwriting draws a digit, then adds a stroke that makes it another one: a bar makes a 1 a 7. In the pairs
that the network classifies as intended, the map of the new digit should be positive on that stroke, and the map of the
old digit negative ("why not 1?"). There are two sets of handwritings: methods are chosen on one (`--choose`), reported
on the other. One thread. The last line is one JSON object.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

import model
from bench.results import at_least, at_most, report
from digits import UserError
from digits.data import synthetic
from digits.data.synthetic import Stroke
from digits.explain import saliency
from digits.probabilities import class_probabilities, to_input
from digits.recognition import normalization
from digits.recognition.geometry import AxisTransform
from digits.recognition.reader import Reader

DRAWING_SIDE = 100  # pixels of a drawn pair
NUM_HANDWRITINGS = 60  # of each change, before pairs that the network misreads are dropped
FIRST_SEED_CHOOSING, FIRST_SEED_REPORTING = 0, 1_000_000
MIN_PROBABILITY = 0.5  # of the intended digit, for a pair to count
MIN_ADDED_FRACTION = 0.5  # of a pixel's intensity, from which on the pixel belongs to the added stroke
# Targets in percent: about the results on the handwritings on which the method was chosen.
TARGETS = {"for_new_share": 35, "for_new_peak": 60, "against_old_share": 70, "against_old_peak": 90}
TARGET_MS = 30  # of the 60 ms that an explanation may take
MIN_INTENSITY = 40  # of 255: paler pixels are edges, which the page hardly shows

SEVEN: Stroke = [(0, 0.05), (0.3, 0.03), (0.6, 0), (0.6, 0), (0.4, 0.45), (0.25, 1)]
THREE: Stroke = synthetic.STROKE_TEMPLATES[3][0][0]
FIVE: Stroke = [(0.55, 0), (0.15, 0.03), (0.06, 0.45), (0.4, 0.38), (0.62, 0.65), (0.5, 1), (0.2, 1.03), (0, 0.9)]
SIX: Stroke = synthetic.STROKE_TEMPLATES[6][0][0]
SMALL_LOOP = synthetic.ellipse_arc(0.3, 0.27, 0.28, 0.27, -20, -340)


@dataclass(frozen=True)
class Change:
    """Strokes that form the digit `old`, and added strokes that make it `new`."""

    old: int
    new: int
    strokes: list[Stroke]
    added: list[Stroke]


CHANGES = (
    Change(1, 7, [[(0.6, 0), (0.42, 0.45), (0.25, 1)]], [[(0, 0.04), (0.3, 0.02), (0.6, 0)]]),
    Change(
        1, 4, [[(0.45, 0.1), (0.45, 0.5), (0.43, 1)]], [[(0.1, 0), (0, 0.55), (0, 0.55), (0.35, 0.53), (0.65, 0.5)]]
    ),
    Change(3, 8, [THREE], [[(0.05, 0.15), (0, 0.3), (0.2, 0.47)], [(0.2, 0.47), (-0.05, 0.72), (0, 0.88)]]),
    Change(3, 9, [THREE], [[(0.05, 0.15), (-0.03, 0.35), (0.2, 0.47)]]),
    Change(5, 6, [FIVE], [[(0.06, 0.45), (-0.06, 0.68), (0, 0.9)]]),
    Change(0, 9, [SMALL_LOOP], [[(0.58, 0.25), (0.56, 0.6), (0.52, 1)]]),
    Change(0, 6, [synthetic.ellipse_arc(0.3, 0.73, 0.3, 0.28, 160, -350)], [[(0.45, 0), (0.12, 0.25), (0, 0.7)]]),
    Change(4, 9, synthetic.STROKE_TEMPLATES[4][2], [[(0.05, 0.05), (0.3, -0.04), (0.6, 0)]]),
    Change(7, 2, [SEVEN], [[(0.25, 1), (0.4, 0.97), (0.75, 1)]]),
    Change(7, 9, [SEVEN], [[(0, 0.05), (-0.02, 0.4), (0.2, 0.48), (0.42, 0.42)]]),
    Change(6, 8, [SIX], [[(0.5, 0), (0.66, 0.25), (0.4, 0.5)]]),
    Change(9, 8, [synthetic.STROKE_TEMPLATES[9][2][0]], [[(0.1, 0.98), (-0.02, 0.75), (0.35, 0.48)]]),
)


@dataclass(frozen=True)
class Pair:
    """A changed digit.

    normalized: the new digit, (28, 28) uint8.
    added_fraction: of each pixel's intensity, the fraction that was added, (28, 28) in [0, 1].
    """

    change: Change
    normalized: np.ndarray
    added_fraction: np.ndarray


def find_pairs(network: torch.nn.Module, first_seed: int, num_handwritings: int) -> Iterator[Pair]:
    """Draw each change by several handwritings; yield the pairs that the network classifies as intended."""
    for change in CHANGES:
        for seed in range(first_seed, first_seed + num_handwritings):
            before, added = draw_change(change, torch.Generator().manual_seed(seed))
            normalized, transform, _ = normalization.normalize_with_transform(np.maximum(before, added))
            inputs = to_input(np.array([normalization.normalize(before), normalized]))
            probabilities = class_probabilities(network(inputs))
            if min(probabilities[0, change.old], probabilities[1, change.new]) > MIN_PROBABILITY:
                yield Pair(change, normalized, added_fractions(before, added, transform))


def draw_change(change: Change, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the old digit and the added strokes in one handwriting: two (DRAWING_SIDE, DRAWING_SIDE) in [0, 1]."""
    strokes = [stroke[0] for stroke in synthetic.jitter_strokes(change.strokes + change.added, 1, generator)]
    points = torch.cat(strokes)
    low, high = points.amin(0), points.amax(0)
    strokes = [(stroke - (low + high) / 2) / (high - low).max() + 0.5 for stroke in strokes]
    width = DRAWING_SIDE * (0.06 + 0.08 * torch.rand((), generator=generator).item())
    num_old = len(change.strokes)
    return tuple(
        synthetic.rasterize(part, DRAWING_SIDE, width).numpy() for part in (strokes[:num_old], strokes[num_old:])
    )


def added_fractions(before: np.ndarray, added: np.ndarray, transform: AxisTransform) -> np.ndarray:
    """Compute how much of the intensity in each pixel of the normalized digit was added: (28, 28) in [0, 1]."""
    size = normalization.IMAGE_SIZE
    masses = []
    for intensity in (before, (added - before).clip(0)):
        y, x = (intensity > 0.1).nonzero()
        position_x = transform.scale_x * (x + 0.5) + transform.offset_x
        position_y = transform.scale_y * (y + 0.5) + transform.offset_y
        bounds = [[0, size]] * 2
        masses.append(np.histogram2d(position_y, position_x, size, bounds, weights=intensity[y, x])[0])
    return masses[1] / np.maximum(masses[0] + masses[1], 1e-9)


def score_maps(pair: Pair, maps: np.ndarray) -> dict[str, float]:
    """Score how well saliency maps (10, 28, 28) point at the added stroke, each score in [0, 1].

    Returns: for the new digit, the share of the positive saliency on the added stroke, and whether the peak lies on it;
    the same for the negative saliency of the old digit.
    """
    is_foreground = pair.normalized > MIN_INTENSITY
    scores = {}
    for name, signed in (("for_new", maps[pair.change.new]), ("against_old", -maps[pair.change.old])):
        positive = np.where(is_foreground, signed, 0).clip(0)
        scores[f"{name}_share"] = float((positive * pair.added_fraction).sum() / max(positive.sum(), 1e-9))
        scores[f"{name}_peak"] = float(pair.added_fraction.flat[positive.argmax()] > MIN_ADDED_FRACTION)
    return scores


def chance_level(pair: Pair) -> float:
    """The share of saliency that would lie on the added stroke if all of the foreground had the same."""
    return float(pair.added_fraction[pair.normalized > MIN_INTENSITY].mean())


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    network = Reader(model.load(args.weights)).network  # in the memory format in which the server runs it
    with torch.inference_mode():
        pairs = list(
            find_pairs(network, FIRST_SEED_CHOOSING if args.choose else FIRST_SEED_REPORTING, NUM_HANDWRITINGS)
        )
    scores, seconds = [], []
    for pair in pairs:
        start = time.perf_counter()
        maps = saliency.rise(pair.normalized, network)
        seconds.append(time.perf_counter() - start)
        scores.append(score_maps(pair, maps.numpy()))
    percent = {name: round(100 * statistics.mean(score[name] for score in scores), 1) for name in scores[0]}
    chance = round(100 * statistics.mean(map(chance_level, pairs)), 1)
    counts = Counter(f"{pair.change.old} to {pair.change.new}" for pair in pairs)
    print(", ".join(f"{name}: {count}" for name, count in counts.items()))
    print(f"{len(pairs)} pairs; {chance} % of the foreground was added, the share of saliency expected by chance")
    rows = [at_least(f"% {name.replace('_', ' ')}", [percent[name]], target) for name, target in TARGETS.items()]
    rows.append(at_most("ms for the saliency maps of a digit", [1000 * statistics.median(seconds)], TARGET_MS))
    report("saliency", rows, percent | {"pairs": len(pairs), "chance": chance})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--choose", action="store_true", help="use the handwritings on which methods are chosen")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
