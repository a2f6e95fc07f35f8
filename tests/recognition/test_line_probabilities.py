"""`digits.recognition.line_probabilities`: how probable a text is, from the line reader's likelihoods."""

import math

import pytest

from digits.recognition import line_probabilities
from digits.recognition.line_probabilities import LOG_ODDS_RANGE, ScoreWeights, TextScores, log_odds, text_probabilities


@pytest.fixture(autouse=True)
def _plain_weights(monkeypatch):
    monkeypatch.setattr(line_probabilities, "SCORE_WEIGHTS", ScoreWeights(0.5, 0.5, -2.0, 0.1, 0.25, 0.75, 1.0))


@pytest.mark.parametrize("probability", [0.001, 0.2, 0.5, 0.9, 0.99])
def test_log_odds_are_those_of_the_probability(probability):
    assert log_odds(math.log(probability)) == pytest.approx(math.log(probability / (1 - probability)))


def test_log_odds_stay_in_their_range():
    low, high = LOG_ODDS_RANGE
    assert (log_odds(-1e4), log_odds(0.0), log_odds(1e-7)) == (low, high, high)


def test_probabilities_are_a_softmax_of_the_weighted_log_odds_and_another_text():
    opinions = [TextScores(math.log(0.6)), TextScores(math.log(0.3))]
    weights = [math.sqrt(0.6 / 0.4), math.sqrt(0.3 / 0.7), math.exp(-2 + 0.1 * 4)]
    assert text_probabilities(opinions, 4) == pytest.approx([weight / sum(weights) for weight in weights[:2]])


def test_classifier_has_its_weight_on_digits_that_were_not_cut_out():
    more, less = (text_probabilities([TextScores(math.log(0.6), uncut=math.log(p))], 2)[0] for p in (0.9, 0.3))
    assert math.log(more / (1 - more)) - math.log(less / (1 - less)) == pytest.approx(0.5 * math.log(0.9 / 0.3))


def test_both_decide_on_a_text_of_one_digit():
    logit = 0.25 * log_odds(math.log(0.6)) + 0.75 * log_odds(math.log(0.9)) + 1
    expected = math.exp(logit) / (math.exp(logit) + math.exp(-2 + 0.1))
    assert text_probabilities([TextScores(math.log(0.6), 0.9)], 1) == pytest.approx([expected])


def test_digit_that_the_classifier_rejects_is_less_probable():
    accepted, rejected, impossible = (text_probabilities([TextScores(0.0, digit)], 1)[0] for digit in (0.9, 0.01, 0.0))
    assert accepted > 0.9 > rejected > impossible > 0


def test_a_second_proposal_that_is_as_good_halves_the_probability():
    alone, both = text_probabilities([TextScores(0.0)], 2), text_probabilities([TextScores(0.0)] * 2, 2)
    assert both[0] == both[1] < 0.5 < alone[0] < 1


def test_no_likelihood_overflows():
    assert all(0 <= probability <= 1 for probability in text_probabilities([TextScores(-1e4), TextScores(0.0)], 1000))
