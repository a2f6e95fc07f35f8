"""Decides what a text line says, from what the line reader and the segmentation graph propose.

The line reader judges all proposals, and the digit classifier the digits that are whole components; a fitted model
makes probabilities of it. A line that is one clear, narrow component needs no line reader. Where the line reader sees
one digit end and the next begin, the graph may cut as well, so each digit has a box, also where digits overlap.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from digits.recognition.components import Component, downscale_components, merge
from digits.recognition.digit_classifier import Candidate, DigitClassifier
from digits.recognition.line_graph import Graph
from digits.recognition.line_marks import ForegroundMark, find_marks
from digits.recognition.line_probabilities import TextScores, text_probabilities
from digits.recognition.line_reader import LineReading, read_line
from digits.recognition.line_symbols import DIGITS, SYMBOLS
from digits.recognition.oversegmentation import needs_oversegmentation, oversegment_line
from digits.recognition.segmentation import best_path, candidate_spans, path_of_text

WORKING_LINE_HEIGHT = 128  # pixels: a higher line is downscaled to 128 to 255 before it is segmented
# Pixels: in a lower component, as in a picture of MNIST's size, the line reader sees no more than the classifier.
MIN_TOUCHING_HEIGHT = 21
MIN_TOUCHING_ASPECT = 0.45  # width over height: two digits hardly share a narrower component
# Of the probability of digits that share a stroke of the pen: the line reader has seen few such links, and takes some
# for a 1. Of 200 linked pairs it misread 35 %.
LINKED_DIGITS_RELIABILITY = 0.65
ONE, SLASH = (1,), (SYMBOLS.index("/"),)


class ReadLine(NamedTuple):
    """What a text line says.

    digits: from left to right.
    probability: that they, and no others, are the digits of the line.
    marks: from left to right.
    """

    digits: list[Candidate]
    probability: float
    marks: tuple[ForegroundMark, ...] = ()


class Proposals(NamedTuple):
    """The texts that were proposed for a line, as symbol indices, their best paths through the graph, and scores."""

    texts: list[tuple[int, ...]]
    paths: list[list[int | None] | None]
    scores: list[TextScores]


class TextLineReader:
    """Reads text lines with a digit classifier and, where there is one, the network of the line reader."""

    def __init__(self, classifier: DigitClassifier, line_network: torch.nn.Module | None = None):
        self.classifier = classifier
        # In this memory format a line takes 30 % less time on a CPU: 3.8 ms for 32x96 pixels on one thread, not 5.2.
        layout = torch.channels_last
        self.line_network = line_network and line_network.to(classifier.device).to(memory_format=layout).eval()

    def read(self, line: list[Component], intensity: np.ndarray, others: Sequence[Component] = ()) -> ReadLine:
        """Read a text line.

        line: its components, from left to right.
        intensity: the array (H, W) in which they were found.
        others: the components of other lines.
        """
        candidates = self.classifier.classify(line, intensity)
        height = max(component.height for component in line)
        if len(line) == 1 and not self._needs_line_reading(line[0], candidates[0], height):
            return ReadLine(candidates, candidates[0].confidence)
        reading = None
        if self.line_network:
            reading = read_line(self.line_network, self.classifier.device, line, intensity, others)
        graph = self._build_graph(line, candidates, intensity, height, reading.cuts() if reading else [])
        if not reading:
            return _doubt_linked(ReadLine(graph.digits, graph.path.posterior * _product(graph.digits)))
        text, decided = _decide(graph, reading, self.propose(graph, reading))
        return _doubt_linked(decided)._replace(marks=find_marks(reading.texts.get(text, []), line, intensity))

    def propose(self, graph: Graph, reading: LineReading) -> Proposals:
        """Collect the texts of the graph and of the line reader, and what is thought of each."""
        by_graph = tuple(candidate.result for candidate in graph.digits)
        line_texts = [ONE if text == SLASH and graph.is_narrow else text for text in reading.texts]
        texts = list(dict.fromkeys([by_graph, *line_texts]))
        symbol_scores = graph.symbol_scores()
        paths = [path_of_text(graph.gaps, graph.spans, symbol_scores, text) for text in texts]
        scores = [
            TextScores(line, graph.single_digit_probability(text, path), graph.uncut_log_probability(text, path))
            for line, text, path in zip(_text_scores(graph, reading, texts), texts, paths, strict=True)
        ]
        return Proposals(texts, paths, scores)

    def _needs_line_reading(self, component: Component, candidate: Candidate, height: int) -> bool:
        """Whether a component that is alone in a line of `height` pixels needs a graph, or a second opinion."""
        if needs_oversegmentation(component, candidate.confidence, height):
            return True
        return self.line_network is not None and may_be_touching_digits(component)

    def _build_graph(
        self,
        line: list[Component],
        candidates: Sequence[Candidate],
        intensity: np.ndarray,
        height: int,
        columns: Sequence[float],
    ) -> Graph:
        """Cut the components of a line, and classify all spans of pieces that could be one digit.

        candidates: the components of the line, classified.
        columns: of `intensity`, at which the line reader would cut.
        """
        factor = max(1, height // WORKING_LINE_HEIGHT)
        if factor > 1:
            line, intensity = downscale_components(line, intensity, factor)
        confidences = [candidate.confidence for candidate in candidates]
        columns = [x / factor for x in columns]
        pieces, gaps, uncut = oversegment_line(line, confidences, intensity, height / factor, columns)
        spans = candidate_spans([piece.box for piece in pieces], gaps)
        merged = [uncut.get((start, end)) or merge(pieces[start:end]) for start, end in spans]
        # Components of a line that was not downscaled have been classified already.
        classified = {candidate.component: candidate for candidate in candidates}
        if new := [component for component in merged if component not in classified]:
            classified |= zip(new, self.classifier.classify(new, intensity), strict=True)
        spanning = [classified[component] for component in merged]
        path = best_path(gaps, spans, [candidate.confidence for candidate in spanning])
        return Graph(gaps, spans, spanning, path)


def may_be_touching_digits(component: Component) -> bool:
    """Whether a component may be several digits that the classifier takes for one."""
    return component.height >= MIN_TOUCHING_HEIGHT and component.width >= MIN_TOUCHING_ASPECT * component.height


def _product(digits: Sequence[Candidate]) -> float:
    return math.prod(digit.confidence for digit in digits)


def _decide(graph: Graph, reading: LineReading, proposals: Proposals) -> tuple[tuple[int, ...], ReadLine]:
    """Choose the most probable of the proposed texts. Returns: it, as symbol indices, and its digits."""
    probabilities = text_probabilities(proposals.scores, len(reading.indices))
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    text, path = proposals.texts[best], proposals.paths[best]
    if path is None or not any(symbol < len(DIGITS) for symbol in text):
        # The text has no digits, or no path: answer those of the graph, as probable as that the text is wrong.
        return text, ReadLine(graph.digits, (1 - probabilities[best]) * _product(graph.digits))
    digits = [
        _with_result(graph.candidates[span], symbol)
        for symbol, span in zip(text, path, strict=True)
        if symbol < len(DIGITS) and span is not None
    ]
    return text, ReadLine(digits, probabilities[best])


def _doubt_linked(line: ReadLine) -> ReadLine:
    """Reduce the probability of a line in which neighboring digits share a stroke of the pen."""
    indices = [digit.component.stroke_indices for digit in line.digits]
    if any(left & right for left, right in itertools.pairwise(indices)):
        return line._replace(probability=LINKED_DIGITS_RELIABILITY * line.probability)
    return line


def _text_scores(graph: Graph, reading: LineReading, texts: Sequence[tuple[int, ...]]) -> list[float]:
    """Return the line reader's log probabilities of texts; that of a 1 includes a slash where the line is narrow."""
    scores = reading.log_likelihoods(texts)
    if ONE in texts and graph.is_narrow:
        (slash,) = reading.log_likelihoods([SLASH])
        scores[texts.index(ONE)] = float(np.logaddexp(scores[texts.index(ONE)], slash))
    return scores


def _with_result(candidate: Candidate, result: int) -> Candidate:
    """Return `candidate` with `result` as its most probable class.

    Where the classifier prefers another one, half of the probability moves to `result`: the line reader outvoted it.
    """
    if candidate.result == result:
        return candidate
    probabilities = [probability / 2 for probability in candidate.probabilities]
    probabilities[result] += 0.5
    return candidate._replace(probabilities=probabilities)
