"""`digits.recognition.line_probabilities`: how probable a text is, from two opinions."""

import math

import pytest

from digits.recognition import line_probabilities
from digits.recognition.line_probabilities import MIN_OPINION, Opinions, OpinionWeights, text_probabilities


@pytest.fixture(autouse=True)
def _plain_weights(monkeypatch):
    monkeypatch.setattr(line_probabilities, "OPINION_WEIGHTS", OpinionWeights(0.5, 0.25, -2.0, 0.1))


def test_probabilities_are_a_softmax_of_the_weighted_opinions_and_another_text():
    opinions = [Opinions(-1.0, -2.0), Opinions(-3.0, -0.5)]
    weights = [math.exp(0.5 * -1 + 0.25 * -2), math.exp(0.5 * -3 + 0.25 * -0.5), math.exp(-2 + 0.1 * 4)]
    expected = [weight / sum(weights) for weight in weights[:2]]
    assert text_probabilities(opinions, 4) == pytest.approx(expected)


def test_text_that_both_find_certain_is_probable_and_never_certain():
    (certain,) = text_probabilities([Opinions(0.0, 0.0)], 0)
    assert 0.85 < certain < 1


def test_a_second_proposal_that_is_as_good_halves_the_probability():
    alone, shared = text_probabilities([Opinions(0, 0)], 1), text_probabilities([Opinions(0, 0)] * 2, 1)
    assert shared[0] == shared[1] < 0.5 < alone[0]


@pytest.mark.parametrize("field", ["line", "graph"])
def test_probability_falls_with_either_opinion(field):
    opinion = Opinions(-1.0, -1.0)
    (higher,), (lower,) = (text_probabilities([opinion._replace(**{field: value})], 3) for value in (-0.5, -4))
    assert lower < higher


def test_opinion_below_the_least_counts_as_the_least():
    (least,), (lower,) = (text_probabilities([Opinions(value, 0)], 2) for value in (MIN_OPINION, -1e4))
    assert lower == least > 0


def test_no_opinion_overflows():
    probabilities = text_probabilities([Opinions(-1e4, -1e4), Opinions(0, -1e4)], 1000)
    assert all(0 <= probability <= 1 for probability in probabilities)
