"""Synthetic digits, for tests, for sample pictures, and for training without a download.

Each digit consists of a few pen strokes given by control points. The strokes are jittered, rounded by corner cutting
(Chaikin 1974, "An algorithm for high speed curve generation"), slanted, rotated and bent, then rasterized by their
distance from each pixel. All digits differ, yet a seed always gives the same ones.
"""

import math

import torch

from digits.data.mnist import ImageDataset
from digits.recognition.normalization import IMAGE_SIZE

# A stroke is a list of control points (x, y) in a box about 0.6 wide and 1 high, y downwards. The variants of a digit
# follow the ways in which people write it: 1 with and without flag and foot, 4 open and closed, 7 with a bar …
Stroke = list[tuple[float, float]]
TEMPLATE_BATCH_SIZE = 250  # digits drawn from one template at once; another value gives other digits for the same seed
MAX_DISTANCES = 200_000  # computed at once, from pixels to segments: these 0.8 MB stay in the processor's cache


def ellipse_arc(x: float, y: float, rx: float, ry: float, start: float, sweep: float) -> Stroke:
    """Return 13 points along an arc of the ellipse around (x, y).

    start, sweep: degrees; 0 is right, 90 is down.
    """
    angles = [math.radians(start + sweep * i / 12) for i in range(13)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


STROKE_TEMPLATES: dict[int, list[list[Stroke]]] = {
    0: [
        [ellipse_arc(0.3, 0.5, 0.3, 0.5, -90, -360)],
        [ellipse_arc(0.3, 0.5, 0.34, 0.5, -60, -385)],
        [ellipse_arc(0.3, 0.5, 0.42, 0.5, -110, -330)],
        [ellipse_arc(0.3, 0.5, 0.36, 0.5, -90, -365), [(0.02, 0.95), (0.58, 0.05)]],
    ],
    1: [
        [[(0.3, 0), (0.3, 0.5), (0.3, 1)]],
        [[(0.3, 0), (0.3, 0.5), (0.3, 1)]],
        [[(0.05, 0.28), (0.3, 0), (0.3, 0), (0.3, 0.5), (0.3, 1)]],
        [[(0.1, 0.2), (0.3, 0), (0.3, 0), (0.3, 1)], [(0.05, 1), (0.55, 1)]],
        [[(-0.1, 0.4), (0.12, 0.2), (0.32, 0), (0.32, 0), (0.3, 0.5), (0.3, 1)]],
        [[(-0.15, 0.5), (0.3, 0), (0.3, 0), (0.28, 1)]],
    ],
    2: [
        [[(0.02, 0.25), (0.1, 0), (0.55, -0.05), (0.62, 0.3), (0.35, 0.7), (0, 1), (0, 1), (0.3, 0.98), (0.65, 1)]],
        [[(0.02, 0.2), (0.15, 0), (0.5, -0.05), (0.6, 0.35), (0.35, 0.8), (0.05, 1.02), (-0.05, 0.85), (0.15, 0.75),
          (0.35, 0.95), (0.65, 0.98)]],
        [[(0.05, 0.1), (0.3, -0.05), (0.62, 0.1), (0.5, 0.5), (0.1, 0.9), (0, 1), (0, 1), (0.4, 1), (0.75, 0.9)]],
        [[(0, 0.2), (0.15, 0), (0.5, 0), (0.6, 0.3), (0.35, 0.7), (-0.1, 1), (-0.1, 1), (0.4, 1.01), (0.95, 1)]],
    ],
    3: [
        [[(0.05, 0.15), (0.2, -0.02), (0.6, 0), (0.58, 0.4), (0.2, 0.47), (0.2, 0.47), (0.65, 0.5), (0.68, 0.95),
          (0.25, 1.05), (0, 0.88)]],
        [[(0.03, 0.02), (0.55, 0), (0.55, 0), (0.25, 0.42), (0.25, 0.42), (0.65, 0.45), (0.65, 0.95), (0.25, 1.05),
          (0, 0.9)]],
        [[(0.05, 0.1), (0.35, -0.05), (0.6, 0.15), (0.45, 0.42), (0.3, 0.47), (0.55, 0.55), (0.6, 0.85), (0.3, 1.02),
          (0, 0.95)]],
    ],
    4: [
        [[(0.1, 0), (0.03, 0.5), (0.05, 0.55), (0.35, 0.53), (0.65, 0.5)], [(0.5, 0.1), (0.48, 0.5), (0.45, 1)]],
        [[(0.45, 0), (0.2, 0.35), (0, 0.65), (0, 0.65), (0.35, 0.65), (0.68, 0.63)], [(0.45, 0), (0.45, 1)]],
        [[(0.05, 0.05), (0, 0.4), (0.15, 0.5), (0.4, 0.48), (0.55, 0.4)], [(0.6, 0), (0.55, 0.5), (0.5, 1)]],
        [[(0.12, 0), (0.0, 0.52), (0.0, 0.52), (0.6, 0.5)], [(0.38, 0.25), (0.36, 0.6), (0.34, 1)]],
        [[(0.4, 0), (0, 0.32), (0, 0.32), (0.2, 0.33), (0.42, 0.31)], [(0.4, 0), (0.41, 0.5), (0.4, 1)]],
        [[(0.35, 0), (0, 0.62), (0, 0.62), (0.68, 0.6)], [(0.45, 0.4), (0.44, 0.6), (0.42, 1)]],
    ],
    5: [
        [[(0.12, 0), (0.08, 0.42), (0.08, 0.42), (0.35, 0.3), (0.68, 0.5), (0.6, 0.98), (0.25, 1.03), (0, 0.9)],
         [(0.12, 0), (0.35, 0), (0.62, -0.02)]],
        [[(0.58, 0), (0.12, 0.02), (0.12, 0.02), (0.08, 0.45), (0.08, 0.45), (0.4, 0.35), (0.65, 0.6), (0.5, 1),
          (0.2, 1.03), (0, 0.92)]],
        [[(0.75, -0.05), (0.3, 0), (0.3, 0), (0.15, 0.4), (0.4, 0.5), (0.55, 0.7), (0.4, 0.95), (0, 1)]],
    ],
    6: [
        [[(0.5, 0), (0.15, 0.2), (-0.05, 0.65), (0.05, 1.05), (0.5, 1.05), (0.62, 0.72), (0.4, 0.5), (0.12, 0.6),
          (0.03, 0.8)]],
        [[(0.35, 0), (0.08, 0.4), (0, 0.8), (0.15, 1.05), (0.5, 1), (0.55, 0.75), (0.4, 0.6), (0.1, 0.72),
          (0.05, 0.85)]],
        [[(0.2, 0), (0.05, 0.4), (-0.02, 0.85), (0.25, 1.08), (0.6, 0.9), (0.5, 0.6), (0.2, 0.6), (0.03, 0.8)]],
    ],
    7: [
        [[(0, 0.05), (0.3, 0.03), (0.6, 0), (0.6, 0), (0.4, 0.45), (0.25, 1)]],
        [[(0, 0.15), (0.03, 0.02), (0.3, 0.05), (0.62, 0), (0.62, 0), (0.42, 0.5), (0.35, 1)]],
        [[(0, 0.03), (0.6, 0), (0.6, 0), (0.4, 0.5), (0.25, 1)], [(0.15, 0.5), (0.4, 0.48), (0.62, 0.47)]],
        [[(0, 0.12), (0.25, 0), (0.55, 0.05), (0.55, 0.3), (0.45, 0.6), (0.4, 1)]],
    ],
    8: [
        [[(0.55, 0.12), (0.3, -0.08), (0, 0.1), (0.1, 0.38), (0.5, 0.55), (0.65, 0.85), (0.3, 1.1), (-0.05, 0.85),
          (0.1, 0.58), (0.5, 0.38), (0.6, 0.12), (0.45, 0)]],
        [ellipse_arc(0.3, 0.24, 0.24, 0.24, 90, 360), ellipse_arc(0.3, 0.74, 0.3, 0.27, -90, 360)],
        [[(0.6, 0.05), (0.3, -0.05), (0.05, 0.15), (0.25, 0.45), (0.45, 0.75), (0.3, 1.03), (0.05, 0.9), (0.15, 0.6),
          (0.5, 0.3), (0.65, 0.05)]],
        [[(0.75, 0.05), (0.35, -0.06), (0, 0.12), (0.3, 0.45), (0.7, 0.75), (0.35, 1.05), (0, 0.85), (0.35, 0.5),
          (0.75, 0.2), (0.8, 0.05)]],
    ],
    9: [
        [ellipse_arc(0.3, 0.27, 0.28, 0.27, -20, -340), [(0.58, 0.1), (0.57, 0.5), (0.52, 1)]],
        [[(0.55, 0.15), (0.3, -0.05), (0, 0.15), (0.1, 0.5), (0.45, 0.45), (0.58, 0.1), (0.58, 0.1), (0.56, 0.5),
          (0.55, 1)]],
        [[(0.55, 0.15), (0.3, -0.05), (0, 0.15), (0.1, 0.5), (0.45, 0.45), (0.58, 0.15), (0.62, 0.6), (0.5, 1.05),
          (0.1, 0.98)]],
    ],
}  # fmt: skip


def synthetic_digits(
    count: int, generator: torch.Generator, templates_by_label: dict[int, list[list[Stroke]]] = STROKE_TEMPLATES
) -> ImageDataset:
    """Draw `count` normalized digits, each label and each of its templates equally often, in random order."""
    numbers = torch.randperm(count, generator=generator) % len(templates_by_label)
    labels = torch.tensor(list(templates_by_label))[numbers]
    images = torch.empty(count, 1, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.uint8)
    for label, templates in templates_by_label.items():
        indices = (labels == label).nonzero()[:, 0]
        for number, template in enumerate(templates):
            for batch in indices[number :: len(templates)].split(TEMPLATE_BATCH_SIZE):
                images[batch, 0] = _draw_normalized(jitter_strokes(template, len(batch), generator), generator)
    return ImageDataset(images, labels)


def digit_strokes(label: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Draw the strokes of one `label` from a random template: each (P, 2), in the unit square (`fit_unit_square`)."""
    templates = STROKE_TEMPLATES[label]
    template = templates[int(torch.randint(len(templates), (1,), generator=generator))]
    return fit_unit_square([stroke[0] for stroke in jitter_strokes(template, 1, generator)])


def fit_unit_square(strokes: list[torch.Tensor]) -> list[torch.Tensor]:
    """Scale and shift strokes (P, 2) so that their bounding box fills [0, 1], centered, aspect ratio kept."""
    points = torch.cat(strokes)
    low, high = points.amin(0), points.amax(0)
    center, extent = (low + high) / 2, (high - low).max()
    return [(stroke - center) / extent + 0.5 for stroke in strokes]


def rasterize(
    strokes: list[torch.Tensor],
    side: int,
    stroke_width: float,
    center: tuple[float, float] = (0.5, 0.5),
    size: float = 0.8,
) -> torch.Tensor:
    """Rasterize strokes (P, 2) in the unit square: (side, side), from 0 (background) to 1 (stroke).

    stroke_width: pixels.
    center, size: of the unit square in the image, as fractions of `side`.
    """
    placed = [((stroke - 0.5) * size + torch.tensor(center)) * side for stroke in strokes]
    return _rasterize_batch([stroke[None] for stroke in placed], torch.tensor([stroke_width]), side)[0]


def jitter_strokes(template: list[Stroke], count: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Draw `count` random versions of a template: for each of its strokes the points (count, P, 2)."""

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator)

    ratio = uniform(0.12, 0.28)[..., None]  # how round a corner gets; Chaikin's own is 0.25
    shear, angle = 0.15 + 0.25 * normal(count, 1), math.radians(6) * normal(count, 1)
    scale_x = (0.18 * normal(count, 1)).exp()
    amplitude, frequency, phase = 0.04 * normal(count, 1), uniform(2, 7), uniform(0, 2 * math.pi)
    jittered = []
    for stroke in template:
        points = torch.tensor(stroke) + 0.035 * normal(count, len(stroke), 2)  # tremor
        points = chaikin(points + 0.02 * normal(count, 1, 2), ratio)  # strokes do not quite meet
        x, y = points.unbind(-1)  # (count, P)
        x, y = x + amplitude * (frequency * y + phase).sin(), y + amplitude * (frequency * x - phase).sin()
        x = scale_x * (x - 0.3) - shear * (y - 0.5)
        x, y = x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()
        jittered.append(torch.stack([x, y], -1))
    return jittered


def chaikin(points: torch.Tensor, ratio: torch.Tensor, iterations: int = 3) -> torch.Tensor:
    """Round open polylines (N, P, 2) by Chaikin's corner cutting; straight lines (P = 2) stay as they are.

    ratio: (N, 1, 1); the fraction of each edge that is cut off at either end.
    """
    for _ in range(iterations if points.shape[1] > 2 else 0):
        start, end = points[:, :-1], points[:, 1:]
        pairs = torch.stack([start.lerp(end, ratio), end.lerp(start, ratio)], 2).flatten(1, 2)
        points = torch.cat([points[:, :1], pairs[:, 1:-1], points[:, -1:]], 1)
    return points


def _draw_normalized(strokes: list[torch.Tensor], generator: torch.Generator) -> torch.Tensor:
    """Draw strokes (N, P, 2) in any units as normalized digits (N, 28, 28) uint8."""
    count = len(strokes[0])
    width = 1.3 + 3.0 * torch.rand(count, generator=generator)  # pixels; most of MNIST's are 2 to 4
    points = torch.cat(strokes, 1)
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)  # (N, 1, 2)
    extent = (high - low).amax((1, 2))
    side = 19.4 + 0.6 * torch.randn(count, generator=generator)  # about the 20 pixels of MNIST's box
    scale = ((side - width) / extent)[:, None, None]
    center = 14 + 0.6 * torch.randn(count, 1, 2, generator=generator)
    images = _rasterize_batch([(stroke - (low + high) / 2) * scale + center for stroke in strokes], width, IMAGE_SIZE)
    images = images * (0.85 + 0.3 * torch.rand(count, 1, 1, generator=generator))  # pale to saturated
    noise = 0.06 * torch.randn(images.shape, generator=generator) * (images > 0)
    return ((images + noise).clamp(0, 1) * 255).round().to(torch.uint8)


