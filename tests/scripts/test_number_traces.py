"""Numbers are read with all that the figures of docs/recognition.md show."""

import numpy as np
import pytest

import model
from digits.recognition.line_image import LINE_HEIGHT
from scripts.number_traces import (
    EASY_TEXT,
    RULE_DISTANCE,
    NumberTrace,
    is_hard,
    on_ruled_paper,
    symbols_to_text,
    trace_easy_number,
)


@pytest.fixture(scope="module")
def easy_number() -> NumberTrace:
    return trace_easy_number(model.load(), model.load_line_reader())


def test_trace_has_what_both_opinions_saw(easy_number):
    assert easy_number.by_graph.text == easy_number.trace.reading.text == EASY_TEXT
    assert symbols_to_text(easy_number.line_reading.indices) == EASY_TEXT
    assert len(easy_number.graph.digits) == len(EASY_TEXT)
    assert easy_number.line_image.pixels.shape[0] == LINE_HEIGHT


def test_number_that_the_graph_reads_is_not_hard(easy_number):
    assert not is_hard(easy_number)


def test_paper_of_the_number_has_rules():
    height = 2 * RULE_DISTANCE
    pixels = np.asarray(on_ruled_paper(np.zeros((height, 10), np.float32)))
    is_rule = (pixels < 200).any(2)
    assert is_rule.all(1).sum() == is_rule.any(1).sum() == 2
