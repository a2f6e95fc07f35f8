"""`digits.recognition.results`: the text, probability and error of a reading."""

from dataclasses import replace

import pytest

from digits.recognition.geometry import Box
from digits.recognition.results import CONFIDENCE_THRESHOLD, Mark, Reading
from tests.helpers.readings import make_reading


def test_text_keeps_leading_zeros():
    assert make_reading((0, 1.0), (0, 1.0), (7, 1.0)).text == "007"
    assert make_reading((0, 1.0), (0, 1.0), (7, 1.0)).result == 7


def test_result_is_none_beyond_15_digits():
    assert make_reading(*[(9, 1.0)] * 15).result == 999_999_999_999_999
    assert make_reading(*[(9, 1.0)] * 16).result is None
    assert make_reading(*[(9, 1.0)] * 16).text == "9" * 16


def test_probability_is_the_product_over_digits_and_segmentation():
    assert make_reading((1, 0.9), (2, 0.8)).probability == pytest.approx(0.72)
    assert make_reading((1, 0.9), (2, 1.0), segmentation_probability=0.5).probability == pytest.approx(0.45)


def test_certain_follows_the_probability():
    assert make_reading((1, CONFIDENCE_THRESHOLD)).certain
    assert not make_reading((1, CONFIDENCE_THRESHOLD - 0.01)).certain


def test_reading_without_digits_is_not_certain_and_has_an_error():
    for reading, code in ((Reading(()), "blank"), (Reading((), is_crowded=True), "crowded")):
        assert (reading.text, reading.result, reading.probability, reading.certain) == ("", None, 0, False)
        assert reading.error.code == code
    assert make_reading((7, 0.9991)).error is None


@pytest.mark.parametrize(("is_inside", "certain"), [(True, False), (False, True)])
def test_mark_inside_a_number_makes_its_reading_uncertain(is_inside, certain):
    """3.14 is no 314, but the point after a sentence or the minus before a number leaves the digits as they are."""
    (line,) = make_reading((3, 0.999), (1, 0.999)).lines
    mark = Mark(".", Box(4, 4, 6, 6), is_inside)
    reading = Reading((replace(line, marks=(mark,)), line))
    assert reading.certain == certain
    assert (reading.text, reading.marks) == ("3131", (mark,))
    assert reading.probability > CONFIDENCE_THRESHOLD
