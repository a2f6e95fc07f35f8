"""The probability that a text of a line is right, from two opinions: the line reader's and the segmentation graph's.

A logistic model (a softmax over the proposed texts and "another text") of both opinions, fitted by
scripts/fit_line_probabilities.py on composed pictures of validation digits.
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


class OpinionWeights(NamedTuple):
    """Weights of the logistic model; `other` and `other_per_symbol` give the logit of texts that nobody proposed."""

    line: float
    graph: float
    other: float
    other_per_symbol: float


OPINION_WEIGHTS = OpinionWeights(0.5, 0.1, -3.0, 0.0)
MIN_OPINION = -40.0  # a lower one counts as this: one opinion alone cannot make a text impossible


def text_probabilities(opinions: Sequence[Opinions], symbol_count: int) -> list[float]:
    """Return the calibrated probabilities that each of the proposed texts is right; their sum is below 1.

    symbol_count: of the line reader's text.
    """
    weights = OPINION_WEIGHTS
    logits = [
        weights.line * max(opinion.line, MIN_OPINION) + weights.graph * max(opinion.graph, MIN_OPINION)
        for opinion in opinions
    ]
    other = weights.other + weights.other_per_symbol * symbol_count
    highest = max(*logits, other)
    total = sum(math.exp(logit - highest) for logit in [*logits, other])
    return [math.exp(logit - highest) / total for logit in logits]
