"""The line reader: reads a text line as a whole, without dividing it into digits first.

A network looks at a line image and gives, for every two columns, probabilities of the symbols and of a blank. Digits
that touch or overlap need no cut; marks between digits and other characters are symbols of their own. The alignment of
the symbols with the columns says where each of them stands.

Source: Graves et al. 2006, "Connectionist temporal classification".
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from digits.recognition.components import Component
from digits.recognition.line_image import LineImage, View, draw_line_images
from digits.recognition.line_symbols import SYMBOLS

BLANK = len(SYMBOLS)  # the index of CTC's blank among the network's classes
VIEWS = (View(), View(zoom=0.86, slant=0.1), View(zoom=0.93, slant=-0.1))
MIN_LOG_LIKELIHOOD = -100.0  # of a text in one view: -inf where it has more symbols than the view has frames
FRAME_WIDTH = 2  # columns of the line image


class AlignedSymbol(NamedTuple):
    """A symbol in a line image.

    index: in SYMBOLS.
    start, end: its columns [start, end) in the foreground.
    """

    index: int
    start: float
    end: float


class LineReading(NamedTuple):
    """What the line reader's network says about a line.

    texts: of the most probable path through each view, as symbol indices, with their symbols from left to right; the
        first is that of the first view.
    log_probabilities: of each view, frame and class, (V, T, 18).
    """

    texts: dict[tuple[int, ...], list[AlignedSymbol]]
    log_probabilities: torch.Tensor

    @property
    def symbols(self) -> list[AlignedSymbol]:
        """The symbols of the first view."""
        return next(iter(self.texts.values()))

    @property
    def indices(self) -> tuple[int, ...]:
        """The indices of the symbols in SYMBOLS."""
        return tuple(symbol.index for symbol in self.symbols)

    def cuts(self) -> list[float]:
        """The columns of the foreground where one symbol of the first view ends and the next begins."""
        return boundaries_between(self.symbols)

    def log_likelihoods(self, texts: Sequence[Sequence[int]]) -> list[float]:
        """Return the log probabilities of `texts`, as symbol indices: the mean over the views."""
        views, frames, _ = self.log_probabilities.shape
        longest = max(1, *(len(text) for text in texts))
        targets = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts])
        lengths = torch.tensor([len(text) for text in texts])
        repeated = self.log_probabilities.transpose(0, 1).repeat_interleave(len(texts), 1)  # (T, V texts, 18)
        losses = F.ctc_loss(
            repeated,
            targets.repeat(views, 1),
            torch.full((views * len(texts),), frames),
            lengths.repeat(views),
            BLANK,
            reduction="none",
        )
        return (-losses.clamp(max=-MIN_LOG_LIKELIHOOD)).view(views, -1).mean(0).tolist()


def boundaries_between(symbols: Sequence[AlignedSymbol]) -> list[float]:
    """Return the columns of the foreground in the middle between neighboring symbols."""
    return [(left.end + right.start) / 2 for left, right in itertools.pairwise(symbols)]


@torch.inference_mode()
def read_line(
    network: torch.nn.Module,
    device: str | torch.device,
    line: Sequence[Component],
    intensity: np.ndarray,
    others: Sequence[Component] = (),
) -> LineReading | None:
    """Read a text line with a network that maps (B, 1, 32, W) to logits (B, W / 2, 18).

    line, intensity, others: as in `draw_line_images`.

    Returns: None for a line that is too long.
    """
    images = draw_line_images(line, intensity, others, VIEWS)
    if not images:
        return None
    logits = network(torch.from_numpy(np.array([image.pixels for image in images]))[:, None].to(device))
    log_probabilities = logits.float().log_softmax(2).cpu()
    views = [align(view, image) for view, image in zip(log_probabilities.numpy(), images, strict=True)]
    texts: dict[tuple[int, ...], list[AlignedSymbol]] = {}
    for view in views:
        texts.setdefault(tuple(symbol.index for symbol in view), view)
    return LineReading(texts, log_probabilities)


def align(log_probabilities: np.ndarray, image: LineImage) -> list[AlignedSymbol]:
    """Find the symbols of the most probable path through `log_probabilities` (T, 18), and where each stands.

    A symbol extends over the neighboring frames in which it is the most probable class.
    """
    classes = log_probabilities.argmax(1)
    starts = np.flatnonzero((classes != BLANK) & (classes != np.append(-1, classes[:-1])))
    symbols = []
    for start in starts.tolist():
        end = start + 1
        while end < len(classes) and classes[end] == classes[start]:
            end += 1
        columns = (image.to_foreground_x(FRAME_WIDTH * frame) for frame in (start, end))
        symbols.append(AlignedSymbol(int(classes[start]), *columns))
    return symbols
