"""Degradations of line images: what pens, paper, forms, light and thresholds do to a line of digits.

All work on batches (B, 1, H, W) in [0, 1], white strokes on black, on the device of the images. Each degradation
strikes a part of the lines.
"""

import torch
import torch.nn.functional as F

from digits.data.random_batch import RandomBatch

LINE_HEIGHT = 32  # pixels: the height of the network's input
INK_HEIGHT = 28  # pixels of it that the line's strokes fill
Images = torch.Tensor


def _where(chosen: torch.Tensor, changed: Images, images: Images) -> Images:
    """Take `changed` where `chosen` (B,), else `images`."""
    return torch.where(chosen[:, None, None, None], changed, images)


def _column(values: torch.Tensor) -> torch.Tensor:
    """Reshape values (B,) for broadcasting over images: (B, 1, 1, 1)."""
    return values[:, None, None, None]


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
    """Draw noise of unit variance, smooth over about `cell` pixels, in the shape of `like`."""
    height, width = like.shape[-2:]
    coarse = rng.normal(1.0, 1, max(2, round(height / cell)), max(2, round(width / cell)))
    return F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)


def join_neighbors(
    canvas: Images, lefts: torch.Tensor, tops: torch.Tensor, is_used: torch.Tensor, rng: RandomBatch
) -> Images:
    """Join some neighboring digits by a short stroke, as hands do that hardly lift the pen.

    lefts, tops: of the digits' patches (B, n), of which those count that `is_used`.
    """
    length = lefts.shape[1]
    if length < 2:
        return canvas
    is_joined = is_used[:, 1:] & rng.chance(0.07)[:, None] & rng.chance(0.5, length - 1)
    middle_x = (lefts[:, :-1] + lefts[:, 1:]) / 2 + 28
    middle_y = (tops[:, :-1] + tops[:, 1:]) / 2 + 28 + rng.uniform(-14, 14, length - 1)
    half_length, slope = rng.uniform(2, 8, length - 1), rng.normal(0.4, length - 1)
    width = rng.uniform(1, 2, 1)
    height, total = canvas.shape[-2:]
    y = torch.arange(height, device=canvas.device)[:, None]
    x = torch.arange(total, device=canvas.device)
    for k in range(length - 1):
        dx = x - _column(middle_x[:, k])
        nearest = dx.clamp(-_column(half_length[:, k]), _column(half_length[:, k]))
        dy = y - _column(middle_y[:, k]) - _column(slope[:, k]) * nearest
        stroke = (_column(width[:, 0]) + 0.5 - ((dx - nearest).square() + dy.square()).sqrt()).clamp(0, 1)
        canvas = _where(is_joined[:, k], torch.maximum(canvas, stroke), canvas)
    return canvas


def degrade(
    canvas: Images, first: torch.Tensor, last: torch.Tensor, ends: torch.Tensor, is_used: torch.Tensor, width: int,
    rng: RandomBatch,
) -> Images:  # fmt: skip
    """Degrade lines on canvases and scale them to line images (B, 1, 32, width).

    first, last: columns (B,) between which the digits lie. ends: the column (B, n) where each digit ends.
    """
    canvas = change_stroke_width(canvas, rng)
    canvas = dry_pen(canvas, rng)
    top, bottom = ink_rows(canvas)
    canvas = add_cells(canvas, top, bottom, first, last, ends, is_used, rng)
    canvas = add_rules(canvas, top, bottom, rng)
    images = frame_line(canvas, top, bottom, first, last, width, rng)
    images = add_objects_at_ends(images, rng)
    images = add_specks(images, rng)
    images = fade(images, rng)
    return finish(images, rng)


def change_stroke_width(canvas: Images, rng: RandomBatch) -> Images:
    """Make strokes wider or thinner, by blurring and a threshold; some keep MNIST's soft edges."""
    level = _column(rng.uniform(0.2, 0.62))
    blurred = gaussian_blur(canvas, rng.uniform(0.6, 1.8))
    sharp = ((blurred - level) * _column(rng.uniform(2.5, 8)) + 0.5).clamp(0, 1)
    keeps_ink = sharp.amax((1, 2, 3)) > 0.9
    canvas = _where(rng.chance(0.55) & keeps_ink, sharp, canvas)
    return _where(rng.chance(0.08), F.max_pool2d(canvas, 3, 1, 1), canvas)