def _rasterize_batch(strokes: list[torch.Tensor], width: torch.Tensor, side: int) -> torch.Tensor:
    """Rasterize strokes (N, P, 2) of `width` (N,), all in pixels: (N, side, side), from 0 to 1, anti-aliased.

    A pixel's value depends on its distance from the nearest segment: 0.5 where the stroke's edge meets its center.
    """
    start = torch.cat([stroke[:, :-1] for stroke in strokes], 1)  # (N, S, 2)
    vector = torch.cat([stroke[:, 1:] for stroke in strokes], 1) - start
    squared_length = vector.square().sum(-1).clamp(min=1e-9)[..., None, None]
    (x0, y0), (dx, dy) = start[..., None, None].unbind(2), vector[..., None, None].unbind(2)  # (N, S, 1, 1) each
    x = torch.arange(side) + 0.5
    y = x[:, None]
    nearest = torch.full((len(width), side, side), float("inf"))  # squared distances
    step = max(1, MAX_DISTANCES // max(1, nearest.numel()))
    for s in (slice(first, first + step) for first in range(0, start.shape[1], step)):
        offset_x, offset_y = x - x0[:, s], y - y0[:, s]  # (N, s, 1, side), (N, s, side, 1)
        along = (offset_x * dx[:, s] + offset_y * dy[:, s]).div_(squared_length[:, s]).clamp_(0, 1)
        distance = (offset_x - along * dx[:, s]).square_().add_((offset_y - along * dy[:, s]).square_())
        nearest = torch.minimum(nearest, distance.amin(1))
    return (width[:, None, None] / 2 - nearest.sqrt() + 0.5).clamp(0, 1)
