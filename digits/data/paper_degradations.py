"""What pens, paper and forms do to the digits of a line, on the canvas on which the line was composed.

All work on batches of canvases (B, 1, H, W) in [0, 1], white strokes on black, and return new ones.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F

from digits.data.batch_images import Images, column, gaussian_blur, smooth_noise
from digits.data.random_batch import RandomBatch

HALF_PATCH = 28  # pixels: from the upper left corner of a digit's patch to its middle (`line_composition.PATCH_SIDE`)


class LineLayout(NamedTuple):
    """Where the digits of lines are on their canvases, in pixels.

    lefts, tops: of the digits' patches, (B, n) int64.
    ends: the columns where each digit's strokes end, (B, n).
    is_used: which digits count, (B, n) bool.
    first, last: the columns between which all strokes lie, (B,).
    top, bottom: the rows between which all strokes lie, (B,).
    """

    lefts: torch.Tensor
    tops: torch.Tensor
    ends: torch.Tensor
    is_used: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    top: torch.Tensor
    bottom: torch.Tensor

    def select(self, indices: torch.Tensor) -> "LineLayout":
        """Return the layouts of some of the lines."""
        return LineLayout(*(values[indices] for values in self))


def join_neighbors(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Join neighboring digits by a short stroke, as hands do that hardly lift the pen."""
    length = layout.lefts.shape[1]
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    columns = torch.arange(canvas.shape[3], device=canvas.device)
    width = column(rng.uniform(1.5, 2.5))
    for k in range(length - 1):
        is_joined = layout.is_used[:, k + 1] & rng.chance(0.5)
        middle_x = (layout.lefts[:, k] + layout.lefts[:, k + 1]) / 2 + HALF_PATCH
        middle_y = (layout.tops[:, k] + layout.tops[:, k + 1]) / 2 + HALF_PATCH + rng.uniform(-14, 14)
        dx, reach = columns - column(middle_x), column(rng.uniform(2, 8))
        nearest = dx.clamp(-reach, reach)
        dy = rows - column(middle_y) - column(rng.normal(0.4)) * nearest
        stroke = (width - ((dx - nearest).square() + dy.square()).sqrt()).clamp(0, 1)
        canvas = torch.maximum(canvas, stroke * column(is_joined))
    return canvas


def change_stroke_width(canvas: Images, _layout: LineLayout, rng: RandomBatch) -> Images:
    """Make strokes wider or thinner, with sharp edges, by blurring and a threshold."""
    level = column(rng.uniform(0.2, 0.62))
    blurred = gaussian_blur(canvas, rng.uniform(0.6, 1.8))
    sharp = ((blurred - level) * column(rng.uniform(2.5, 8)) + 0.5).clamp(0, 1)
    return torch.where(sharp.amax((1, 2, 3), keepdim=True) > 0.9, sharp, canvas)


def fatten(canvas: Images, _layout: LineLayout, _rng: RandomBatch) -> Images:
    """Make strokes two pixels wider."""
    return F.max_pool2d(canvas, 3, 1, 1)


def dry_pen(canvas: Images, _layout: LineLayout, rng: RandomBatch) -> Images:
    """Leave out parts of strokes, or make them pale, as a dry pen and thresholds do."""
    missing = ((smooth_noise(canvas, 7, rng) - column(rng.uniform(0.7, 1.6))) * 4).clamp(0, 1)
    return canvas * (1 - missing * column(rng.uniform(0.4, 1)))


def pencil(canvas: Images, _layout: LineLayout, rng: RandomBatch) -> Images:
    """Give strokes the texture of a pencil on rough paper."""
    return canvas * ((smooth_noise(canvas, 3, rng) + column(rng.uniform(0.5, 1.6))) * 2).clamp(0, 1)


