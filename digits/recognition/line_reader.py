"""The line reader: reads a text line as a whole, without dividing it into digits first.

A network looks at a line image and gives, for every two columns, probabilities of the symbols and of a blank. Digits
that touch or overlap need no cut; marks between digits and other characters are symbols of their own. The alignment of
the symbols with the columns says where each of them stands.

Source: Graves et al. 2006, "Connectionist temporal classification".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from digits.recognition.components import Component
from digits.recognition.line_image import LineImage, draw_line_image
from digits.recognition.line_symbols import SYMBOLS

BLANK = len(SYMBOLS)  # the index of CTC's blank among the network's classes
FRAME_WIDTH = 2  # columns of the line image


class AlignedSymbol(NamedTuple):
    """A symbol in a line image.

    index: in SYMBOLS.
    start, end: its columns [start, end) in the foreground.
    log_probabilities: of all symbols at this place, (17,), normalized without the blank.
    """

    index: int
    start: float
    end: float
    log_probabilities: np.ndarray


class LineReading(NamedTuple):
    """What the line reader's network says about a line.

    symbols: of its most probable path, from left to right.
    log_probabilities: of each frame and class, (T, 18).
    image: the line as the network saw it.
    """

    symbols: list[AlignedSymbol]
    log_probabilities: torch.Tensor
    image: LineImage

    @property
    def indices(self) -> tuple[int, ...]:
        """The indices of the symbols in SYMBOLS."""
        return tuple(symbol.index for symbol in self.symbols)

    def cuts(self) -> list[float]:
        """The columns of the foreground in the middle between neighboring symbols."""
        pairs = zip(self.symbols, self.symbols[1:], strict=False)
        return [(left.end + right.start) / 2 for left, right in pairs]

    def log_likelihoods(self, texts: Sequence[Sequence[int]]) -> list[float]:
        """Return the log probabilities of `texts`, as symbol indices, summed over all alignments."""
        frames, count = len(self.log_probabilities), len(texts)
        longest = max(1, *(len(text) for text in texts))
        targets = torch.zeros(count, longest, dtype=torch.long)
        for row, text in enumerate(texts):
            targets[row, : len(text)] = torch.tensor(text, dtype=torch.long)
        lengths = torch.tensor([len(text) for text in texts])
        repeated = self.log_probabilities[:, None].expand(frames, count, -1)
        losses = F.ctc_loss(repeated, targets, torch.full((count,), frames), lengths, BLANK, reduction="none")
        return (-losses.clamp(max=1e4)).tolist()


@torch.inference_mode()
def read_line(
    network: torch.nn.Module,
    device: str | torch.device,
    line: Sequence[Component],
    intensity: np.ndarray,
    others: Sequence[Component] = (),
) -> LineReading | None:
    """Read a text line with a network that maps (B, 1, 32, W) to logits (B, W / 2, 18).

    line, intensity, others: as in `draw_line_image`.

    Returns: None for a line that is too long.
    """
    image = draw_line_image(line, intensity, others)
    if image is None:
        return None
    logits = network(torch.from_numpy(image.pixels)[None, None].to(device))
    log_probabilities = logits[0].float().log_softmax(1).cpu()
    return LineReading(align(log_probabilities.numpy(), image), log_probabilities, image)


def align(log_probabilities: np.ndarray, image: LineImage) -> list[AlignedSymbol]:
    """Find the symbols of the most probable path through `log_probabilities` (T, 18), and where each stands.

    A symbol extends over the frames on its side of the middle between its own and its neighbors' frames.
    """
    classes = log_probabilities.argmax(1)
    starts = np.flatnonzero((classes != BLANK) & (classes != np.append(-1, classes[:-1])))
    symbols = []
    for start in starts.tolist():
        end = start + 1
        while end < len(classes) and classes[end] == classes[start]:
            end += 1
        peak = start + int(log_probabilities[start:end, classes[start]].argmax())
        scores = log_probabilities[peak, :BLANK]
        scores = scores - np.logaddexp.reduce(scores)
        columns = (image.to_foreground_x(FRAME_WIDTH * frame) for frame in (start, end))
        symbols.append(AlignedSymbol(int(classes[start]), *columns, scores))
    return symbols