def dry_pen(canvas: Images, rng: RandomBatch) -> Images:
    """Let a dry pen or a threshold leave out parts of strokes, or make them pale."""
    noise = smooth_noise(canvas, 7, rng)
    missing = ((noise - _column(rng.uniform(0.7, 1.6))) * 4).clamp(0, 1)
    pale = 1 - missing * _column(rng.uniform(0.4, 1))
    canvas = _where(rng.chance(0.2), canvas * pale, canvas)
    lines = smooth_noise(canvas, 3, rng)
    texture = ((lines + _column(rng.uniform(0.5, 1.6))) * 2).clamp(0, 1)  # a pencil on rough paper
    return _where(rng.chance(0.1), canvas * texture, canvas)


def ink_rows(canvas: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the first and last row with strokes: two (B,) float32."""
    has_ink = (canvas > 0.3).any(3)[:, 0].float()  # (B, H)
    height = has_ink.shape[1]
    return has_ink.argmax(1).float(), height - 1 - has_ink.flip(1).argmax(1).float()


def _horizontal(canvas: Images, y: torch.Tensor, thickness: torch.Tensor, slope: torch.Tensor) -> Images:
    """Draw a line across each canvas at height y (B,), with soft edges."""
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    columns = torch.arange(canvas.shape[3], device=canvas.device) - canvas.shape[3] / 2
    distance = (rows - _column(y) - _column(slope) * columns).abs()
    return (_column(thickness) / 2 + 0.5 - distance).clamp(0, 1)


def add_rules(canvas: Images, top: torch.Tensor, bottom: torch.Tensor, rng: RandomBatch) -> Images:
    """Draw ruled lines: whole ones, or what their removal leaves of them."""
    rest = (smooth_noise(canvas, 9, rng) > _column(rng.uniform(-1.5, 1.2))).float()
    rest = torch.where(_column(rng.chance(0.5)), rest, torch.ones_like(rest))
    for probability in (0.14, 0.05):
        y = top + (bottom - top) * torch.where(rng.chance(0.7), rng.uniform(0.85, 1.2), rng.uniform(-0.25, 1.1))
        rule = _horizontal(canvas, y, rng.uniform(0.8, 3), rng.normal(0.01)) * rest * _column(rng.uniform(0.25, 1))
        canvas = _where(rng.chance(probability), torch.maximum(canvas, rule), canvas)
    return canvas


def add_cells(
    canvas: Images, top: torch.Tensor, bottom: torch.Tensor, first: torch.Tensor, last: torch.Tensor,
    ends: torch.Tensor, is_used: torch.Tensor, rng: RandomBatch,
) -> Images:  # fmt: skip
    """Draw the cells of a form: a frame, and lines between the digits; some sides are missing."""
    columns = torch.arange(canvas.shape[3], device=canvas.device)
    rows = torch.arange(canvas.shape[2], device=canvas.device)[:, None]
    upper, lower = top - rng.uniform(1, 12), bottom + rng.uniform(1, 12)
    left, right = first - rng.uniform(2, 14), last + rng.uniform(2, 14)
    thickness, level = _column(rng.uniform(0.8, 2.5)), _column(rng.uniform(0.3, 1))
    inside_y = (rows >= _column(upper) - 1) & (rows <= _column(lower) + 1)
    inside_x = (columns >= _column(left) - 1) & (columns <= _column(right) + 1)

    def vertical(x: torch.Tensor) -> Images:
        return (thickness / 2 + 0.5 - (columns - _column(x)).abs()).clamp(0, 1) * inside_y

    def horizontal(y: torch.Tensor) -> Images:
        return (thickness / 2 + 0.5 - (rows - _column(y)).abs()).clamp(0, 1) * inside_x

    sides = [vertical(left), vertical(right), horizontal(upper), horizontal(lower)]
    frame = torch.stack([side * _column(rng.chance(0.8)) for side in sides]).amax(0)
    canvas = _where(rng.chance(0.09), torch.maximum(canvas, frame * level), canvas)
    has_dividers = rng.chance(0.07)
    dividers = torch.zeros_like(canvas)
    for k in range(1, ends.shape[1]):
        x = ends[:, k - 1] + rng.uniform(0, 5)
        dividers = torch.maximum(dividers, vertical(x) * _column((is_used[:, k] & rng.chance(0.9)).float()))
    return _where(has_dividers, torch.maximum(canvas, torch.maximum(dividers, frame) * level), canvas)


def frame_line(
    canvas: Images, top: torch.Tensor, bottom: torch.Tensor, first: torch.Tensor, last: torch.Tensor, width: int,
    rng: RandomBatch,
) -> Images:  # fmt: skip
    """Scale each line so that it fills a line image (B, 1, 32, width), about as the line reader's own framing does."""
    scale = INK_HEIGHT / (bottom - top + 1).clamp(min=8)
    # The framing of a picture counts clutter or a tall neighbor now and then, or misses a part of a stroke.
    scale = scale * torch.where(rng.chance(0.25), rng.uniform(0.55, 1), rng.uniform(0.93, 1.04))
    margin = rng.uniform(2, 9)
    scale_x = torch.minimum(scale * rng.normal(0.05).exp(), (width - margin - 4) / (last - first + 1))
    center = (top + bottom) / 2 + rng.normal(0.5) / scale
    y = (torch.arange(LINE_HEIGHT, device=canvas.device) + 0.5 - LINE_HEIGHT / 2) / scale[:, None] + center[:, None]
    x = (torch.arange(width, device=canvas.device) + 0.5 - margin[:, None]) / scale_x[:, None] + first[:, None]
    grid_y = (2 * (y + 0.5) / canvas.shape[2] - 1)[:, :, None].expand(-1, -1, width)
    grid_x = (2 * (x + 0.5) / canvas.shape[3] - 1)[:, None, :].expand(-1, LINE_HEIGHT, -1)
    smooth = gaussian_blur(canvas, (0.45 * (1 / scale - 1)).clamp(0.2, 2))  # against aliasing
    return F.grid_sample(smooth, torch.stack([grid_x, grid_y], -1), align_corners=False)


def add_objects_at_ends(images: Images, rng: RandomBatch) -> Images:
    """Let something dark reach in from outside: a finger, the table, a shadow, or a sliver along the edge."""
    height, width = images.shape[-2:]
    columns = torch.arange(width, device=images.device)
    rows = torch.arange(height, device=images.device)[:, None] - height / 2
    ink = (images > 0.2).any(2)[:, 0].float()
    first, last = ink.argmax(1).float(), width - 1 - ink.flip(1).argmax(1).float()
    for side in (first - rng.uniform(0, 4), width - 1 - last - rng.uniform(0, 4)):
        reach = (side - rng.uniform(0, 3)).clamp(min=0) * rng.uniform(0.1, 1)
        bulge = _column(rng.normal(0.02)) * (rows - _column(rng.uniform(-16, 16))).square()
        edge = _column(reach) + _column(rng.normal(0.15)) * rows - bulge.abs()
        soft = _column(rng.uniform(0.5, 4))
        thing = ((edge - columns) / soft + 0.5).clamp(0, 1) * _column(rng.uniform(0.3, 1))
        thing = thing * (_column(side) > 2)
        images = _where(rng.chance(0.06), torch.maximum(images, thing), images)
        images = images.flip(3)
    return images


def add_specks(images: Images, rng: RandomBatch) -> Images:
    """Add a few specks of dust, each smaller than a decimal point."""
    specks = (rng.uniform(0, 1, 1, *images.shape[-2:]) < 0.002).float() * _column(rng.uniform(0.3, 1))
    specks = gaussian_blur(specks, rng.uniform(0.2, 0.5))
    return _where(rng.chance(0.1), torch.maximum(images, specks), images)


def fade(images: Images, rng: RandomBatch) -> Images:
    """Let the contrast vary along the line: light that falls off, pressure of the pen."""
    gain = 1 - _column(rng.uniform(0.1, 0.7)) * smooth_noise(images, 60, rng).sigmoid()
    return _where(rng.chance(0.25), images * gain, images)


def finish(images: Images, rng: RandomBatch) -> Images:
    """Blur, pixelate, threshold, add grain; then scale the strongest strokes to 1."""
    images = _where(rng.chance(0.25), gaussian_blur(images, rng.uniform(0.4, 1.6)), images)
    height, width = images.shape[-2:]
    factor = 1 / (1.4 + 1.2 * float(rng.uniform(0, 1)[0]))
    small = F.interpolate(images, scale_factor=factor, mode="bilinear", antialias=True)
    images = _where(rng.chance(0.12), F.interpolate(small, (height, width), mode="bilinear"), images)
    images = images / images.amax((1, 2, 3), keepdim=True).clamp(min=0.05)
    sharp = ((images - _column(rng.uniform(0.25, 0.6))) * 12 + 0.5).clamp(0, 1)
    images = _where(rng.chance(0.2), sharp, images)
    grain = rng.normal(1.0, 1, height, width) * _column(rng.uniform(0.02, 0.12))
    images = _where(rng.chance(0.15), (images + grain).clamp(0, 1), images)
    exponent = _column(rng.normal(0.25).exp())
    return images.clamp(0, 1) ** exponent