def erase_rule(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Erase a ruled line together with the strokes that it crosses."""
    y = layout.top + (layout.bottom - layout.top) * rng.uniform(0.1, 0.95)
    return canvas * (1 - _horizontal(canvas, y, rng.uniform(0.5, 3), rng.normal(0.01)) * column(rng.uniform(0.5, 1)))


def _horizontal(canvas: Images, y: torch.Tensor, thickness: torch.Tensor, slope: torch.Tensor) -> Images:
    """Draw a line across each canvas at height y (B,), with soft edges."""
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    columns = torch.arange(canvas.shape[3], device=canvas.device) - canvas.shape[3] / 2
    distance = (rows - column(y) - column(slope) * columns).abs()
    return (column(thickness) / 2 + 0.5 - distance).clamp(0, 1)


def _remains(canvas: Images, rng: RandomBatch) -> Images:
    """Choose the pixels of ruled lines that their removal leaves; in half of the lines all."""
    rest = smooth_noise(canvas, 9, rng) > column(rng.uniform(-1.5, 1.2))
    return (rest | column(rng.chance(0.5))).float()


def add_rule(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw a ruled line, mostly near the feet of the digits."""
    place = torch.where(rng.chance(0.6), rng.uniform(0.85, 1.2), rng.uniform(-0.25, 1.1))
    y = layout.top + (layout.bottom - layout.top) * place
    rule = _horizontal(canvas, y, rng.uniform(0.8, 3), rng.normal(0.01))
    return torch.maximum(canvas, rule * _remains(canvas, rng) * column(rng.uniform(0.25, 1)))


def add_grid(canvas: Images, _layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw squared paper."""
    step, width = column(rng.uniform(12, 50)), column(rng.uniform(0.8, 2.5))
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    columns = torch.arange(canvas.shape[3], device=canvas.device)

    def lines(positions: torch.Tensor, phase: torch.Tensor) -> Images:
        distance = (positions + column(phase) * step) % step
        return (width / 2 + 0.5 - torch.minimum(distance, step - distance)).clamp(0, 1)

    grid = torch.maximum(lines(rows, rng.uniform(0, 1)), lines(columns, rng.uniform(0, 1)))
    return torch.maximum(canvas, grid * _remains(canvas, rng) * column(rng.uniform(0.2, 0.8)))


class _Frame(NamedTuple):
    """A frame around the digits of each line, and how to draw a vertical line of the same pen at column x (B,)."""

    image: Images
    vertical: Callable[[torch.Tensor], Images]
    level: Images


def _draw_frame(canvas: Images, layout: LineLayout, rng: RandomBatch) -> _Frame:
    """Draw a frame around the digits, of which some sides may be missing."""
    columns = torch.arange(canvas.shape[3], device=canvas.device)
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    upper, lower = layout.top - rng.uniform(1, 12), layout.bottom + rng.uniform(1, 12)
    left, right = layout.first - rng.uniform(2, 14), layout.last + rng.uniform(2, 14)
    thickness = column(rng.uniform(0.8, 2.5))
    inside_y = (rows >= column(upper) - 1) & (rows <= column(lower) + 1)
    inside_x = (columns >= column(left) - 1) & (columns <= column(right) + 1)

    def vertical(x: torch.Tensor) -> Images:
        return (thickness / 2 + 0.5 - (columns - column(x)).abs()).clamp(0, 1) * inside_y

    def horizontal(y: torch.Tensor) -> Images:
        return (thickness / 2 + 0.5 - (rows - column(y)).abs()).clamp(0, 1) * inside_x

    sides = (vertical(left), vertical(right), horizontal(upper), horizontal(lower))
    image = torch.stack([side * column(rng.chance(0.8)) for side in sides]).amax(0)
    return _Frame(image, vertical, column(rng.uniform(0.3, 1)))


def add_frame(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw a frame around the digits."""
    frame = _draw_frame(canvas, layout, rng)
    return torch.maximum(canvas, frame.image * frame.level)


def add_dividers(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw the cells of a form: a frame, and lines between the digits."""
    frame = _draw_frame(canvas, layout, rng)
    for k in range(1, layout.ends.shape[1]):
        divider = frame.vertical(layout.ends[:, k - 1] + rng.uniform(0, 5))
        canvas = torch.maximum(canvas, divider * frame.level * column(layout.is_used[:, k] & rng.chance(0.9)))
    return torch.maximum(canvas, frame.image * frame.level)
