"""Degradations of line images: what pens, paper, forms, light and thresholds do to a line of digits.

All work on batches (B, 1, H, W) in [0, 1], white strokes on black, on the device of the images. Each degradation
applies to a random part of the lines.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F

from digits.data.random_batch import RandomBatch
from digits.recognition.line_image import INK_HEIGHT, LINE_HEIGHT

CLEAN_FRACTION = 0.3  # of the lines, which stay as they were composed
INK_THRESHOLD = 0.3  # of the intensity: pixels above it are strokes

Images = torch.Tensor


class LineLayout(NamedTuple):
    """Where the digits of lines are on their canvases, in pixels.

    lefts, tops: of the digits' patches (B, n). ends: the column (B, n) where each digit's strokes end.
    is_used: which digits count, (B, n) bool. first, last: columns (B,) between which all strokes lie.
    top, bottom: rows (B,) between which all strokes lie.
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


Degradation = Callable[[Images, RandomBatch], Images]
LayoutDegradation = Callable[[Images, LineLayout, RandomBatch], Images]


def degrade(canvas: Images, layout: LineLayout, width: int, rng: RandomBatch) -> Images:
    """Degrade lines on canvases and scale them to line images (B, 1, 32, width)."""
    is_clean = rng.chance(CLEAN_FRACTION)
    clean = is_clean.nonzero()[:, 0]
    rest = (~is_clean).nonzero()[:, 0]
    images = canvas.new_zeros(len(canvas), 1, LINE_HEIGHT, width)
    images[clean] = _normalize_peak(frame_line(canvas[clean], layout.select(clean), width, rng.subset(len(clean))))
    images[rest] = _degrade_all(canvas[rest], layout.select(rest), width, rng.subset(len(rest)))
    return images


def _degrade_all(canvas: Images, layout: LineLayout, width: int, rng: RandomBatch) -> Images:
    on_canvas: list[tuple[float, LayoutDegradation]] = [
        (0.07, join_neighbors), (0.75, change_stroke_width), (0.08, fatten), (0.2, dry_pen), (0.1, pencil),
        (0.05, erase_rule), (0.09, add_frame), (0.08, add_dividers), (0.17, add_rule), (0.06, add_rule), (0.05, add_grid),
    ]  # fmt: skip
    on_image: list[tuple[float, Degradation]] = [
        (0.07, add_object_on_left), (0.07, add_object_on_right), (0.1, add_specks), (0.25, fade), (0.25, blur),
        (0.12, pixelate), (0.2, sharpen), (0.15, add_grain), (0.5, change_gamma),
    ]  # fmt: skip
    for probability, change in on_canvas:
        chosen = rng.chance(probability).nonzero()[:, 0]
        if len(chosen):
            canvas[chosen] = change(canvas[chosen], layout.select(chosen), rng.subset(len(chosen)))
    images = frame_line(canvas, layout, width, rng)
    for probability, change in on_image:
        chosen = rng.chance(probability).nonzero()[:, 0]
        if len(chosen):
            images[chosen] = change(images[chosen], rng.subset(len(chosen)))
    return _normalize_peak(images)


def _column(values: torch.Tensor) -> torch.Tensor:
    """Reshape values (B,) for broadcasting over images: (B, 1, 1, 1)."""
    return values[:, None, None, None]


def _normalize_peak(images: Images) -> Images:
    return (images / images.amax((1, 2, 3), keepdim=True).clamp(min=0.05)).clamp(0, 1)


def gaussian_blur(images: Images, sigma: torch.Tensor) -> Images:
    """Blur each image with its own `sigma` (B,), in pixels up to 3."""
    offsets = torch.arange(-6, 7, device=images.device)
    kernels = (-0.5 * (offsets / sigma.clamp(min=0.2)[:, None]).square()).exp()
    kernels = kernels / kernels.sum(1, keepdim=True)  # (B, 13)
    rows = images.transpose(0, 1)  # (1, B, H, W)
    rows = F.conv2d(rows, kernels[:, None, None, :], padding=(0, 6), groups=len(images))
    rows = F.conv2d(rows, kernels[:, None, :, None], padding=(6, 0), groups=len(images))
    return rows.transpose(0, 1)


