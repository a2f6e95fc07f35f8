"""`digits.recognition.line_reader`: symbols, places and probabilities from the frames of a line."""

import itertools
import math

import numpy as np
import pytest
import torch

from digits.recognition.components import Component
from digits.recognition.geometry import Box
from digits.recognition.line_image import LINE_HEIGHT, MAX_LINE_WIDTH, LineImage
from digits.recognition.line_reader import BLANK, FRAME_WIDTH, MIN_LOG_LIKELIHOOD, VIEWS, LineReading, align, read_line

CLASSES = BLANK + 1


def make_image(frames: int, left: float = 0.0, scale: float = 1.0) -> LineImage:
    return LineImage(np.zeros((LINE_HEIGHT, FRAME_WIDTH * frames), np.float32), left, scale)


def frames_of(path: list[int], confidence: float = 0.9) -> np.ndarray:
    """The log probabilities (T, 18) of frames that show the classes of `path`."""
    probabilities = np.full((len(path), CLASSES), (1 - confidence) / (CLASSES - 1))
    probabilities[np.arange(len(path)), path] = confidence
    return np.log(probabilities)


def make_reading(log_probabilities: np.ndarray, **image: float) -> LineReading:
    """The reading of a line in one view."""
    symbols = align(log_probabilities, make_image(len(log_probabilities), **image))
    text = tuple(symbol.index for symbol in symbols)
    return LineReading({text: symbols}, torch.from_numpy(log_probabilities).float()[None])


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    """The text of a path of classes: repeated classes count once, blanks not at all."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([BLANK, 7, BLANK], (7,)),
        ([BLANK, 7, 7, BLANK], (7,)),
        ([7, BLANK, 7], (7, 7)),
        ([7, 3, BLANK], (7, 3)),
        ([1, 10, 4], (1, 10, 4)),
        ([BLANK, BLANK], ()),
    ],
)
def test_symbols_are_those_of_the_most_probable_path(path, text):
    reading = make_reading(frames_of(path))
    assert reading.indices == text == collapse(tuple(path))


def test_symbols_stand_in_the_columns_of_their_frames():
    reading = make_reading(frames_of([BLANK, 7, 7, BLANK, 3, BLANK]), left=100.0, scale=0.5)
    first, second = reading.symbols
    assert (first.start, first.end) == (100 + 2 / 0.5, 100 + 6 / 0.5)
    assert (second.start, second.end) == (100 + 8 / 0.5, 100 + 10 / 0.5)


def test_cuts_are_in_the_middle_between_neighbors():
    reading = make_reading(frames_of([7, BLANK, BLANK, 3, 5, BLANK, 1]))
    assert reading.cuts() == [(2 + 6) / 2, (8 + 8) / 2, (10 + 12) / 2]
    assert make_reading(frames_of([BLANK, 7])).cuts() == []
    assert make_reading(frames_of([BLANK])).cuts() == []


def test_log_likelihoods_equal_the_sum_over_all_alignments():
    """All 4^4 paths through four frames, of two digits, the last symbol and the blank; the others are impossible."""
    random = np.random.default_rng(5)
    used = [2, 5, BLANK - 1, BLANK]
    frames = np.full((4, CLASSES), -60.0)
    frames[:, used] = np.log(random.dirichlet(np.ones(4), 4))
    totals: dict[tuple[int, ...], float] = {}
    for path in itertools.product(used, repeat=4):
        probability = math.exp(sum(frames[frame, symbol] for frame, symbol in enumerate(path)))
        totals[collapse(path)] = totals.get(collapse(path), 0.0) + probability
    texts = list(totals)
    likelihoods = make_reading(frames).log_likelihoods(texts)
    assert np.exp(likelihoods) == pytest.approx([totals[text] for text in texts], rel=1e-3)
    assert sum(totals.values()) == pytest.approx(1)


def test_text_without_symbols_has_the_likelihood_of_blanks_alone():
    frames = frames_of([BLANK, BLANK, 4], 0.6)
    (alone,) = make_reading(frames).log_likelihoods([()])
    empty, four = make_reading(frames).log_likelihoods([(), (4,)])
    assert empty == pytest.approx(frames[:, BLANK].sum(), abs=1e-4)
    assert alone == pytest.approx(empty)
    assert four > empty


def test_text_with_more_symbols_than_frames_is_impossible_and_not_infinite():
    (likelihood,) = make_reading(frames_of([1, 2])).log_likelihoods([(1, 2, 3)])
    assert likelihood == MIN_LOG_LIKELIHOOD


class FramesOfColumns(torch.nn.Module):
    """Answers each pair of columns with a blank where they are empty, else with the digit 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pairs = x.amax((1, 2)).view(len(x), -1, FRAME_WIDTH).amax(2)  # (B, T)
        logits = torch.zeros(*pairs.shape, CLASSES)
        logits[..., 1], logits[..., BLANK] = 10 * pairs, 5
        return logits


def bars(*columns: int, height: int = 56) -> tuple[list[Component], np.ndarray]:
    intensity, line = np.zeros((100, 3000), np.float32), []
    for x in columns:
        intensity[20 : 20 + height, x : x + 8] = 1
        line.append(Component(Box(x, 20, x + 8, 20 + height), np.ones((height, 8), bool)))
    return line, intensity


def test_line_is_read_where_its_strokes_are():
    line, intensity = bars(200, 260, 300)
    reading = read_line(FramesOfColumns(), "cpu", line, intensity)
    assert reading.indices == (1, 1, 1)
    for symbol, component in zip(reading.symbols, line, strict=True):
        assert symbol.start == pytest.approx(component.box.left, abs=5)
        assert symbol.end == pytest.approx(component.box.right, abs=5)
    assert reading.log_probabilities.exp().sum(2).numpy() == pytest.approx(1)
    assert len(reading.log_probabilities) == len(VIEWS)


def test_likelihood_is_the_mean_over_the_views():
    first, second = (make_reading(frames_of([7, BLANK, 3], confidence)) for confidence in (0.9, 0.5))
    both = LineReading(first.texts, torch.cat([first.log_probabilities, second.log_probabilities]))
    texts = [(7, 3), (7,)]
    expected = np.mean([first.log_likelihoods(texts), second.log_likelihoods(texts)], 0)
    assert both.log_likelihoods(texts) == pytest.approx(expected, abs=1e-4)


def test_line_that_is_too_long_is_not_read():
    line, intensity = bars(0, 2990, height=20)
    assert MAX_LINE_WIDTH < 2990 * 28 / 20
    assert read_line(FramesOfColumns(), "cpu", line, intensity) is None
