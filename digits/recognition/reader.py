"""The single recognition path, from a decoded picture to a reading; scripts, server, benchmarks and tests use it.

Picture → foreground → text lines of components → segmentation of each line into digits → normalized digits → network.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from digits.recognition.components import Component, merge
from digits.recognition.digit_classifier import Candidate, DigitClassifier
from digits.recognition.foreground import STRONG_THRESHOLD, Foreground
from digits.recognition.foreground_hypotheses import foreground_hypotheses
from digits.recognition.geometry import AxisTransform, Box
from digits.recognition.line_decision import ReadLine, TextLineReader
from digits.recognition.reading_choice import has_lost_digits, may_have_more_digits, may_replace
from digits.recognition.results import Digit, DigitTrace, Mark, Reading, TextLine, Trace
from digits.recognition.strokes import Drawing, clip_boxes, rasterize
from digits.recognition.text_lines import are_stacked, find_text_lines

# Prior probability that a pale line beside stronger ones is writing: the edge of a shadow was read as a 1.
PALE_LINE_PRIOR = 0.5
# A reading with a pale line that is less probable is one of remnants of ruled lines, which may be lost.
MIN_PALE_PROBABILITY = PALE_LINE_PRIOR / 2
WORKING_SIDE = 1_000  # pixels: longer pictures are reduced to 1,000 to 1,999 on the longer side; a digit needs 28
# Pixels of the reduced picture, where digits of 12 were found in pictures of all shapes: fewer are dust.
MIN_READABLE_HEIGHT = 15
MIN_SHORT_SIDE = 100  # pixels: the shorter side is not reduced below, as a digit may fill it in a long strip
MAX_WORKING_PIXELS = 4_000_000  # pixels: larger pictures are always reduced, however long the strip is


class ReadForeground(NamedTuple):
    """A foreground hypothesis, its reading, the candidates that became the digits, and whether a line is pale."""

    reading: Reading
    foreground: Foreground | None
    candidates: list[Candidate]
    has_pale_line: bool = False


class Reader:
    """Reads pictures.

    network: maps (B, 1, 28, 28) in [0, 1] to logits (B, 10).
    line_network: of the line reader, maps (B, 1, 32, W) to logits (B, W / 2, 18); without it, numbers are read by the
        segmentation graph alone.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        device: str | torch.device = "cpu",
        line_network: torch.nn.Module | None = None,
    ):
        self.classifier = DigitClassifier(network, device)
        self.line_reader = TextLineReader(self.classifier, line_network)
        self.network, self.device = self.classifier.network, device

    def read(self, image: Image.Image) -> Reading:
        """Read the digits in a picture from `image_decoding.decode`.

        Returns: the reading; without digits, and with an `error`, if the picture is blank or crowded.
        """
        array, to_picture = to_working_array(image)
        return self._read_array(array, to_picture, image.size).reading

    def trace(self, image: Image.Image) -> Trace:
        """Read a picture like `read`, and return the intermediate results as well."""
        array, to_picture = to_working_array(image)
        read = self._read_array(array, to_picture, image.size)
        return Trace(read.reading, read.foreground, to_picture, tuple(map(_trace_digit, read.candidates)))

    def trace_drawing(self, drawing: Drawing) -> Trace:
        """Read the strokes of a drawing; boxes are in units of its paper, rounded."""
        foreground, text_lines, to_paper = rasterize(drawing)
        read = self._read_text_lines(text_lines, foreground, to_paper, (sys.maxsize, sys.maxsize))
        return clip_boxes(Trace(read.reading, foreground, to_paper, tuple(map(_trace_digit, read.candidates))), drawing)

    def _read_array(self, array: np.ndarray, to_picture: AxisTransform, size: tuple[int, int]) -> ReadForeground:
        """Read a picture (H, W, C) uint8 of `size` (width, height) as sent.

        The reading of the first foreground hypothesis is replaced only by those that `may_replace` allows: by the first
        of these that is certain and has not merely lost digits, else by the most probable one. If it has no digits,
        only a certain one replaces it. A certain one is replaced by a later one with further digits where the first
        was doubtful, or shading may hide digits.
        """
        results = (self._read_foreground(hypothesis, to_picture, size) for hypothesis in foreground_hypotheses(array))
        first = best = next(results)
        if first.reading.certain:
            has_shading = first.foreground is not None and first.foreground.has_shading
            return _prefer_further_digits(first, results) if has_shading else first
        for result in results:
            is_part = has_lost_digits(first.reading, result.reading)
            has_lost_line = is_part and first.has_pale_line and first.reading.probability > MIN_PALE_PROBABILITY
            is_allowed = may_replace(first.reading, result.reading) and not has_lost_line
            if result.reading.certain and is_allowed and not is_part:
                return _prefer_further_digits(result, results)
            if first.reading.digits and result.reading.probability > best.reading.probability and is_allowed:
                best = result
        return best

    def _read_foreground(
        self, foreground: Foreground | None, to_picture: AxisTransform, size: tuple[int, int]
    ) -> ReadForeground:
        """Read one foreground hypothesis of a picture of `size` (width, height)."""
        text_lines = find_text_lines(foreground, to_picture) if foreground else []
        return self._read_text_lines(text_lines, foreground, to_picture, size)

    def _read_text_lines(
        self,
        text_lines: list[list[Component]] | None,
        foreground: Foreground | None,
        to_picture: AxisTransform,
        size: tuple[int, int],
    ) -> ReadForeground:
        """Read the text lines found in a foreground: None if there are too many components, empty if it is blank."""
        if not foreground or not text_lines:
            height = math.ceil(MIN_READABLE_HEIGHT * to_picture.scale_y) if to_picture.scale_y > 1 else 0
            return ReadForeground(Reading((), is_crowded=text_lines is None, min_digit_height=height), foreground, [])
        text_lines = self._merge_stacked(text_lines, foreground.intensity)
        lines, has_pale_line = [], False
        for line in text_lines:
            others = [component for other in text_lines if other is not line for component in other]
            read = self.line_reader.read(line, foreground.intensity, others)
            if others and _is_pale(line, foreground.intensity):
                read, has_pale_line = read._replace(probability=PALE_LINE_PRIOR * read.probability), True
            lines.append(read)
        reading = Reading(tuple(_make_line(line, to_picture, size) for line in lines))
        candidates = [candidate for line in lines for candidate in line.digits]
        return ReadForeground(reading, foreground, candidates, has_pale_line)

    def _merge_stacked(self, lines: Sequence[list[Component]], intensity: np.ndarray) -> list[list[Component]]:
        """Merge two components, each alone in its line and close above each other, where that is more probable.

        A digit whose upper half has lost the lower one otherwise becomes two lines of one digit each.
        """
        merged: list[list[Component]] = []
        for line in lines:
            if merged and len(merged[-1]) == len(line) == 1 and are_stacked(merged[-1][0].box, line[0].box):
                both = merge([merged[-1][0], line[0]])
                whole, upper, lower = self.classifier.classify([both, merged[-1][0], line[0]], intensity)
                if whole.confidence > upper.confidence * lower.confidence:
                    merged[-1] = [both]
                    continue
            merged.append(line)
        return merged


