"""Degradation of composed lines: which of the changes by pens, paper, light and cameras apply, and in which order.

Each change applies to a random part of the lines. Those of pens and paper work on the canvas, those of light and
cameras on the line image into which the canvas is scaled.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from digits.data import camera_degradations as camera
from digits.data import paper_degradations as paper
from digits.data.batch_images import Images, gaussian_blur, normalize_peak
from digits.data.paper_degradations import LineLayout
from digits.data.random_batch import RandomBatch
from digits.recognition.line_image import INK_HEIGHT, LINE_HEIGHT

CLEAN_FRACTION = 0.3  # of the lines, which stay as they were composed

Degradation = Callable[[Images, RandomBatch], Images]
LayoutDegradation = Callable[[Images, LineLayout, RandomBatch], Images]

# The probability with which each applies to a line, in this order; chosen by hand. Other values or another order give
# other strings for the same seed.
ON_CANVAS: list[tuple[float, LayoutDegradation]] = [
    (0.07, paper.join_neighbors), (0.75, paper.change_stroke_width), (0.08, paper.fatten), (0.2, paper.dry_pen),
    (0.1, paper.pencil), (0.05, paper.erase_rule), (0.09, paper.add_frame), (0.08, paper.add_dividers),
    (0.17, paper.add_rule), (0.06, paper.add_rule), (0.05, paper.add_grid),
]  # fmt: skip
ON_IMAGE: list[tuple[float, Degradation]] = [
    (0.07, camera.add_object_on_left), (0.07, camera.add_object_on_right), (0.1, camera.add_specks),
    (0.25, camera.fade), (0.25, camera.blur), (0.12, camera.pixelate), (0.2, camera.sharpen),
    (0.15, camera.add_grain), (0.5, camera.change_gamma),
]  # fmt: skip


def degrade(canvas: Images, layout: LineLayout, width: int, rng: RandomBatch) -> Images:
    """Degrade lines on canvases and scale them to line images (B, 1, 32, width)."""
    is_clean = rng.chance(CLEAN_FRACTION)
    images = canvas.new_zeros(len(canvas), 1, LINE_HEIGHT, width)
    for chosen, draw in ((is_clean, _frame_clean), (~is_clean, _degrade_all)):
        indices = chosen.nonzero()[:, 0]
        if len(indices):  # a small batch may have lines of one kind only
            images[indices] = draw(canvas[indices], layout.select(indices), width, rng.subset(len(indices)))
    return images


def _frame_clean(canvas: Images, layout: LineLayout, width: int, rng: RandomBatch) -> Images:
    """As `degrade`, without any change on the canvas or the line image."""
    return normalize_peak(frame_line(canvas, layout, width, rng))


def _degrade_all(canvas: Images, layout: LineLayout, width: int, rng: RandomBatch) -> Images:
    """As `degrade`, for lines none of which is clean; the canvases are changed in place."""
    for probability, change in ON_CANVAS:
        chosen = rng.chance(probability).nonzero()[:, 0]
        if len(chosen):
            canvas[chosen] = change(canvas[chosen], layout.select(chosen), rng.subset(len(chosen)))
    images = frame_line(canvas, layout, width, rng)
    for probability, change in ON_IMAGE:
        chosen = rng.chance(probability).nonzero()[:, 0]
        if len(chosen):
            images[chosen] = change(images[chosen], rng.subset(len(chosen)))
    return normalize_peak(images)


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