def smooth_noise(like: Images, cell: float, rng: RandomBatch) -> Images:
    """Draw noise of about unit variance, smooth over about `cell` pixels, in the shape of `like`."""
    height, width = like.shape[-2:]
    coarse = rng.normal(1.0, 1, max(2, round(height / cell)), max(2, round(width / cell)))
    return F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)


# -- on the canvas: pens, paper and forms


def join_neighbors(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Join neighboring digits by a short stroke, as hands do that hardly lift the pen."""
    length = layout.lefts.shape[1]
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    columns = torch.arange(canvas.shape[3], device=canvas.device)
    width = _column(rng.uniform(1.5, 2.5))
    for k in range(length - 1):
        is_joined = layout.is_used[:, k + 1] & rng.chance(0.5)
        middle_x = (layout.lefts[:, k] + layout.lefts[:, k + 1]) / 2 + 28  # 28: half of a patch
        middle_y = (layout.tops[:, k] + layout.tops[:, k + 1]) / 2 + 28 + rng.uniform(-14, 14)
        dx, reach = columns - _column(middle_x), _column(rng.uniform(2, 8))
        nearest = dx.clamp(-reach, reach)
        dy = rows - _column(middle_y) - _column(rng.normal(0.4)) * nearest
        stroke = (width - ((dx - nearest).square() + dy.square()).sqrt()).clamp(0, 1)
        canvas = torch.maximum(canvas, stroke * _column(is_joined))
    return canvas


def change_stroke_width(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Make strokes wider or thinner, with sharp edges, by blurring and a threshold."""
    level = _column(rng.uniform(0.2, 0.62))
    blurred = gaussian_blur(canvas, rng.uniform(0.6, 1.8))
    sharp = ((blurred - level) * _column(rng.uniform(2.5, 8)) + 0.5).clamp(0, 1)
    return torch.where(sharp.amax((1, 2, 3), keepdim=True) > 0.9, sharp, canvas)


def fatten(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Make strokes two pixels wider."""
    return F.max_pool2d(canvas, 3, 1, 1)


def dry_pen(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Leave out parts of strokes, or make them pale, as a dry pen and thresholds do."""
    missing = ((smooth_noise(canvas, 7, rng) - _column(rng.uniform(0.7, 1.6))) * 4).clamp(0, 1)
    return canvas * (1 - missing * _column(rng.uniform(0.4, 1)))


def pencil(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Give strokes the texture of a pencil on rough paper."""
    return canvas * ((smooth_noise(canvas, 3, rng) + _column(rng.uniform(0.5, 1.6))) * 2).clamp(0, 1)


def erase_rule(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Erase a ruled line together with the strokes that it crosses."""
    y = layout.top + (layout.bottom - layout.top) * rng.uniform(0.1, 0.95)
    return canvas * (1 - _horizontal(canvas, y, rng.uniform(0.5, 3), rng.normal(0.01)) * _column(rng.uniform(0.5, 1)))


def _horizontal(canvas: Images, y: torch.Tensor, thickness: torch.Tensor, slope: torch.Tensor) -> Images:
    """Draw a line across each canvas at height y (B,), with soft edges."""
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    columns = torch.arange(canvas.shape[3], device=canvas.device) - canvas.shape[3] / 2
    distance = (rows - _column(y) - _column(slope) * columns).abs()
    return (_column(thickness) / 2 + 0.5 - distance).clamp(0, 1)


def _remains(canvas: Images, rng: RandomBatch) -> Images:
    """Choose the pixels of ruled lines that their removal leaves; in half of the lines all."""
    rest = smooth_noise(canvas, 9, rng) > _column(rng.uniform(-1.5, 1.2))
    return (rest | _column(rng.chance(0.5))).float()


def add_rule(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw a ruled line, mostly near the feet of the digits."""
    place = torch.where(rng.chance(0.6), rng.uniform(0.85, 1.2), rng.uniform(-0.25, 1.1))
    y = layout.top + (layout.bottom - layout.top) * place
    rule = _horizontal(canvas, y, rng.uniform(0.8, 3), rng.normal(0.01))
    return torch.maximum(canvas, rule * _remains(canvas, rng) * _column(rng.uniform(0.25, 1)))


def add_grid(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw squared paper."""
    step, width = _column(rng.uniform(12, 50)), _column(rng.uniform(0.8, 2.5))
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    columns = torch.arange(canvas.shape[3], device=canvas.device)

    def lines(positions: torch.Tensor, phase: torch.Tensor) -> Images:
        distance = (positions + _column(phase) * step) % step
        return (width / 2 + 0.5 - torch.minimum(distance, step - distance)).clamp(0, 1)

    grid = torch.maximum(lines(rows, rng.uniform(0, 1)), lines(columns, rng.uniform(0, 1)))
    return torch.maximum(canvas, grid * _remains(canvas, rng) * _column(rng.uniform(0.2, 0.8)))


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
    thickness = _column(rng.uniform(0.8, 2.5))
    inside_y = (rows >= _column(upper) - 1) & (rows <= _column(lower) + 1)
    inside_x = (columns >= _column(left) - 1) & (columns <= _column(right) + 1)

    def vertical(x: torch.Tensor) -> Images:
        return (thickness / 2 + 0.5 - (columns - _column(x)).abs()).clamp(0, 1) * inside_y

    def horizontal(y: torch.Tensor) -> Images:
        return (thickness / 2 + 0.5 - (rows - _column(y)).abs()).clamp(0, 1) * inside_x

    sides = (vertical(left), vertical(right), horizontal(upper), horizontal(lower))
    image = torch.stack([side * _column(rng.chance(0.8)) for side in sides]).amax(0)
    return _Frame(image, vertical, _column(rng.uniform(0.3, 1)))


def add_frame(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw a frame around the digits."""
    frame = _draw_frame(canvas, layout, rng)
    return torch.maximum(canvas, frame.image * frame.level)


def add_dividers(canvas: Images, layout: LineLayout, rng: RandomBatch) -> Images:
    """Draw the cells of a form: a frame, and lines between the digits."""
    frame = _draw_frame(canvas, layout, rng)
    for k in range(1, layout.ends.shape[1]):
        divider = frame.vertical(layout.ends[:, k - 1] + rng.uniform(0, 5))
        canvas = torch.maximum(canvas, divider * frame.level * _column(layout.is_used[:, k] & rng.chance(0.9)))
    return torch.maximum(canvas, frame.image * frame.level)


# -- from the canvas to the line image


def frame_line(canvas: Images, layout: LineLayout, width: int, rng: RandomBatch) -> Images:
    """Scale each line so that it fills a line image (B, 1, 32, width), about as `line_image` does."""
    scale = INK_HEIGHT / (layout.bottom - layout.top + 1).clamp(min=8)
    # The framing of a picture counts clutter or a tall neighbor now and then, or misses a part of a stroke.
    scale = scale * torch.where(rng.chance(0.25), rng.uniform(0.55, 1), rng.uniform(0.93, 1.04))
    margin = rng.uniform(2, 9)
    scale_x = torch.minimum(scale * rng.normal(0.05).exp(), (width - margin - 4) / (layout.last - layout.first + 1))
    center = (layout.top + layout.bottom) / 2 + rng.normal(0.5) / scale
    y = (torch.arange(LINE_HEIGHT, device=canvas.device) + 0.5 - LINE_HEIGHT / 2) / scale[:, None] + center[:, None]
    x = (torch.arange(width, device=canvas.device) + 0.5 - margin[:, None]) / scale_x[:, None] + layout.first[:, None]
    grid_y = (2 * (y + 0.5) / canvas.shape[2] - 1)[:, :, None].expand(-1, -1, width)
    grid_x = (2 * (x + 0.5) / canvas.shape[3] - 1)[:, None, :].expand(-1, LINE_HEIGHT, -1)
    smooth = gaussian_blur(canvas, (0.45 * (1 / scale - 1)).clamp(0.2, 2))  # against aliasing
    return F.grid_sample(smooth, torch.stack([grid_x, grid_y], -1), align_corners=False)


# -- on the line image: what lies around, light and cameras


def add_object_on_left(images: Images, rng: RandomBatch) -> Images:
    """Let something dark reach in from the left: a finger, the table, a shadow, or a sliver along the edge."""
    height, width = images.shape[-2:]
    columns = torch.arange(width, device=images.device)
    rows = torch.arange(height, device=images.device)[:, None] - height / 2
    free = (images > 0.2).any(2)[:, 0].float().argmax(1) - rng.uniform(0, 3)
    reach = free.clamp(min=0) * rng.uniform(0.1, 1)
    bulge = _column(rng.normal(0.02)).abs() * (rows - _column(rng.uniform(-16, 16))).square()
    edge = _column(reach) + _column(rng.normal(0.15)) * rows - bulge
    shade = ((edge - columns) / _column(rng.uniform(0.5, 4)) + 0.5).clamp(0, 1) * _column(rng.uniform(0.3, 1))
    return torch.where(_column(free) > 2, torch.maximum(images, shade), images)


def add_object_on_right(images: Images, rng: RandomBatch) -> Images:
    """As `add_object_on_left`, at the end of the line."""
    columns = torch.arange(images.shape[3], device=images.device)
    last = images.shape[3] - 1 - (images > 0.2).any(2)[:, 0].flip(1).float().argmax(1)
    end = last + rng.uniform(3, 24)  # the picture's edge: what follows is empty
    shift = (images.shape[3] - end).round().long().clamp(0, images.shape[3] - 1)
    rolled = images.gather(3, ((columns - _column(shift)) % images.shape[3]).expand_as(images).long())
    changed = add_object_on_left(rolled.flip(3), rng).flip(3)
    back = changed.gather(3, ((columns + _column(shift)) % images.shape[3]).expand_as(images).long())
    return torch.where(columns < _column(end), back, images)


def add_specks(images: Images, rng: RandomBatch) -> Images:
    """Add a few specks of dust, each smaller than a decimal point."""
    specks = (rng.uniform(0, 1, *images.shape[1:]) < 0.002).float() * _column(rng.uniform(0.3, 1))
    return torch.maximum(images, gaussian_blur(specks, rng.uniform(0.2, 0.5)))


def fade(images: Images, rng: RandomBatch) -> Images:
    """Let the contrast vary along the line: light that falls off, pressure of the pen."""
    return images * (1 - _column(rng.uniform(0.1, 0.7)) * smooth_noise(images, 60, rng).sigmoid())


def blur(images: Images, rng: RandomBatch) -> Images:
    """Put the line out of focus."""
    return gaussian_blur(images, rng.uniform(0.4, 1.6))


def pixelate(images: Images, rng: RandomBatch) -> Images:
    """Take the line with 40 to 70 % of the pixels, as in a small picture."""
    factor = 1 / (1.4 + 1.1 * float(rng.uniform(0, 1)[0]))
    small = F.interpolate(images, scale_factor=factor, mode="bilinear", antialias=True)
    return F.interpolate(small, images.shape[-2:], mode="bilinear")


def sharpen(images: Images, rng: RandomBatch) -> Images:
    """Give strokes hard edges, as a threshold does."""
    return ((_normalize_peak(images) - _column(rng.uniform(0.25, 0.6))) * 12 + 0.5).clamp(0, 1)


def add_grain(images: Images, rng: RandomBatch) -> Images:
    """Add the noise of a camera."""
    return (images + rng.normal(1.0, *images.shape[1:]) * _column(rng.uniform(0.02, 0.12))).clamp(0, 1)


def change_gamma(images: Images, rng: RandomBatch) -> Images:
    """Make pale strokes paler or stronger."""
    return _normalize_peak(images) ** _column(rng.normal(0.3).exp())
