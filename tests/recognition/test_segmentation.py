"""`digits.recognition.segmentation`: of all ways to divide a line the likeliest."""

import itertools
import math

import numpy as np
import pytest

from digits.recognition import segmentation
from digits.recognition.segmentation import Gap


def every_way(count: int):
    """All ways to divide `count` pieces into runs, [start, end) each."""
    for ends in itertools.product((False, True), repeat=count - 1):
        marks = [0, *(k + 1 for k in range(count - 1) if ends[k]), count]
        yield list(itertools.pairwise(marks))


def test_the_best_way_and_its_chance_are_those_of_trying_all():
    random = np.random.default_rng(3)
    for count in (1, 2, 3, 5):
        runs = [(i, j) for i in range(count) for j in range(i + 1, count + 1)]
        sure, gaps = random.uniform(0.1, 1, len(runs)).tolist(), random.uniform(-0.3, 0.2, count - 1)
        gaps = [Gap(across, random.uniform(0, 1)) for across in gaps]
        apart = [segmentation.split_prior(gap) for gap in gaps]
        chances = {}
        for way in every_way(count):
            ends = {end for _, end in way}
            prior = math.prod(apart[k] if k + 1 in ends else 1 - apart[k] for k in range(count - 1))
            chances[tuple(way)] = prior * math.prod(
                sure[runs.index(run)] ** segmentation.CLASSIFIER_EXPONENT for run in way
            )
        best = max(chances, key=chances.get)
        found = segmentation.best_path(gaps, runs, sure)
        assert tuple(found.spans) == best
        assert found.posterior == pytest.approx(chances[best] / sum(chances.values()))


def test_what_is_far_apart_is_never_one_digit():
    boxes = [(0, 0, 10, 100), (60, 0, 70, 100), (75, 0, 85, 100)]
    assert segmentation.candidate_spans(boxes, [Gap(0.5, 1), Gap(0.05, 1)]) == [(0, 1), (1, 2), (1, 3), (2, 3)]


def test_a_run_much_wider_than_high_is_no_digit():
    boxes = [(0, 0, 90, 100), (95, 0, 185, 100)]
    assert segmentation.candidate_spans(boxes, [Gap(0.05, 1)]) == [(0, 1), (1, 2)]


def test_pieces_that_overlap_are_rather_one_digit_and_those_with_a_gap_two():
    assert (
        segmentation.split_prior(Gap(-0.3, 0.7))
        < 0.05
        < 0.5
        < segmentation.split_prior(Gap(0.1, 0.7))
        < 0.95
        < segmentation.split_prior(Gap(0.3, 0.7))
    )


def test_pieces_of_which_one_stands_higher_are_rather_one_digit():
    """The bar of a 5 that does not touch it, a speck at the side: digits stand on a line."""
    assert segmentation.split_prior(Gap(0.1, 0.2)) < 0.05 < 0.8 < segmentation.split_prior(Gap(0.1, 0.8))


def test_digits_that_can_only_be_had_by_cutting_are_doubted():
    runs = [(0, 1), (0, 2), (1, 2)]
    way = segmentation.best_path([None], runs, [1.0, 0.2, 1.0])
    assert way.spans == [(0, 1), (1, 2)]
    assert 0.5 < way.posterior <= segmentation.MULTI_DIGIT_PRIOR


def test_one_wide_part_may_be_one_digit():
    """A 2 with a base of nearly twice its height was once read as a 2 and a 7."""
    assert (0, 2) in segmentation.candidate_spans([(0, 0, 90, 100), (90, 0, 200, 100)], [None])
