"""Segmentation graph: groups the pieces of a text line into digits.

Touching digits share a connected component, and one digit may consist of several strokes, so geometry alone cannot
distinguish a two-stroke 4 from a narrow 10. Every span of neighboring pieces that could be one digit is classified: the
network has learned to be confident on digits and to doubt fragments and pairs. The best path through these
candidates is the reading, and its posterior is the segmentation probability.

Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", part V.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from digits.recognition.geometry import Box, enclosing_box
from digits.recognition.line_symbols import DIGITS
from digits.recognition.oversegmentation import Gap


@dataclass(frozen=True)
class Path:
    """A segmentation of a line: the spans [start, end) of pieces that form digits, and its posterior probability."""

    spans: list[tuple[int, int]]
    posterior: float


class SplitPriorWeights(NamedTuple):
    """Weights of a logistic regression on a `Gap`: the logit that two neighboring pieces belong to two digits."""

    bias: float
    width: float
    vertical_iou: float
    stroke_overlap: float = 0.0


MAX_GAP = 0.35  # line heights: pieces further apart are never one digit
MAX_PIECES = 6  # per digit
MAX_ASPECT = 1.7  # width over height: a wider span of several components is not one digit
# Fitted on MNIST and synthetic digits, with equal weight on both classes. `scripts/fit_split_prior.py` now loads MNIST
# only, for which it fits -9.3, 21.7 and 11.9; these misclassify 3 % of both classes, and the width alone 10 %.
SPLIT_PRIOR_WEIGHTS = SplitPriorWeights(bias=-7.7, width=19.2, vertical_iou=9.7)
# Of strokes as data, which cross within digits and overlap between them. `scripts/fit_stroke_prior.py` fits them on
# synthetic pairs of one digit and of two, -0.2 to 0.4 line heights apart, with equal weight on both classes: 1.2 %
# are misclassified. The weights above join 47 % of the pairs of two digits.
STROKE_SPLIT_PRIOR_WEIGHTS = SplitPriorWeights(bias=-1.5, width=8.8, vertical_iou=16.4, stroke_overlap=-12.6)
MAX_LOGIT = 7.0  # of the split prior: odds of at most 1000 to 1, so that no path becomes impossible
CUT_PRIOR = 0.1  # prior probability that a cut through a component separates two digits
# Prior probability that a component which can be cut into digits was written as several digits: a 1 and a 3 can be
# cut out of a theta.
MULTI_DIGIT_PRIOR = 0.75
SKIP_SCORE = 4 * math.log(0.1)  # log probability that a piece belongs to no symbol, as the classifier would give it
UNSEEN_MARK_SCORE = 4 * math.log(0.5)  # the same for a mark without a piece: a point that was dropped as a speck
SKIPPED, UNSEEN = -1, -2  # in place of the index of a span
CLASSIFIER_EXPONENT = 4  # of the classifier's probability: fragments of digits also look like digits


def candidate_spans(boxes: Sequence[Box], gaps: Sequence[Gap | None]) -> list[tuple[int, int]]:
    """List the spans [start, end) of neighboring pieces that could be one digit.

    boxes: of the pieces, from left to right.
    gaps: between pieces k and k + 1; None where both were cut from one component.
    """
    spans = []
    for start in range(len(boxes)):
        box = boxes[start]
        spans.append((start, start + 1))
        for end in range(start + 1, min(start + MAX_PIECES, len(boxes))):
            gap = gaps[end - 1]
            if gap is not None and gap.width > MAX_GAP:
                break
            box = enclosing_box([box, boxes[end]])
            # A single component may be wider: a 2 with a long base.
            if box.width > MAX_ASPECT * box.height and any(gap is not None for gap in gaps[start:end]):
                break
            spans.append((start, end + 1))
    return spans


def split_prior(gap: Gap | None) -> float:
    """Return the prior probability that the pieces on both sides of `gap` belong to two digits.

    gap: None where both pieces were cut from one component.
    """
    if gap is None:
        return CUT_PRIOR
    weights = SPLIT_PRIOR_WEIGHTS if gap.stroke_overlap is None else STROKE_SPLIT_PRIOR_WEIGHTS
    logit = weights.bias + weights.width * gap.width + weights.vertical_iou * gap.vertical_iou
    logit += weights.stroke_overlap * (gap.stroke_overlap or 0)
    return 1 / (1 + math.exp(min(max(-logit, -MAX_LOGIT), MAX_LOGIT)))


def best_path(gaps: Sequence[Gap | None], spans: Sequence[tuple[int, int]], confidences: Sequence[float]) -> Path:
    """Find the most probable segmentation (Viterbi) and its posterior probability (forward algorithm).

    gaps, spans: as in `candidate_spans`.
    confidences: of each span, the probability of its most probable class, in [0, 1].
    """
    count = len(gaps) + 1
    priors = [split_prior(gap) for gap in gaps]
    log_join, log_split = [math.log(1 - prior) for prior in priors], [math.log(prior) for prior in priors]
    # Scores of all paths (summed) and of the best path to each boundary between pieces, as logarithms: products of
    # many small probabilities would underflow.
    total, best = [0.0] + [-math.inf] * count, [0.0] + [-math.inf] * count
    previous = [0] * (count + 1)
    for (start, end), confidence in sorted(zip(spans, confidences, strict=True), key=lambda item: item[0][1]):
        score = CLASSIFIER_EXPONENT * math.log(max(confidence, 1e-9)) + sum(log_join[start : end - 1])
        if start:
            score += log_split[start - 1]
        total[end] = _log_add(total[start] + score, total[end])
        if best[start] + score > best[end]:
            best[end], previous[end] = best[start] + score, start
    path = _backtrack(previous)
    posterior = math.exp(best[count] - total[count])
    if any(gaps[end - 1] is None for _, end in path[:-1]):
        posterior *= MULTI_DIGIT_PRIOR
    return Path(path, posterior)


def path_of_text(
    gaps: Sequence[Gap | None], spans: Sequence[tuple[int, int]], scores: np.ndarray, text: Sequence[int]
) -> list[int | None] | None:
    """Find the most probable segmentation in which the digits and marks are those of `text` (Viterbi).

    gaps, spans: as in `candidate_spans`.
    scores: of each span the log probabilities of all symbols, (S, 17).
    text: indices of symbols. Pieces between them may be left out: clutter.

    Returns: of each symbol, the index of its span, or None for a mark that has no piece of its own; None if no path has
        so many symbols.
    """
    count = len(gaps) + 1
    priors = [split_prior(gap) for gap in gaps]
    log_join, log_split = [math.log(1 - prior) for prior in priors], [math.log(prior) for prior in priors]
    joined = [sum(log_join[start : end - 1]) + (log_split[start - 1] if start else 0.0) for start, end in spans]
    by_end = sorted(range(len(spans)), key=lambda k: spans[k][1])
    best = [SKIP_SCORE * end for end in range(count + 1)]  # of the first symbols of the text, up to each boundary
    previous: list[list[int]] = []  # for each symbol and boundary, the span that ends there, SKIPPED or UNSEEN
    for symbol in text:
        is_mark = symbol >= len(DIGITS)
        row = [score + UNSEEN_MARK_SCORE if is_mark else -math.inf for score in best]
        chosen: list[int] = [UNSEEN if is_mark else SKIPPED] * (count + 1)
        index = 0
        for end in range(1, count + 1):
            if row[end - 1] + SKIP_SCORE > row[end]:
                row[end], chosen[end] = row[end - 1] + SKIP_SCORE, SKIPPED
            while index < len(by_end) and spans[by_end[index]][1] == end:
                k = by_end[index]
                score = best[spans[k][0]] + CLASSIFIER_EXPONENT * float(scores[k][symbol]) + joined[k]
                if score > row[end]:
                    row[end], chosen[end] = score, k
                index += 1
        best = row
        previous.append(chosen)
    if best[count] == -math.inf:
        return None
    path, end = [], count
    for chosen in reversed(previous):
        while chosen[end] == SKIPPED:
            end -= 1
        path.append(None if chosen[end] == UNSEEN else chosen[end])
        end = end if chosen[end] == UNSEEN else spans[chosen[end]][0]
    return path[::-1]


def _log_add(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b)); one of the two may be minus infinity."""
    larger, smaller = max(a, b), min(a, b)
    return larger + math.log1p(math.exp(smaller - larger))


def _backtrack(previous: list[int]) -> list[tuple[int, int]]:
    """Return the spans of the best path; `previous[end]` is the start of the last span of the best path to `end`."""
    spans, end = [], len(previous) - 1
    while end:
        spans.append((previous[end], end))
        end = previous[end]
    return spans[::-1]
