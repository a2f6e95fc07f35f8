"""The glyphs that digit strings are composed of: digits, marks and other characters, all in 28×28 frames."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from digits.data import outliers, synthetic
from digits.data.mnist import ImageDataset
from digits.data.synthetic import Stroke
from digits.recognition.line_symbols import MARKS, OTHER, SYMBOLS
from digits.recognition.normalization import IMAGE_SIZE

# Strokes of the marks, in units of the digits' height, y downwards from their top; x from the middle of the mark.
MARK_TEMPLATES: dict[str, list[list[Stroke]]] = {
    ".": [[[(0, 0.95), (0.02, 0.97)]], [[(-0.02, 0.98), (0.02, 0.94), (0.03, 0.98), (-0.01, 0.99)]]],
    ",": [[[(0.03, 0.92), (0.02, 1.05), (-0.07, 1.17)]], [[(0.03, 0.9), (-0.06, 1.1)]]],
    "-": [[[(-0.2, 0.5), (0.2, 0.5)]], [[(-0.3, 0.5), (0, 0.48), (0.3, 0.51)]], [[(-0.13, 0.52), (0.13, 0.5)]]],
    "/": [[[(0.3, -0.1), (-0.3, 1.1)]], [[(0.24, -0.15), (-0.22, 1.15)]], [[(0.38, -0.05), (-0.36, 1.1)]]],
    ":": [[[(0, 0.3), (0.02, 0.32)], [(0, 0.8), (0.02, 0.82)]], [[(0, 0.45), (0.01, 0.47)], [(0, 0.93), (0.01, 0.95)]]],
    "+": [[[(-0.25, 0.52), (0.25, 0.5)], [(0, 0.25), (0, 0.78)]], [[(-0.2, 0.5), (0.2, 0.5)], [(0.01, 0.3), (0, 0.7)]]],
}
MARK_COUNT = 400  # of each mark
DIGIT_TOP, DIGIT_PIXELS = 4, 20  # pixels: where a digit of full height lies in its frame
# Kinds of outliers that are single characters: pairs and fragments of digits would be other symbols in a line.
OTHER_KINDS = ("font character", "display letter", "foreign character", "character", "doodle", "scribble")


@dataclass(frozen=True)
class GlyphBank:
    """Glyphs to compose strings of: first the digits, by stroke width, then the marks, then the other characters.

    images: (N, 28, 28) uint8, white on black.
    symbols: (N,) int64, indices of `line_symbols.SYMBOLS`.
    """

    images: torch.Tensor
    symbols: torch.Tensor
    digit_count: int
    mark_count: int
    other_count: int

    @property
    def device(self) -> torch.device:
        return self.images.device


def make_glyph_bank(
    digits: ImageDataset, other_count: int, seed: int, disable_progress: bool | None = None
) -> GlyphBank:
    """Collect `digits`, marks drawn from `MARK_TEMPLATES`, and `other_count` characters that are neither.

    Returns: glyphs on the device of `digits`.
    """
    images, labels = digits.images[:, 0], digits.labels
    order = stroke_widths(images).argsort(stable=True)
    marks = draw_marks(torch.Generator().manual_seed(seed))
    parts = [images[order], marks.images[:, 0].to(images.device)]
    symbols = [labels[order], marks.labels.to(labels.device)]
    if other_count:
        others = outliers.make_outliers(other_count, digits, seed, disable_progress, OTHER_KINDS).images[:, 0]
        parts.append(others.to(images.device))
        symbols.append(torch.full((other_count,), SYMBOLS.index(OTHER), device=labels.device))
    return GlyphBank(torch.cat(parts), torch.cat(symbols), len(digits), len(marks), other_count)


def stroke_widths(images: torch.Tensor) -> torch.Tensor:
    """Estimate the stroke widths of `images` (N, 28, 28) uint8, in pixels, as `arrays.stroke_width` does: (N,)."""
    widths = []
    for batch in images.split(5_000):
        intensity = F.pad(batch.float(), (1, 1, 1, 1))
        dx = intensity[:, :-1, 1:] - intensity[:, :-1, :-1]
        dy = intensity[:, 1:, :-1] - intensity[:, :-1, :-1]
        widths.append(2 * intensity.sum((1, 2)) / (dx.square() + dy.square()).sqrt().sum((1, 2)).clamp(min=1e-6))
    return torch.cat(widths)


def draw_marks(generator: torch.Generator) -> ImageDataset:
    """Draw MARK_COUNT versions of each mark, in random order, labeled with their indices in SYMBOLS."""
    images, labels = [], []
    for mark in MARKS:
        templates = MARK_TEMPLATES[mark]
        for number in range(MARK_COUNT):
            images.append(_draw_mark(templates[number % len(templates)], generator))
            labels.append(SYMBOLS.index(mark))
    order = torch.randperm(len(images), generator=generator)
    return ImageDataset(torch.stack(images)[order, None], torch.tensor(labels)[order])


def _draw_mark(template: list[Stroke], generator: torch.Generator) -> torch.Tensor:
    """Draw one mark in its place in the frame: (28, 28) uint8."""

    def vary(sigma: float, *shape: int) -> torch.Tensor:
        return sigma * torch.randn(*shape, generator=generator)

    scale, shift = float(vary(0.2, 1).exp()), vary(0.05, 2)
    width = 1.5 + 2.5 * float(torch.rand(1, generator=generator))  # pixels; most of MNIST's are 2 to 4
    strokes = []
    for stroke in template:
        points = torch.tensor(stroke) + vary(0.02, len(stroke), 2)
        center = points.mean(0)
        points = (points - center) * scale + center + shift
        strokes.append((points * DIGIT_PIXELS + torch.tensor([14.0, DIGIT_TOP])) / IMAGE_SIZE)
    drawing = synthetic.rasterize(strokes, IMAGE_SIZE, width, (0.5, 0.5), 1.0)
    return (drawing * 255).round().to(torch.uint8)
