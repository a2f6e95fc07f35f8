"""The probability that a text of a line is right, from two opinions: the line reader's and the segmentation graph's.

A logistic model (a softmax over the proposed texts and "another text") of both opinions, fitted by
scripts/fit_line_probabilities.py on composed pictures of validation digits.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Opinions(NamedTuple):
    """How probable a text is, as logarithms.

    line: by the line reader, summed over all alignments; the mean over its views.
    graph: by the best path through the segmentation graph that shows the text, relative to all paths.
    digits: by the digit classifier, the sum over the digits of that path; 0 for a text of one symbol.
    digit: the same for a text of one symbol, which is seldom cut out wrongly: there the classifier counts for more.
    """

    line: float
    graph: float
    digits: float
    digit: float


class OpinionWeights(NamedTuple):
    """Weights of the logistic model; `other` and `other_per_symbol` give the logit of texts that nobody proposed."""

    line: float
    graph: float
    digits: float
    digit: float
    other: float
    other_per_symbol: float


OPINION_WEIGHTS = OpinionWeights(line=1.4, graph=0.02, digits=0.05, digit=1.0, other=-2.8, other_per_symbol=-0.13)
MIN_OPINION = -40.0  # a lower one counts as this: one opinion alone cannot make a text impossible


def text_probabilities(opinions: Sequence[Opinions], symbol_count: int) -> list[float]:
    """Return the calibrated probabilities that each of the proposed texts is right; their sum is below 1.

    symbol_count: of the line reader's text.
    """
    weights = OPINION_WEIGHTS
    logits = [
        sum(weight * max(value, MIN_OPINION) for weight, value in zip(weights[:4], opinion, strict=True))
        for opinion in opinions
    ]
    other = weights.other + weights.other_per_symbol * symbol_count
    highest = max(*logits, other)
    total = sum(math.exp(logit - highest) for logit in [*logits, other])
    return [math.exp(logit - highest) / total for logit in logits]
