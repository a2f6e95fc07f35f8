"""`digits.recognition.line_decision`: one text from two opinions, the line reader's and the segmentation graph's."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from digits.recognition import line_probabilities
from digits.recognition.components import Component
from digits.recognition.digit_classifier import Candidate, DigitClassifier
from digits.recognition.geometry import Box
from digits.recognition.line_decision import (
    LINKED_DIGITS_RELIABILITY,
    MIN_TOUCHING_HEIGHT,
    ReadLine,
    TextLineReader,
    may_be_touching_digits,
)
from digits.recognition.line_marks import ForegroundMark
from digits.recognition.line_probabilities import ScoreWeights
from digits.recognition.line_symbols import OTHER
from tests.helpers.networks import SURE, ConstantLogits, FakeLineNetwork

SHAPE = (120, 400)  # of the foreground
UNSURE = 0.5


@pytest.fixture(autouse=True)
def _equal_weights(monkeypatch):
    """Both opinions weigh the same, whatever the weights that ship are."""
    monkeypatch.setattr(line_probabilities, "SCORE_WEIGHTS", ScoreWeights(1.0, 0.5, -2.0, 0.0, 0.5, 0.5, 0.0))


class FakeClassifier(DigitClassifier):
    """Answers a component by its left and right side; any other one is a 0, with a probability of 0.2."""

    def __init__(self, answers: dict[tuple[int, int], tuple[int, float]]):
        super().__init__(ConstantLogits(*[0.0] * 10))
        self.answers = answers

    def classify(self, components: Sequence[Component], intensity: np.ndarray) -> list[Candidate]:
        candidates = super().classify(components, intensity)
        return [candidate._replace(probabilities=self._answer(candidate.component.box)) for candidate in candidates]

    def _answer(self, box: Box) -> list[float]:
        matches = (
            value for (left, right), value in self.answers.items() if abs(left - box.left) + abs(right - box.right) < 8
        )
        result, probability = next(matches, (0, 0.2))
        probabilities = [(1 - probability) / 9] * 10
        probabilities[result] = probability
        return probabilities


class ForbiddenNetwork(torch.nn.Module):
    """Fails when it is asked."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("the line reader was asked")


def block(left: int, right: int, top: int = 20, bottom: int = 80) -> Component:
    return Component(Box(left, top, right, bottom), np.ones((bottom - top, right - left), bool))


def read(
    line: list[Component],
    answers: dict[tuple[int, int], tuple[int, float]],
    network: torch.nn.Module | None,
    intensity: np.ndarray | None = None,
) -> ReadLine:
    if intensity is None:
        intensity = np.zeros(SHAPE, np.float32)
        for component in line:
            intensity[component.box.slices][component.mask] = 1
    return TextLineReader(FakeClassifier(answers), network).read(line, intensity)


def text(line: ReadLine) -> str:
    return "".join(str(digit.result) for digit in line.digits)


LEFT, RIGHT = (40, 70), (120, 150)
APART = [block(*LEFT), block(*RIGHT)]


def test_text_on_which_both_agree_is_probable():
    line = read(APART, {LEFT: (3, SURE), RIGHT: (5, SURE)}, FakeLineNetwork("3", "5"))
    assert text(line) == "35"
    assert line.probability > 0.9
    assert line.marks == ()
    assert [digit.component.box for digit in line.digits] == [component.box for component in APART]


def test_line_reader_decides_where_the_classifier_is_unsure():
    line = read(APART, {LEFT: (3, SURE), RIGHT: (5, 0.3)}, FakeLineNetwork("3", "6"))
    assert text(line) == "36"
    assert line.digits[1].result == 6  # also in its own probabilities
    assert sum(line.digits[1].probabilities) == pytest.approx(1)


def test_graph_decides_where_the_line_reader_is_unsure():
    line = read(APART, {LEFT: (3, SURE), RIGHT: (5, SURE)}, FakeLineNetwork("3", "6", probability=0.3))
    assert text(line) == "35"


