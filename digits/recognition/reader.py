"""The single recognition path, from a decoded picture to a reading; scripts, server, benchmarks and tests use it.

Picture → foreground → text lines of components → segmentation of each line into digits → normalized digits → network.
"""

import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from digits.probabilities import class_probabilities, forward_in_batches, to_input
from digits.recognition.components import Component, downscale_components, merge
from digits.recognition.foreground import Foreground
from digits.recognition.foreground_hypotheses import foreground_hypotheses
from digits.recognition.geometry import AxisTransform, Box
from digits.recognition.normalization import NormalizedDigit, normalize_with_transform
from digits.recognition.oversegmentation import needs_oversegmentation, oversegment_line
from digits.recognition.results import Digit, DigitTrace, Reading, Trace
from digits.recognition.segmentation import best_path, candidate_spans
from digits.recognition.slashed_zeros import looks_like_slashed_zero, shift_probability_to_zero
from digits.recognition.strokes import Drawing, clip_boxes, rasterize
from digits.recognition.text_lines import are_stacked, find_text_lines

# How many times more probable the reading of a later foreground hypothesis must be. With 1, 17 of MNIST's training
# images 40,000 to 49,999 were read differently as PNG files than as tensors, because paler strokes are lost; with 2
# it was 3.
REPLACEMENT_RATIO = 2.0
WORKING_SIDE = 1_000  # pixels: longer pictures are reduced to 1,000 to 1,999 on the longer side; a digit needs 28
# Pixels of the reduced picture, where digits of 12 were found in pictures of all shapes: fewer are dust.
MIN_READABLE_HEIGHT = 15
MIN_SHORT_SIDE = 100  # pixels: the shorter side is not reduced below, as a digit may fill it in a long strip
MAX_WORKING_PIXELS = 4_000_000  # pixels: larger pictures are always reduced, however long the strip is
WORKING_LINE_HEIGHT = 128  # pixels: a higher line is downscaled to 128 to 255 before it is segmented


class Candidate(NamedTuple):
    """A component that may be one digit, and the probabilities of the ten classes that the network gives it."""

    component: Component
    normalized: NormalizedDigit
    probabilities: list[float]

    @property
    def confidence(self) -> float:
        """The probability of the most probable class."""
        return max(self.probabilities)


class SegmentedLine(NamedTuple):
    """The digits of a text line from left to right, and the posterior probability of its segmentation."""

    digits: list[Candidate]
    posterior: float


class ReadForeground(NamedTuple):
    """A foreground hypothesis, its reading, and the candidates that became the digits."""

    reading: Reading
    foreground: Foreground | None
    candidates: list[Candidate]


