"""Which pieces of a line are one digit: of all ways to join them the likeliest, as the network sees it.

Digits may touch, and one digit may be written in strokes that do not. No rule tells a 4 in two strokes from a
narrow 10, so each run of neighbouring pieces that could be one digit is shown to the network, which has
learned to be sure of digits and to doubt parts and pairs of them. Over all ways to divide the line, chances
are multiplied along a way and added up (the forward algorithm); the best way is read, and its share of the
sum is the chance that it is the right one. Source: LeCun et al. 1998, "Gradient-based learning applied to
document recognition", part V, on graphs of candidate segments.
"""

import math
from dataclasses import dataclass

MAX_GAP = 0.35  # of the line's height: pieces further apart are never one digit
MAX_LOGIT = 7.0  # a gap says at most 1000 to 1, so that no way becomes impossible
CUT_PRIOR = 0.1  # chance before looking that a place where a part is thin lies between two digits
TOUCHING = 0.75  # chance that what can be cut into digits was meant as such: a 1 and a 3 can be cut out of a theta
# Logit that two pieces are of two digits: its value at 0, for each line height between them, for standing on the same
# level. By logistic regression, either as likely before looking, on MNIST's and synthetic digits; `scripts/fit_split_prior.py`
# fits -9.3, 21.7 and 11.9 on MNIST's alone, which tells 3 % of both wrongly, the gap alone 10 %.
SPLIT_PRIOR_WEIGHTS = (-7.7, 19.2, 9.7)
CLASSIFIER_EXPONENT = (
    4  # how much more a sure reading weighs than its probability: parts of digits also look like something
)
MAX_PIECES = 6  # pieces in a digit
MAX_ASPECT = 1.7  # times its height: a wider run of parts is no digit


@dataclass(frozen=True)
class Gap:
    """Between two pieces: how far apart they are, as a share of the line's height; how much they are on one level.

    The height that they have in common over that of both, from 0 to 1.
    """

    across: float
    level: float


@dataclass(frozen=True)
class Path:
    """One way to divide a line: its runs of pieces, [start, end), and its chance among all ways."""

    runs: list[tuple[int, int]]
    chance: float


def candidate_spans(boxes: list[tuple[int, int, int, int]], gaps: list[Gap | None]) -> list[tuple[int, int]]:
    """The runs of neighbouring pieces in `boxes` that could be one digit, [start, end) each.

    Between pieces k and k + 1 is `gaps[k]`; None where they were cut from one part.
    """
    found = []
    for start in range(len(boxes)):
        left, top, right, bottom = boxes[start]
        found.append((start, start + 1))
        for end in range(start + 1, min(start + MAX_PIECES, len(boxes))):
            gap = gaps[end - 1]
            if gap is not None and gap.across > MAX_GAP:
                break
            box = boxes[end]
            left, top, right, bottom = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
            if right - left > MAX_ASPECT * (bottom - top) and any(gap is not None for gap in gaps[start:end]):
                break
            found.append((start, end + 1))
    return found


def split_prior(gap: Gap | None) -> float:
    """The chance before looking that two pieces with a `gap` between them, as in `runs`, are of two digits."""
    if gap is None:
        return CUT_PRIOR
    logit = SPLIT_PRIOR_WEIGHTS[0] + SPLIT_PRIOR_WEIGHTS[1] * gap.across + SPLIT_PRIOR_WEIGHTS[2] * gap.level
    return 1 / (1 + math.exp(min(max(-logit, -MAX_LOGIT), MAX_LOGIT)))


def best_path(gaps: list[Gap | None], runs: list[tuple[int, int]], sure: list[float]) -> Path:
    """The likeliest way through `runs`, of which each is a digit with probability `sure`; `gaps` as there."""
    count, apart = len(gaps) + 1, [split_prior(gap) for gap in gaps]
    joined, cut = [math.log(1 - chance) for chance in apart], [math.log(chance) for chance in apart]
    total, top = [0.0] + [-math.inf] * count, [0.0] + [-math.inf] * count  # logarithms, as many small chances multiply
    back = [0] * (count + 1)
    for (start, end), probability in sorted(zip(runs, sure, strict=True), key=lambda run: run[0][1]):
        chance = CLASSIFIER_EXPONENT * math.log(max(probability, 1e-9)) + sum(joined[start : end - 1])
        if start:
            chance += cut[start - 1]
        more, less = total[start] + chance, total[end]
        if more < less:
            more, less = less, more
        total[end] = more + math.log1p(math.exp(less - more))
        if top[start] + chance > top[end]:
            top[end], back[end] = top[start] + chance, start
    way, end = [], count
    while end:
        way.append((back[end], end))
        end = back[end]
    way.reverse()
    chance = math.exp(top[count] - total[count])
    if any(gaps[end - 1] is None for _, end in way[:-1]):
        chance *= TOUCHING
    return Path(way, chance)
