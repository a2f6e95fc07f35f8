"""Decides what a text line says, from two opinions: the line reader's and the segmentation graph's.

Each proposes a text, and each says how probable it finds both texts. The probability that a text is right follows from
a logistic model of these, fitted on composed lines that neither network was trained on.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Opinions(NamedTuple):
    """How probable a text is, as logarithms.

    line: by the line reader, summed over all alignments.
    graph: by the best path through the segmentation graph that shows the text, relative to all paths.
    """

    line: float
    graph: float


class DecisionWeights(NamedTuple):
    """Weights of the logistic model; `other` and `other_per_symbol` stand for all texts that nobody proposed."""

    line: float
    graph: float
    other: float
    other_per_symbol: float


DECISION_WEIGHTS = DecisionWeights(0.5, 0.1, -3.0, 0.0)
MIN_OPINION = -40.0  # less is not counted: one opinion cannot make a text impossible


def text_probabilities(opinions: Sequence[Opinions], symbol_count: int) -> list[float]:
    """Return the calibrated probabilities that each of the proposed texts is right; their sum is below 1.

    symbol_count: of the line reader's text.
    """
    weights = DECISION_WEIGHTS
    scores = [
        weights.line * max(opinion.line, MIN_OPINION) + weights.graph * max(opinion.graph, MIN_OPINION)
        for opinion in opinions
    ]
    other = weights.other + weights.other_per_symbol * symbol_count
    highest = max(*scores, other)
    total = sum(math.exp(score - highest) for score in [*scores, other])
    return [math.exp(score - highest) / total for score in scores]
