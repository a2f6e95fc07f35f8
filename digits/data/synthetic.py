"""Digits that nobody wrote: for tests, for samples, and for a first try without a download.

Each digit is a few pen strokes given by control points. They are shaken, rounded by corner cutting
(Chaikin 1974, "An algorithm for high speed curve generation"), slanted, turned and bent, then inked
by their distance from each pixel. No two are alike, yet a seed gives the same ones again.
"""

import math

import torch

from digits.data.mnist import ImageDataset

# A stroke is a list of (x, y) in a box about 0.6 wide and 1 high, y downwards. Variants of a digit
# follow how people write it: 1 with and without flag and foot, 4 open and closed, 7 with a bar …
Stroke = list[tuple[float, float]]
CHUNK_SIZE = 250  # pictures inked at once: 250 x 784 pixels x ~50 segments stay below 100 MB


def ellipse_arc(x: float, y: float, rx: float, ry: float, start: float, turn: float) -> Stroke:
    """Part of an ellipse, from `start` degrees on (0 is right, 90 is down), in 12 steps."""
    angles = [math.radians(start + turn * i / 12) for i in range(13)]
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


def synthetic_digits(count: int, generator: torch.Generator) -> ImageDataset:
    """`count` digits in the MNIST frame, as many of each kind as can be, in random order."""
    labels = torch.arange(count)[torch.randperm(count, generator=generator)] % 10
    images = torch.empty(count, 1, 28, 28, dtype=torch.uint8)
    for label, variants in STROKE_TEMPLATES.items():
        chosen = (labels == label).nonzero()[:, 0]
        for number, skeleton in enumerate(variants):
            of_variant = chosen[number :: len(variants)]
            for part in of_variant.split(CHUNK_SIZE):
                images[part, 0] = _place_in_frame(jitter_strokes(skeleton, len(part), generator), generator)
    return ImageDataset(images, labels)


def digit_strokes(label: int, generator: torch.Generator) -> list[torch.Tensor]:
    """One hand's `label` as pen strokes, each (P, 2): x, y in [0, 1], y downwards, aspect kept."""
    variants = STROKE_TEMPLATES[label]
    skeleton = variants[int(torch.randint(len(variants), (1,), generator=generator))]
    hand = [stroke[0] for stroke in jitter_strokes(skeleton, 1, generator)]
    points = torch.cat(hand)
    low, high = points.amin(0), points.amax(0)
    side = (high - low).max()
    middle = (low + high) / 2
    return [(stroke - middle) / side + 0.5 for stroke in hand]


def rasterize(pen: list[torch.Tensor], side: int, width: float, middle=(0.5, 0.5), size: float = 0.8) -> torch.Tensor:
    """Strokes as from `strokes`, inked into (side, side), 0 paper to 1 ink.

    `width` is the pen's in pixels; `middle` and `size` are shares of the side: where, how large.
    """
    placed = [((stroke - 0.5) * size + torch.tensor(middle)) * side for stroke in pen]
    return _rasterize_chunk([stroke[None] for stroke in placed], torch.tensor([width]), side)[0]


def jitter_strokes(skeleton: list[Stroke], count: int, generator: torch.Generator) -> list[torch.Tensor]:
    """`count` hands write one skeleton: for each of its strokes the points (count, P, 2)."""

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator)

    cut = uniform(0.12, 0.28)[..., None]  # how round a corner gets; 0.25 is Chaikin's own
    slant, turn = 0.15 + 0.25 * normal(count, 1), math.radians(6) * normal(count, 1)
    wide = (0.18 * normal(count, 1)).exp()
    bend, wave, phase = 0.04 * normal(count, 1), uniform(2, 7), uniform(0, 2 * math.pi)
    hands = []
    for stroke in skeleton:
        points = torch.tensor(stroke) + 0.035 * normal(count, len(stroke), 2)  # a shaky hand
        points = chaikin(points + 0.02 * normal(count, 1, 2), cut)  # strokes that do not quite meet
        x, y = points.unbind(-1)  # (count, P)
        x, y = x + bend * (wave * y + phase).sin(), y + bend * (wave * x - phase).sin()
        x = wide * (x - 0.3) - slant * (y - 0.5)
        x, y = x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos()
        hands.append(torch.stack([x, y], -1))
    return hands


def chaikin(points: torch.Tensor, cut: torch.Tensor, times: int = 3) -> torch.Tensor:
    """Chaikin's corner cutting of open polylines (N, P, 2), each with its own `cut` (N, 1, 1)."""
    for _ in range(times if points.shape[1] > 2 else 0):
        before, after = points[:, :-1], points[:, 1:]
        pairs = torch.stack([before.lerp(after, cut), after.lerp(before, cut)], 2).flatten(1, 2)
        points = torch.cat([points[:, :1], pairs[:, 1:-1], points[:, -1:]], 1)
    return points


def _place_in_frame(hands: list[torch.Tensor], generator: torch.Generator) -> torch.Tensor:
    """Strokes in any units, as MNIST would have framed them: (N, 28, 28) uint8."""
    count = len(hands[0])
    width = 1.3 + 3.0 * torch.rand(count, generator=generator)  # pixels; MNIST's are about 2 to 4
    points = torch.cat(hands, 1)
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)  # (N, 1, 2)
    extent = (high - low).amax((1, 2))
    side = 19.4 + 0.6 * torch.randn(count, generator=generator)  # about the 20 pixels of MNIST's box
    scale = ((side - width) / extent)[:, None, None]
    middle = 14 + 0.6 * torch.randn(count, 1, 2, generator=generator)
    placed = [(stroke - (low + high) / 2) * scale + middle for stroke in hands]
    drawn = _rasterize_chunk(placed, width, 28)
    drawn = drawn * (0.85 + 0.3 * torch.rand(count, 1, 1, generator=generator))  # pale to saturated
    noise = 0.06 * torch.randn(drawn.shape, generator=generator) * (drawn > 0)
    return ((drawn + noise).clamp(0, 1) * 255).round().to(torch.uint8)


def _rasterize_chunk(hands: list[torch.Tensor], width: torch.Tensor, side: int) -> torch.Tensor:
    """Ink where a pen of `width` (N,) pixels passes along strokes (N, P, 2): (N, side, side)."""
    start = torch.cat([stroke[:, :-1] for stroke in hands], 1)[:, :, None]  # (N, S, 1, 2)
    along = torch.cat([stroke[:, 1:] for stroke in hands], 1)[:, :, None] - start
    centres = torch.arange(side) + 0.5
    pixels = torch.cartesian_prod(centres, centres).flip(-1)  # (side * side, 2) as x, y
    length = along.square().sum(-1).clamp(min=1e-9)
    nearest = torch.full((len(width), side * side), float("inf"))
    for s in range(start.shape[1]):  # one segment at a time: all at once would not fit in memory
        offset = pixels - start[:, s]  # (N, pixels, 2)
        share = ((offset * along[:, s]).sum(-1) / length[:, s]).clamp(0, 1)[..., None]
        distance = (offset - share * along[:, s]).square().sum(-1)
        nearest = torch.minimum(nearest, distance)
    # Half covered where the pen's edge runs through the pixel's centre: anti-aliased.
    return (width[:, None] / 2 - nearest.sqrt() + 0.5).clamp(0, 1).view(-1, side, side)
