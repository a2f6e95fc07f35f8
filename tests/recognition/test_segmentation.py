"""`digits.recognition.segmentation`: the most probable segmentation of a text line into digits."""

import itertools
import math

import numpy as np
import pytest

from digits.recognition.geometry import Box
from digits.recognition.oversegmentation import Gap
from digits.recognition.segmentation import (
    CLASSIFIER_EXPONENT,
    MULTI_DIGIT_PRIOR,
    best_path,
    candidate_spans,
    split_prior,
)


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
