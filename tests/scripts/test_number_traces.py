"""The number whose way is drawn in docs/recognition.md is hard for the graph alone, and read by both opinions."""

import numpy as np
import pytest

import model
from scripts.number_traces import HARD_TEXT, RULE_DISTANCE, find_hard_number, on_ruled_paper


@pytest.mark.slow
def test_drawn_number_is_misread_without_the_line_reader():
    number = find_hard_number(model.load(), model.load_line_reader())
    assert number.by_graph.text != HARD_TEXT
    assert number.trace.reading.text == HARD_TEXT
    assert number.trace.reading.certain


def test_paper_of_the_number_has_rules():
    height = 2 * RULE_DISTANCE
    pixels = np.asarray(on_ruled_paper(np.zeros((height, 10), np.float32)))
    is_rule = (pixels < 200).any(2)
    assert is_rule.all(1).sum() == is_rule.any(1).sum() == 2
