"""Networks whose answers a test chooses."""

import torch

from digits.recognition.line_reader import BLANK, FRAME_WIDTH
from digits.recognition.line_symbols import SYMBOLS

SURE = 0.99


class ConstantLogits(torch.nn.Module):
    """Answers every image with the same ten logits."""

    def __init__(self, *logits: float):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), 10)


class FakeLineNetwork(torch.nn.Module):
    """Answers each run of columns with strokes with a text, whose symbols divide the run evenly."""

    def __init__(self, *texts: str, probability: float = SURE):
        super().__init__()
        self.texts, self.probability = texts, probability

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._answer(view) for view in x])

    def _answer(self, view: torch.Tensor) -> torch.Tensor:
        """Answer a line image (1, 32, W)."""
        has_strokes = [*(view[0].amax(0) > 0.5).view(-1, FRAME_WIDTH).any(1).tolist(), False]
        classes, runs = [BLANK] * (len(has_strokes) - 1), iter(self.texts)
        start = None
        for frame, drawn in enumerate(has_strokes):
            if drawn and start is None:
                start = frame
            elif not drawn and start is not None:
                text, length = next(runs, ""), frame - start
                for k, symbol in enumerate(text):
                    classes[start + round((k + 0.5) * length / len(text))] = SYMBOLS.index(symbol)
                start = None
        probabilities = torch.full((1, len(classes), BLANK + 1), (1 - self.probability) / BLANK)
        probabilities[0, torch.arange(len(classes)), torch.tensor(classes)] = self.probability
        return probabilities.log()
