"""Chances in the figures of docs/recognition.md are written for people."""

import pytest

from scripts.number_illustrations import format_chance


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (1, "100 %"),
        (0.934, "93 %"),
        (0.01, "1 in 100"),
        (1 / 41_000, "1 in 40,000"),
        (2.1e-6, "1 in 500,000"),
        (1e-6, "1 in 1 million"),
        (5e-10, "1 in 2 billion"),
        (0, "1 in 1,000 billion"),
    ],
)
def test_chance_is_written_for_people(probability, text):
    assert format_chance(probability) == text