def test_classifier_that_agrees_about_whole_components_makes_a_number_more_probable():
    network = FakeLineNetwork("3", "5", probability=0.8)
    unsure, sure = (read(APART, {LEFT: (3, SURE), RIGHT: (5, p)}, network) for p in (0.4, SURE))
    assert text(unsure) == text(sure) == "35"
    assert unsure.probability < 0.9 * sure.probability


def test_classifier_has_no_say_about_digits_that_were_cut_out():
    component, intensity = touching_bars()
    network = FakeLineNetwork("22", probability=0.8)
    unsure, sure = (
        read([component], {(40, 80): (2, SURE), (80, 120): (2, p)}, network, intensity) for p in (0.4, SURE)
    )
    assert text(unsure) == text(sure) == "22"
    assert unsure.probability == pytest.approx(sure.probability)


def test_disagreement_about_a_single_digit_makes_it_less_probable():
    wide = [block(40, 80)]
    agreed, disputed = (read(wide, {(40, 80): (5, SURE)}, FakeLineNetwork(symbol)) for symbol in "56")
    assert text(agreed) == "5"
    assert disputed.probability < 0.9 < agreed.probability


def touching_bars() -> tuple[Component, np.ndarray]:
    """Two wide blocks that a bridge joins to one component, as high as two digits that touch."""
    intensity = np.zeros(SHAPE, np.float32)
    intensity[20:80, 40:75] = intensity[20:80, 85:120] = intensity[48:52, 75:85] = 1
    return Component(Box(40, 20, 120, 80), intensity[20:80, 40:120] > 0), intensity


def test_digits_that_touch_are_divided_where_the_line_reader_sees_them_meet():
    """Though the classifier is confident that both together are one digit: `22` was read as 2."""
    component, intensity = touching_bars()
    answers = {(40, 120): (2, 0.95), (40, 80): (2, SURE), (80, 120): (2, SURE)}
    line = read([component], answers, FakeLineNetwork("22"), intensity)
    assert text(line) == "22"
    boxes = [digit.component.box for digit in line.digits]
    assert boxes[0].right == pytest.approx(80, abs=6)
    assert boxes[1].left == pytest.approx(80, abs=6)
    alone = read([component], answers, None, intensity)
    assert text(alone) == "2"


@pytest.mark.parametrize("network", [FakeLineNetwork("22"), None], ids=["with line reader", "without"])
def test_digits_that_share_a_stroke_are_less_probable(network):
    """A stroke that links two digits is read as a 1 between them."""
    component, intensity = touching_bars()
    answers = {(40, 80): (2, SURE), (80, 120): (2, SURE)}
    linked, unknown = (
        read([replace(component, stroke_indices=indices)], answers, network, intensity)
        for indices in (frozenset([0, 1]), frozenset())
    )
    assert text(linked) == text(unknown) == "22"
    assert linked.probability == pytest.approx(LINKED_DIGITS_RELIABILITY * unknown.probability)


def test_strokes_that_are_digits_are_not_cut():
    """Where a cut is possible as well, each digit has the box of its stroke."""
    component, intensity = touching_bars()
    bar = replace(block(112, 160), stroke_indices=frozenset([1]))
    intensity[bar.box.slices] = 1
    answers = {(40, 120): (2, 0.3), (112, 160): (3, 0.3), (40, 80): (2, SURE), (80, 160): (3, SURE)}
    line = read([replace(component, stroke_indices=frozenset([0])), bar], answers, FakeLineNetwork("23"), intensity)
    assert text(line) == "23"
    assert [digit.component.box for digit in line.digits] == [component.box, bar.box]


@pytest.mark.parametrize(("width", "expected"), [(30, True), (60, False)])
def test_slash_alone_is_a_1_unless_it_leans_too_far(width, expected):
    """A hairline that leans was read as a slash, so that the 1 was doubtful."""
    line = read([block(40, 40 + width)], {(40, 40 + width): (1, SURE)}, FakeLineNetwork("/"))
    assert text(line) == "1"
    assert (line.probability > 0.9) == expected


POINT = block(92, 100, 72, 80)
WITH_POINT = [block(*LEFT), POINT, block(*RIGHT)]


