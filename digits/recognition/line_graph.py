"""The segmentation graph of a text line, and what the digit classifier thinks of a text that is laid on it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from digits.recognition.digit_classifier import Candidate
from digits.recognition.geometry import enclosing_box
from digits.recognition.line_probabilities import MIN_DIGIT_PROBABILITY
from digits.recognition.line_symbols import DIGITS, SYMBOLS
from digits.recognition.oversegmentation import Gap
from digits.recognition.segmentation import Path

# Added to the scores of a span that is only a part of its strokes. With 0, strokes that touch or overlap were cut
# although each was a digit.
PARTIAL_STROKE_SCORE = math.log(0.01)
MAX_ONE_ASPECT = 0.7  # width over height: a slash alone in its line that leans less far is a 1
MARK_CONFIDENCE = 0.3  # of the classifier, for what the line reader takes for a mark or another character


class Graph(NamedTuple):
    """The segmentation graph of a text line: the gaps of its pieces, and the spans of pieces with what each may be."""

    gaps: list[Gap | None]
    spans: list[tuple[int, int]]
    candidates: list[Candidate]
    path: Path

    def is_cut(self, span: int) -> bool:
        """Whether a span begins or ends where a component was cut."""
        start, end = self.spans[span]
        bounds = [self.gaps[k] for k in (start - 1, end - 1) if 0 <= k < len(self.gaps)]
        return None in bounds

    def is_part_of_stroke(self, span: int) -> bool:
        """Whether a span begins or ends within a stroke of the pen."""
        return self.is_cut(span) and bool(self.candidates[span].component.stroke_indices)

    @property
    def is_narrow(self) -> bool:
        """Whether the line is so narrow that a slash in it is a 1."""
        box = enclosing_box([candidate.component.box for candidate in self.candidates])
        return box.width <= MAX_ONE_ASPECT * box.height

    @property
    def digits(self) -> list[Candidate]:
        """The digits of the best path."""
        by_span = dict(zip(self.spans, self.candidates, strict=True))
        return [by_span[span] for span in self.path.spans]

    def single_digit_probability(self, text: Sequence[int], path: Sequence[int | None] | None) -> float | None:
        """Return the classifier's probability of a text of one digit; None for other texts."""
        if len(text) != 1 or text[0] >= len(DIGITS) or not path or path[0] is None:
            return None
        return self.candidates[path[0]].probabilities[text[0]]

    def uncut_log_probability(self, text: Sequence[int], path: Sequence[int | None] | None) -> float:
        """Return the sum of the classifier's log probabilities of the digits of `text` that are whole components.

        Each is at least that of MIN_DIGIT_PROBABILITY, as is the sum for a text without a path.
        """
        if path is None:
            return math.log(MIN_DIGIT_PROBABILITY)
        probabilities = [
            self.candidates[span].probabilities[symbol]
            for symbol, span in zip(text, path, strict=True)
            if symbol < len(DIGITS) and span is not None and not self.is_cut(span)
        ]
        return sum(math.log(max(probability, MIN_DIGIT_PROBABILITY)) for probability in probabilities)

    def symbol_scores(self) -> np.ndarray:
        """Return the scores of all symbols for each span, their log probabilities at most, (S, 17)."""
        scores = np.full((len(self.candidates), len(SYMBOLS)), math.log(MARK_CONFIDENCE))
        probabilities = np.array([candidate.probabilities for candidate in self.candidates])
        scores[:, : len(DIGITS)] = np.log(np.maximum(probabilities, 1e-9))
        scores[[self.is_part_of_stroke(span) for span in range(len(scores))]] += PARTIAL_STROKE_SCORE
        return scores
