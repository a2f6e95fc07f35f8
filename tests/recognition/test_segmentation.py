"""`digits.recognition.segmentation`: the most probable segmentation of a text line into digits."""

import itertools
import math

import numpy as np
import pytest

from digits.recognition.geometry import Box
from digits.recognition.line_symbols import DIGITS, SYMBOLS
from digits.recognition.oversegmentation import Gap
from digits.recognition.segmentation import (
    CLASSIFIER_EXPONENT,
    MULTI_DIGIT_PRIOR,
    SKIP_SCORE,
    UNSEEN_MARK_SCORE,
    best_path,
    candidate_spans,
    path_of_text,
    split_prior,
)

POINT = SYMBOLS.index(".")


def all_paths(count: int):
    """Yield all segmentations of `count` pieces, each a list of spans [start, end)."""
    for ends in itertools.product((False, True), repeat=count - 1):
        boundaries = [0, *(k + 1 for k in range(count - 1) if ends[k]), count]
        yield list(itertools.pairwise(boundaries))


def test_best_path_and_posterior_equal_exhaustive_search():
    random = np.random.default_rng(3)
    for count in (1, 2, 3, 5):
        spans = [(i, j) for i in range(count) for j in range(i + 1, count + 1)]
        confidences, widths = random.uniform(0.1, 1, len(spans)).tolist(), random.uniform(-0.3, 0.2, count - 1)
        gaps = [Gap(width, random.uniform(0, 1)) for width in widths]
        priors = [split_prior(gap) for gap in gaps]
        scores = {}
        for path in all_paths(count):
            ends = {end for _, end in path}
            prior = math.prod(priors[k] if k + 1 in ends else 1 - priors[k] for k in range(count - 1))
            likelihood = math.prod(confidences[spans.index(span)] ** CLASSIFIER_EXPONENT for span in path)
            scores[tuple(path)] = prior * likelihood
        expected = max(scores, key=scores.get)
        best = best_path(gaps, spans, confidences)
        assert tuple(best.spans) == expected
        assert best.posterior == pytest.approx(scores[expected] / sum(scores.values()))


def test_distant_pieces_are_never_one_digit():
    boxes = [Box(0, 0, 10, 100), Box(60, 0, 70, 100), Box(75, 0, 85, 100)]
    assert candidate_spans(boxes, [Gap(0.5, 1), Gap(0.05, 1)]) == [(0, 1), (1, 2), (1, 3), (2, 3)]


def test_span_much_wider_than_high_is_not_one_digit():
    boxes = [Box(0, 0, 90, 100), Box(95, 0, 185, 100)]
    assert candidate_spans(boxes, [Gap(0.05, 1)]) == [(0, 1), (1, 2)]


def test_wide_component_may_be_one_digit():
    """A 2 with a base of nearly twice its height was once read as a 2 and a 7."""
    assert (0, 2) in candidate_spans([Box(0, 0, 90, 100), Box(90, 0, 200, 100)], [None])


def test_split_prior_is_low_for_overlapping_pieces_and_high_for_separate_ones():
    assert split_prior(Gap(-0.3, 0.7)) < 0.05
    assert 0.5 < split_prior(Gap(0.1, 0.7)) < 0.95 < split_prior(Gap(0.3, 0.7))


def test_split_prior_is_low_for_pieces_at_different_heights():
    """The bar of a 5 that does not touch it, a speck at the side: digits stand on a line."""
    assert split_prior(Gap(0.1, 0.2)) < 0.05
    assert split_prior(Gap(0.1, 0.8)) > 0.8


def test_digits_that_are_cut_apart_are_uncertain():
    path = best_path([None], [(0, 1), (0, 2), (1, 2)], [1.0, 0.2, 1.0])
    assert path.spans == [(0, 1), (1, 2)]
    assert 0.5 < path.posterior <= MULTI_DIGIT_PRIOR


def texts_of_length(count: int) -> list[tuple[int, ...]]:
    """Texts of `count` symbols: digits, and a decimal point."""
    return list(itertools.product((1, 4, POINT), repeat=count))


def all_text_paths(count: int, spans: list[tuple[int, int]], length: int):
    """Yield all ways in which `length` symbols take spans of `count` pieces: indices of spans, or None without one."""

    def continue_from(end: int, left: int):
        if not left:
            yield ()
            return
        for rest in continue_from(end, left - 1):
            yield (None, *rest)
        for k, (start, stop) in enumerate(spans):
            if start >= end:
                for rest in continue_from(stop, left - 1):
                    yield (k, *rest)

    return continue_from(0, length)


def path_score(path, text, gaps, spans, scores) -> float:
    """The score of one path: -inf if a digit has no span."""
    priors = [split_prior(gap) for gap in gaps]
    total, covered = 0.0, 0
    for k, symbol in zip(path, text, strict=True):
        if k is None:
            total += UNSEEN_MARK_SCORE if symbol >= len(DIGITS) else -math.inf
            continue
        start, end = spans[k]
        covered += end - start
        total += CLASSIFIER_EXPONENT * scores[k, symbol] + sum(math.log(1 - prior) for prior in priors[start : end - 1])
        total += math.log(priors[start - 1]) if start else 0.0
    return total + SKIP_SCORE * (len(gaps) + 1 - covered)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_path_of_a_text_equals_exhaustive_search(count):
    random = np.random.default_rng(count)
    gaps: list[Gap | None] = [Gap(random.uniform(-0.3, 0.2), random.uniform(0, 1)) for _ in range(count - 1)]
    if count > 2:
        gaps[1] = None  # a cut through a component
    spans = [(i, j) for i in range(count) for j in range(i + 1, count + 1)]
    scores = np.log(random.dirichlet(np.ones(len(SYMBOLS)), len(spans)))
    for length in (0, 1, 2, 3):
        paths = list(all_text_paths(count, spans, length))
        for text in texts_of_length(length):
            expected = max((path_score(path, text, gaps, spans, scores) for path in paths), default=-math.inf)
            found = path_of_text(gaps, spans, scores, text)
            if expected == -math.inf:
                assert found is None
                continue
            assert found is not None
            assert path_score(found, text, gaps, spans, scores) == pytest.approx(expected)


def test_text_with_more_digits_than_pieces_has_no_path():
    scores = np.zeros((1, len(SYMBOLS)))
    assert path_of_text([], [(0, 1)], scores, [1, 1]) is None
    assert path_of_text([], [(0, 1)], scores, [1]) == [0]


def test_mark_without_a_piece_of_its_own_has_no_span():
    """A decimal point may be too small a component: it was dropped as a speck."""
    scores = np.full((3, len(SYMBOLS)), -20.0)
    scores[0, 1] = scores[2, 4] = -0.1  # the spans of one piece each; the one of both fits nothing
    path = path_of_text([Gap(0.2, 1.0)], [(0, 1), (0, 2), (1, 2)], scores, [1, POINT, 4])
    assert path == [0, None, 2]


def test_clutter_between_the_symbols_is_left_out():
    scores = np.full((3, len(SYMBOLS)), -20.0)
    scores[0, 1] = scores[2, 4] = -0.1
    path = path_of_text([Gap(0.2, 1.0)] * 2, [(0, 1), (1, 2), (2, 3)], scores, [1, 4])
    assert path == [0, 2]
