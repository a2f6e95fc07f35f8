"""The probability that a text of a line is right, from what the line reader and the digit classifier think of it.

A logistic model (a softmax over the proposed texts and "another text") of their log-odds, fitted by
scripts/fit_line_probabilities.py on composed pictures of validation digits, letters and signs. On a text of one digit
both have their weight: such a digit is seldom cut out wrongly, and the classifier has learned to reject non-digits. In
longer texts the classifier judges the digits that were not cut out of a larger component. Fitted on all digits, or with
the segmentation graph, these got weights below 0.05 beside the line reader.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class TextScores(NamedTuple):
    """How probable a text is.

    line: by the line reader, the logarithm, summed over all alignments; the mean over its views.
    digit: by the classifier, for a text of one digit, else None.
    uncut: by the classifier, for other texts, the sum of the logarithms over the digits that were not cut out.
    """

    line: float
    digit: float | None = None
    uncut: float = 0.0


class ScoreWeights(NamedTuple):
    """Weights of the logistic model.

    line: of the line reader's log-odds of a text.
    uncut: of what the classifier thinks of digits that were not cut out.
    other, other_per_symbol: the logit of all texts that were not proposed: a constant, and what each symbol adds.
    line_alone, digit_alone, alone: for a text of one digit, the weights of both log-odds and a constant.
    """

    line: float
    uncut: float
    other: float
    other_per_symbol: float
    line_alone: float
    digit_alone: float
    alone: float


SCORE_WEIGHTS = ScoreWeights(
    line=0.620, uncut=0.688, other=-1.211, other_per_symbol=0.051, line_alone=0.451, digit_alone=0.45, alone=-1.706
)
MIN_DIGIT_PROBABILITY = 0.01  # of a digit among others: one that the classifier rejects may be cut off
LOG_ODDS_RANGE = -12.0, 7.0  # beyond it there were too few texts to calibrate


def log_odds(log_probability: float) -> float:
    """Return the log-odds of a probability given as its logarithm, within LOG_ODDS_RANGE."""
    low, high = LOG_ODDS_RANGE
    if log_probability < low:
        return low
    return min(high, max(low, log_probability - math.log(max(-math.expm1(log_probability), 1e-9))))


def text_logit(scores: TextScores) -> float:
    """Return the logit of a proposed text; `text_probabilities` compares it with that of all other texts."""
    weights, line = SCORE_WEIGHTS, log_odds(scores.line)
    if scores.digit is None:
        return weights.line * line + weights.uncut * scores.uncut
    digit = log_odds(math.log(max(scores.digit, 1e-9)))
    return weights.line_alone * line + weights.digit_alone * digit + weights.alone


def text_probabilities(scores: Sequence[TextScores], symbol_count: int) -> list[float]:
    """Return the calibrated probabilities that each of the proposed texts is right; their sum is below 1.

    symbol_count: of the line reader's text.
    """
    logits = [text_logit(score) for score in scores]
    other = SCORE_WEIGHTS.other + SCORE_WEIGHTS.other_per_symbol * symbol_count
    highest = max(*logits, other)
    total = sum(math.exp(logit - highest) for logit in [*logits, other])
    return [math.exp(logit - highest) / total for logit in logits]