class Reader:
    """Reads pictures with a network that maps (B, 1, 28, 28) in [0, 1] to logits (B, 10)."""

    def __init__(self, network: torch.nn.Module, device: str | torch.device = "cpu"):
        # In this memory format convolutions are faster on a CPU: a small picture takes 0.1 ms less.
        self.network = network.to(device).to(memory_format=torch.channels_last).eval()
        self.device = device

    def read(self, image: Image.Image) -> Reading:
        """Read the digits in a picture from `image_decoding.decode`.

        Returns: the reading; without digits, and with an `error`, if the picture is blank or crowded.
        """
        array, to_picture = to_working_array(image)
        return self._read_array(array, to_picture, image.size).reading

    def trace(self, image: Image.Image) -> Trace:
        """Read a picture like `read`, and return the intermediate results as well."""
        array, to_picture = to_working_array(image)
        reading, foreground, candidates = self._read_array(array, to_picture, image.size)
        return Trace(reading, foreground, to_picture, tuple(map(_trace_digit, candidates)))

    def trace_drawing(self, drawing: Drawing) -> Trace:
        """Read the strokes of a drawing; boxes are in units of its paper, rounded."""
        foreground, text_lines, to_paper = rasterize(drawing)
        reading, _, candidates = self._read_text_lines(text_lines, foreground, to_paper, (sys.maxsize, sys.maxsize))
        return clip_boxes(Trace(reading, foreground, to_paper, tuple(map(_trace_digit, candidates))), drawing)

    def _read_array(self, array: np.ndarray, to_picture: AxisTransform, size: tuple[int, int]) -> ReadForeground:
        """Read a picture (H, W, C) uint8 of `size` (width, height) as sent.

        The reading of the first foreground hypothesis is replaced only by those that `may_replace` allows: by the first
        of these that is certain, else by the most probable one. If it has no digits, only a certain one replaces it.
        """
        results = (self._read_foreground(hypothesis, to_picture, size) for hypothesis in foreground_hypotheses(array))
        first = best = next(results)
        if first.reading.certain:
            return first
        for result in results:
            is_allowed = may_replace(first.reading, result.reading)
            if result.reading.certain and is_allowed:
                return result
            if first.reading.digits and result.reading.probability > best.reading.probability and is_allowed:
                best = result
        return best

    @torch.inference_mode()
    def predict(self, pixels: np.ndarray) -> torch.Tensor:
        """Return the class probabilities (B, 10) of normalized digits (B, 28, 28) uint8."""
        logits = forward_in_batches(self.network, to_input(pixels).to(self.device))
        return class_probabilities(logits).cpu()

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
        lines = [self._read_line(line, foreground.intensity) for line in text_lines]
        candidates = [candidate for line in lines for candidate in line.digits]
        reading = Reading(
            tuple(_make_digit(candidate, size) for candidate in candidates), math.prod(line.posterior for line in lines)
        )
        return ReadForeground(reading, foreground, candidates)

    def _merge_stacked(self, lines: Sequence[list[Component]], intensity: np.ndarray) -> list[list[Component]]:
        """Merge two components, each alone in its line and close above each other, where that is more probable.

        A digit whose upper half has lost the lower one otherwise becomes two lines of one digit each.
        """
        merged: list[list[Component]] = []
        for line in lines:
            if merged and len(merged[-1]) == len(line) == 1 and are_stacked(merged[-1][0].box, line[0].box):
                both = merge([merged[-1][0], line[0]])
                whole, upper, lower = self._classify([both, merged[-1][0], line[0]], intensity)
                if whole.confidence > upper.confidence * lower.confidence:
                    merged[-1] = [both]
                    continue
            merged.append(line)
        return merged

    def _read_line(self, line: list[Component], intensity: np.ndarray) -> SegmentedLine:
        """Segment a text line into digits. `intensity` (H, W) is the array in which its components were found."""
        candidates = self._classify(line, intensity)
        confidences = [candidate.confidence for candidate in candidates]
        height = max(component.height for component in line)
        if len(line) == 1 and not needs_oversegmentation(line[0], confidences[0], height):
            return SegmentedLine(candidates, 1.0)
        factor = max(1, height // WORKING_LINE_HEIGHT)
        if factor > 1:
            line, intensity = downscale_components(line, intensity, factor)
        pieces, gaps, uncut = oversegment_line(line, confidences, intensity, height / factor)
        spans = candidate_spans([piece.box for piece in pieces], gaps)
        merged = [uncut.get((start, end)) or merge(pieces[start:end]) for start, end in spans]
        # Components of a line that was not downscaled have been classified already.
        classified = {candidate.component: candidate for candidate in candidates}
        if new := [component for component in merged if component not in classified]:
            classified |= zip(new, self._classify(new, intensity), strict=True)
        by_span = {span: classified[component] for span, component in zip(spans, merged, strict=True)}
        path = best_path(gaps, spans, [candidate.confidence for candidate in by_span.values()])
        return SegmentedLine([by_span[span] for span in path.spans], path.posterior)

    def _classify(self, components: Sequence[Component], intensity: np.ndarray) -> list[Candidate]:
        """Normalize and classify components found in `intensity` (H, W)."""
        normalized = [normalize_with_transform(component.crop(intensity)) for component in components]
        probabilities = self.predict(np.array([digit.pixels for digit in normalized])).tolist()
        return [Candidate(*row) for row in zip(components, normalized, probabilities, strict=True)]


def _make_digit(candidate: Candidate, size: tuple[int, int]) -> Digit:
    """Return a candidate as a digit of a picture of `size` (width, height)."""
    component, normalized, probabilities = candidate
    probabilities = shift_probability_to_zero(probabilities, normalized.pixels)
    left, top, right, bottom = map(round, component.to_picture.apply_to_box(component.box))
    box = Box(left, top, min(right, size[0]), min(bottom, size[1]))  # the last reduced pixels may extend beyond it
    return Digit.from_probabilities(probabilities, box, normalized.pixels)


def _trace_digit(candidate: Candidate) -> DigitTrace:
    """Return the trace of a digit, with its transform through the component's crop to the picture."""
    component, normalized, _ = candidate
    left, top = component.box.left - component.margin, component.box.top - component.margin
    to_foreground = normalized.transform.inverse().then(AxisTransform(offset_x=left, offset_y=top))
    return DigitTrace(normalized.box, to_foreground.then(component.to_picture))


def may_replace(first: Reading, later: Reading) -> bool:
    """Whether the reading of a later foreground hypothesis may replace that of the first one.

    It may if it has the same text, or a much more probable one. It may never replace digits that the first hypothesis
    read with certainty, even where their segmentation is uncertain, nor by more digits a zero with a stroke through it:
    relative to the local background, the two halves of its hole were read as 11, with certainty.
    """
    if not first.digits or first.text == later.text:
        return True
    if all(digit.certain for digit in first.digits):
        return False
    if len(later.digits) > len(first.digits) and any(looks_like_slashed_zero(d.pixels) for d in first.digits):
        return False
    return later.probability > REPLACEMENT_RATIO * first.probability


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