def test_mark_is_told_with_its_box_and_place_and_is_no_digit():
    answers = {LEFT: (3, SURE), (92, 100): (1, UNSURE), RIGHT: (4, SURE)}
    line = read(WITH_POINT, answers, FakeLineNetwork("3", ".", "4"))
    assert text(line) == "34"
    assert line.marks == (ForegroundMark(".", POINT.box, 1),)
    assert [digit.component.box for digit in line.digits] == [WITH_POINT[0].box, WITH_POINT[2].box]


def test_box_of_a_mark_leaves_out_its_neighbors():
    """A 7 may lean over the point that follows it."""
    point = block(78, 84, 72, 80)
    line = read([block(40, 90, 20, 70), point, block(*RIGHT)], {}, FakeLineNetwork("3.", "4"))
    assert [mark.box for mark in line.marks] == [point.box]


def test_other_character_is_a_mark_without_a_symbol():
    line = read(APART, {LEFT: (3, UNSURE), RIGHT: (4, SURE)}, FakeLineNetwork(OTHER, "4"))
    assert text(line) == "4"
    assert line.marks == (ForegroundMark(None, APART[0].box, 0),)


@pytest.mark.parametrize("symbols", [("-", "-"), (OTHER, "/"), ("", "")])
def test_line_in_which_the_line_reader_sees_no_digit_is_uncertain(symbols):
    """The graph's digits are told nevertheless, for a person to look at."""
    line = read(APART, {LEFT: (3, 0.6), RIGHT: (4, 0.6)}, FakeLineNetwork(*symbols))
    assert text(line) == "34"
    assert line.probability < 0.5


def test_without_a_line_network_the_graph_reads_alone():
    line = read(APART, {LEFT: (3, 0.9), RIGHT: (5, 0.8)}, None)
    assert text(line) == "35"
    assert 0.5 < line.probability <= 0.9 * 0.8
    assert line.marks == ()


def test_line_that_is_too_long_for_the_line_reader_is_read_by_the_graph():
    line = [block(x, x + 4, 20, 26) for x in range(0, 990, 33)]
    intensity = np.zeros((60, 1000), np.float32)  # scaled to 28 / 6 * 1,000 pixels, which is too wide
    for component in line:
        intensity[component.box.slices] = 1
    answers = {(component.box.left, component.box.right): (1, SURE) for component in line}
    assert text(read(line, answers, ForbiddenNetwork(), intensity)) == "1" * len(line)


def test_single_clear_narrow_component_needs_no_second_opinion():
    line = read([block(40, 60)], {(40, 60): (1, SURE)}, ForbiddenNetwork())
    assert text(line) == "1"
    assert line.probability == SURE


@pytest.mark.parametrize(("answer", "right"), [((7, UNSURE), 75), ((7, SURE), 80)])
def test_single_component_that_is_doubtful_or_wide_gets_a_second_opinion(answer, right):
    with pytest.raises(AssertionError, match="was asked"):
        read([block(40, right)], {(40, right): answer}, ForbiddenNetwork())


def test_only_components_that_are_wide_and_high_enough_may_be_shared():
    assert may_be_touching_digits(block(0, 60))
    assert not may_be_touching_digits(block(0, 20))
    low = block(0, 30, 0, MIN_TOUCHING_HEIGHT - 1)
    assert not may_be_touching_digits(low)


def test_high_lines_are_read_as_low_ones_are():
    """They are downscaled for the graph; the boxes are those of the foreground's pixels or of the downscaled ones."""
    line = [block(100, 190, 20, 320), block(300, 390, 20, 320)]
    intensity = np.zeros((400, 600), np.float32)
    for component in line:
        intensity[component.box.slices] = 1
    answers = {(100, 190): (3, SURE), (300, 390): (5, SURE), (50, 95): (3, SURE), (150, 195): (5, SURE)}
    reading = read(line, answers, FakeLineNetwork("3", "5"), intensity)
    assert text(reading) == "35"
    assert reading.probability > 0.9