def _is_pale(line: Sequence[Component], intensity: np.ndarray) -> bool:
    """Whether no pixel of a line is strong, in the `intensity` (H, W) in which its components were found."""
    strongest = max(intensity[component.box.slices][component.mask].max() for component in line)
    return bool(strongest < STRONG_THRESHOLD)


def _make_line(line: ReadLine, to_picture: AxisTransform, size: tuple[int, int]) -> TextLine:
    """Return a line of a foreground as a line of a picture of `size` (width, height)."""
    count = len(line.digits)
    marks = (
        Mark(mark.symbol, _box_in_picture(mark.box, to_picture, size), 0 < mark.position < count) for mark in line.marks
    )
    return TextLine(tuple(_make_digit(candidate, size) for candidate in line.digits), line.probability, tuple(marks))


def _box_in_picture(box: Box, to_picture: AxisTransform, size: tuple[int, int]) -> Box:
    left, top, right, bottom = map(round, to_picture.apply_to_box(box))
    return Box(left, top, min(right, size[0]), min(bottom, size[1]))  # the last reduced pixels may extend beyond it


def _make_digit(candidate: Candidate, size: tuple[int, int]) -> Digit:
    """Return a candidate as a digit of a picture of `size` (width, height)."""
    component, normalized, probabilities = candidate
    box = _box_in_picture(component.box, component.to_picture, size)
    return Digit.from_probabilities(probabilities, box, normalized.pixels)


def _trace_digit(candidate: Candidate) -> DigitTrace:
    """Return the trace of a digit, with its transform through the component's crop to the picture."""
    component, normalized, _ = candidate
    left, top = component.box.left - component.margin, component.box.top - component.margin
    to_foreground = normalized.transform.inverse().then(AxisTransform(offset_x=left, offset_y=top))
    return DigitTrace(normalized.box, to_foreground.then(component.to_picture))


def _prefer_further_digits(read: ReadForeground, later: Iterable[ReadForeground]) -> ReadForeground:
    """Return the first of the `later` certain readings that has all digits of `read` and more, else `read`.

    They must stand in as many text lines: in others these may be the rims of what cast the shadow.
    """
    for result in later:
        is_alike = result.reading.certain and len(result.reading.lines) == len(read.reading.lines)
        if is_alike and has_lost_digits(result.reading, read.reading) and may_have_more_digits(read.reading):
            return result
    return read


def to_working_array(image: Image.Image) -> tuple[np.ndarray, AxisTransform]:
    """Reduce a large picture by an integer factor.

    Returns: (H, W, C) uint8, and the transform from its pixels to pixels of the picture.
    """
    shorter, longer = sorted(image.size)
    factor = 1
    if longer >= WORKING_SIDE:
        factor = max(
            1,
            min(longer // WORKING_SIDE, shorter // MIN_SHORT_SIDE),
            math.ceil(longer / MAX_WORKING_PIXELS),
            math.ceil((longer * shorter / MAX_WORKING_PIXELS) ** 0.5),
        )
    reduced = image.reduce(factor) if factor > 1 else image
    width, height = reduced.size
    return np.frombuffer(reduced.tobytes(), np.uint8).reshape(height, width, -1), AxisTransform(factor, factor)
