"""Synthetic numbers and how they were read, for the figures of `scripts/number_illustrations.py`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from bench.sample_images import blend, draw_number, to_8_bit, to_image
from digits.recognition.components import Component
from digits.recognition.line_decision import Proposals, ReadLine, TextLineReader
from digits.recognition.line_graph import Graph
from digits.recognition.line_image import LineImage, draw_line_images
from digits.recognition.line_reader import LineReading
from digits.recognition.line_symbols import SYMBOLS
from digits.recognition.reader import Reader
from digits.recognition.results import Reading, Trace

HARD_TEXT, HARD_GAP = "4826", -0.12  # its digits overlap by 12 % of their height
EASY_TEXT = "7225"  # apart, with the same digit twice
HEIGHT, STROKE_WIDTH = 160, 9  # pixels, of the picture and its pen
RULE_DISTANCE, RULE_WIDTH = 36, 1  # pixels, of the paper
HANDS = 20  # that are tried; with the present weights five of them will do


class RecordingLineReader(TextLineReader):
    """Keeps what was seen and proposed for each line that it reads."""

    def __init__(self, reader: Reader, line_network: torch.nn.Module):
        super().__init__(reader.classifier, line_network)
        self.records: list[tuple[list[Component], np.ndarray, Graph, LineReading, Proposals]] = []

    def read(self, line: list[Component], intensity: np.ndarray, others: Sequence[Component] = ()) -> ReadLine:
        self.line, self.intensity = line, intensity
        return super().read(line, intensity, others)

    def propose(self, graph: Graph, reading: LineReading) -> Proposals:
        proposals = super().propose(graph, reading)
        self.records.append((self.line, self.intensity, graph, reading, proposals))
        return proposals


class NumberTrace(NamedTuple):
    """How a number was read.

    by_graph: its reading without the line reader.
    line: its components, in the array `intensity` (H, W).
    """

    image: Image.Image
    trace: Trace
    by_graph: Reading
    line: list[Component]
    intensity: np.ndarray
    graph: Graph
    line_reading: LineReading
    proposals: Proposals

    @property
    def line_image(self) -> LineImage:
        """The first view of the line."""
        return draw_line_images(self.line, self.intensity)[0]


def trace_number(image: Image.Image, network: torch.nn.Module, line_network: torch.nn.Module) -> NumberTrace | None:
    """Read the picture of a number. Returns: None if another than the first foreground hypothesis was needed."""
    reader = Reader(network)
    by_graph = reader.read(image)
    recorder = reader.line_reader = RecordingLineReader(reader, line_network)
    trace = reader.trace(image)
    return NumberTrace(image, trace, by_graph, *recorder.records[0]) if len(recorder.records) == 1 else None


def on_ruled_paper(intensity: np.ndarray) -> Image.Image:
    """Draw a foreground intensity (H, W) in blue ink on ruled paper."""
    paper = np.full((*intensity.shape, 3), (250.0, 247, 238))
    for offset in range(RULE_WIDTH):
        paper[RULE_DISTANCE // 2 + offset :: RULE_DISTANCE] = (150, 176, 214)
    return to_8_bit(blend(paper, (34, 46, 110), intensity))


def find_hard_number(network: torch.nn.Module, line_network: torch.nn.Module) -> NumberTrace:
    """Find a random hand that is read right, but that the graph alone misreads with the highest probability."""
    pictures = (on_ruled_paper(draw_number(HARD_TEXT, HEIGHT, STROKE_WIDTH, HARD_GAP, seed)) for seed in range(HANDS))
    numbers = (trace_number(picture, network, line_network) for picture in pictures)
    hard = [number for number in numbers if number and is_hard(number)]
    assert hard, f"the graph misreads none of the {HANDS} hands that both read: try another HARD_TEXT"
    return max(hard, key=lambda number: number.by_graph.probability)


def is_hard(number: NumberTrace) -> bool:
    """Whether both together read a number right, while the graph misses a digit, also with the line reader's cuts."""
    reading, by_graph = number.trace.reading, (symbols_to_text(number.proposals.texts[0]), number.by_graph.text)
    is_missed = all(text != HARD_TEXT and len(text) >= len(HARD_TEXT) - 1 for text in by_graph)
    has_rules = bool(number.intensity[:, 0].any())  # next to a bar of a digit, a line may be left
    return reading.text == HARD_TEXT and reading.certain and is_missed and not has_rules


def trace_easy_number(network: torch.nn.Module, line_network: torch.nn.Module) -> NumberTrace:
    """Read a number whose digits stand apart, on white paper."""
    number = trace_number(to_image(draw_number(EASY_TEXT, HEIGHT, STROKE_WIDTH)), network, line_network)
    assert number
    return number


def symbols_to_text(symbols: Sequence[int]) -> str:
    """Return symbols, as indices, as text."""
    return "".join(SYMBOLS[symbol] for symbol in symbols)
