"""How well the heat of `digits/explain/saliency.py` points at the ink that made the difference.

Our own hands write a digit, then add a stroke that makes it another one: a bar makes a 1 a 7. Of the pairs that the
network reads both as meant, the heat for the new digit should lie on that stroke, and the strongest heat against the
old one, too: "why not 1?". Pairs by two sorts of seeds: methods are chosen on one, reported on the other. One thread;
the last line is one JSON object.
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
from digits.explain import activations, saliency
from digits.probabilities import class_probabilities
from digits.recognition import normalization
from digits.recognition.geometry import AxisTransform

SIDE = 100  # pixels of a drawn pair
HANDS = 60  # of each change, before the network has said which are as meant
CHOOSING, REPORTING = 0, 1_000_000  # first seeds
LEAST = 0.5  # how likely the network must find what was meant
ON = 0.5  # share of a pixel's ink from which on it counts as the added stroke's
# What is to be reached, in percent: as much as on the hands by which the method was chosen, or nearly.
LEASTS = {"for_new_share": 35, "for_new_peak": 60, "against_old_share": 70, "against_old_peak": 90}
MOST_MS = 30  # of the 60 that an explanation may take
INKED = 40  # of 255: what is paler is edge, which the page hardly shows

SEVEN: Stroke = [(0, 0.05), (0.3, 0.03), (0.6, 0), (0.6, 0), (0.4, 0.45), (0.25, 1)]
THREE: Stroke = synthetic.STROKE_TEMPLATES[3][0][0]
FIVE: Stroke = [(0.55, 0), (0.15, 0.03), (0.06, 0.45), (0.4, 0.38), (0.62, 0.65), (0.5, 1), (0.2, 1.03), (0, 0.9)]
SIX: Stroke = synthetic.STROKE_TEMPLATES[6][0][0]
SMALL = synthetic.ellipse_arc(0.3, 0.27, 0.28, 0.27, -20, -340)


@dataclass(frozen=True)
class Change:
    """Strokes that are read as `old`, and more that make them `new`."""

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
    Change(0, 9, [SMALL], [[(0.58, 0.25), (0.56, 0.6), (0.52, 1)]]),
    Change(0, 6, [synthetic.ellipse_arc(0.3, 0.73, 0.3, 0.28, 160, -350)], [[(0.45, 0), (0.12, 0.25), (0, 0.7)]]),
    Change(4, 9, synthetic.STROKE_TEMPLATES[4][2], [[(0.05, 0.05), (0.3, -0.04), (0.6, 0)]]),
    Change(7, 2, [SEVEN], [[(0.25, 1), (0.4, 0.97), (0.75, 1)]]),
    Change(7, 9, [SEVEN], [[(0, 0.05), (-0.02, 0.4), (0.2, 0.48), (0.42, 0.42)]]),
    Change(6, 8, [SIX], [[(0.5, 0), (0.66, 0.25), (0.4, 0.5)]]),
    Change(9, 8, [synthetic.STROKE_TEMPLATES[9][2][0]], [[(0.1, 0.98), (-0.02, 0.75), (0.35, 0.48)]]),
)


@dataclass(frozen=True)
class Pair:
    """A new digit: its frame (28, 28) uint8, and the share (28, 28) of the ink in each pixel that was added."""

    change: Change
    frame: np.ndarray
    share: np.ndarray


def pairs(network: torch.nn.Module, first: int, hands: int) -> Iterator[Pair]:
    """What `hands` by seeds from `first` on wrote of each change, and the network reads as meant."""
    for change in CHANGES:
        for seed in range(first, first + hands):
            before, after = drawn(change, torch.Generator().manual_seed(seed))
            framed, transform, _ = normalization.normalize_with_transform(np.maximum(before, after))
            chances = class_probabilities(
                network(activations.to_network_input(np.array([normalization.normalize(before), framed])))
            )
            if min(chances[0, change.old], chances[1, change.new]) > LEAST:
                yield Pair(change, framed, shares(before, after, transform))


def drawn(change: Change, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One hand's strokes and what it adds, two of (SIDE, SIDE) from 0 to 1."""
    hand = [stroke[0] for stroke in synthetic.jitter_strokes(change.strokes + change.added, 1, generator)]
    points = torch.cat(hand)
    low, high = points.amin(0), points.amax(0)
    hand = [(stroke - (low + high) / 2) / (high - low).max() + 0.5 for stroke in hand]
    width = SIDE * (0.06 + 0.08 * torch.rand((), generator=generator).item())
    known = len(change.strokes)
    return tuple(synthetic.rasterize(part, SIDE, width).numpy() for part in (hand[:known], hand[known:]))


def shares(before: np.ndarray, after: np.ndarray, transform: AxisTransform) -> np.ndarray:
    """How much of the ink in each of the frame's pixels was added, 0 to 1: (28, 28)."""
    masses = []
    for ink in (before, (after - before).clip(0)):
        y, x = (ink > 0.1).nonzero()
        place = transform.apply(x + 0.5, y + 0.5)
        masses.append(
            np.histogram2d(
                *reversed(place),
                bins=normalization.IMAGE_SIZE,
                range=[[0, normalization.IMAGE_SIZE]] * 2,
                weights=ink[y, x],
            )[0]
        )
    return masses[1] / np.maximum(masses[0] + masses[1], 1e-9)


def judged(pair: Pair, found: np.ndarray) -> dict[str, float]:
    """How well the heat `found` (10, 28, 28) points at what was added, each 0 to 1.

    For the new digit: the share of the heat above 0 that lies there, and whether its peak does. The same for the heat
    below 0 against the old digit.
    """
    inked = pair.frame > INKED
    says = {}
    for name, towards in (("for_new", found[pair.change.new]), ("against_old", -found[pair.change.old])):
        spoke = np.where(inked, towards, 0).clip(0)
        says[f"{name}_share"] = float((spoke * pair.share).sum() / max(spoke.sum(), 1e-9))
        says[f"{name}_peak"] = float(pair.share.flat[spoke.argmax()] > ON)
    return says


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    network = model.load(args.weights)
    with torch.inference_mode():
        known = list(pairs(network, CHOOSING if args.choose else REPORTING, HANDS))
    rows, seconds = [], []
    for pair in known:
        began = time.perf_counter()
        found = saliency.rise(pair.frame, network)
        seconds.append(time.perf_counter() - began)
        rows.append(judged(pair, found.numpy()))
    percent = {name: round(100 * statistics.mean(row[name] for row in rows), 1) for name in rows[0]}
    chance = 100 * statistics.mean(float(pair.share[pair.frame > INKED].mean()) for pair in known)
    count = Counter(f"{pair.change.old} to {pair.change.new}" for pair in known)
    print(", ".join(f"{name}: {number}" for name, number in count.items()))
    print(f"{len(known)} pairs; of the ink {chance:.1f} % was added, as much heat would lie there by chance")
    found = [at_least(f"% {name.replace('_', ' ')}", [percent[name]], least) for name, least in LEASTS.items()]
    found.append(at_most("ms for the heat of a digit", [1000 * statistics.median(seconds)], MOST_MS))
    report("heat", found, percent | {"pairs": len(known), "chance": round(chance, 1)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="See whether heat points at the stroke that made another digit.")
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--choose", action="store_true", help="with the hands on which methods are chosen")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
