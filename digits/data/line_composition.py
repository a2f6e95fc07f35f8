"""Images of digit strings, composed from single digits, on which the line reader is trained.

Each string is written by one hand: its digits have about the same stroke width, slant and proportions. Neighbors stand
apart, touch or overlap; marks such as a decimal point and other characters stand between them now and then. All
strings of a batch are composed at once, on the device of the glyphs.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from digits.data import line_degradations
from digits.data.glyph_bank import GlyphBank
from digits.data.paper_degradations import LineLayout
from digits.data.random_batch import RandomBatch

CANVAS_HEIGHT = 96  # pixels: a line may slope
DIGIT_HEIGHT = 32  # pixels of the canvas, before each hand's own size
PATCH_SIDE = 56  # pixels of the canvas in which a digit is drawn: the 28 of its frame, enlarged 1.6 times, and margins
PLACED_THRESHOLD = 0.35  # of the intensity: pixels above it count where digits are placed side by side
INK_THRESHOLD = 0.3  # of the intensity: pixels above it count for the height of a line
INDEX_SPREAD = 0.04  # standard deviation of the glyphs of a hand, as a fraction of all, which are sorted by width
MIN_ADVANCE = 5  # pixels of the canvas from one digit to the next
EMPTY = -1e4  # position of the ink in rows that have none


class StringBatch(NamedTuple):
    """Line images and what they show.

    images: (B, 1, 32, W), from 0 (background) to 1 (strokes).
    symbols: (B, n) int64, indices of `line_symbols.SYMBOLS`; only the first `lengths` (B,) of each row count.
    """

    images: torch.Tensor
    symbols: torch.Tensor
    lengths: torch.Tensor


@dataclass(frozen=True)
class StringSizes:
    """The strings of one batch: `least` to `most` symbols, in line images of `width` pixels."""

    least: int
    most: int
    width: int


# Long strings are less frequent in practice, but have more digits to learn from.
STRING_SIZES = (StringSizes(1, 3, 96), StringSizes(2, 6, 176), StringSizes(5, 9, 256), StringSizes(8, 14, 384),
                StringSizes(12, 20, 544))  # fmt: skip


def compose_strings(bank: GlyphBank, sizes: StringSizes, count: int, generator: torch.Generator) -> StringBatch:
    """Compose `count` strings in degraded line images.

    generator: on the device of `bank`.
    """
    rng = RandomBatch(count, generator)
    lengths = rng.integers(sizes.least, sizes.most)
    indices = _choose_glyphs(bank, sizes.most, rng)
    patches = _draw_patches(bank.images[indices], rng)  # (B, n, P, P)
    tops = _choose_tops(sizes.most, rng)
    gaps = _choose_gaps(sizes.most, rng)
    lefts, ends = place_patches(patches, tops, gaps)
    canvas_width = int(sizes.width * CANVAS_HEIGHT / 64)
    lengths = torch.minimum(lengths, (ends < canvas_width - 8).sum(1)).clamp(min=1)
    is_used = torch.arange(sizes.most, device=lengths.device) < lengths[:, None]
    patches = patches * is_used[..., None, None]
    canvas = _paste(patches, lefts, tops, canvas_width)
    first = lefts[:, 0] + _first_ink(patches[:, 0])
    last = ends.gather(1, lengths[:, None] - 1)[:, 0]
    layout = LineLayout(lefts, tops, ends, is_used, first, last, *_ink_rows(canvas))
    images = line_degradations.degrade(canvas, layout, sizes.width, rng)
    return StringBatch(images, bank.symbols[indices], lengths)


def _choose_glyphs(bank: GlyphBank, length: int, rng: RandomBatch) -> torch.Tensor:
    """Choose the indices (B, length) of glyphs of one hand, with marks and other characters in some strings."""
    center, spread = rng.uniform(0, 1, 1), rng.normal(INDEX_SPREAD, length)
    indices = ((center + spread).clamp(0, 1) * (bank.digit_count - 1)).long()
    for k in range(1, length):  # the same digit twice: 00, 22
        indices[:, k] = torch.where(rng.chance(0.12), indices[:, k - 1], indices[:, k])
    marks = bank.digit_count + (rng.uniform(0, 1, length) * bank.mark_count).long()
    others = bank.digit_count + bank.mark_count + (rng.uniform(0, 1, length) * bank.other_count).long()
    is_mark = rng.chance(0.1)[:, None] & rng.chance(0.3, length)
    is_other = rng.chance(0.05)[:, None] & rng.chance(0.3, length)
    indices = torch.where(is_mark, marks, indices) if bank.mark_count else indices
    return torch.where(is_other, others, indices) if bank.other_count else indices


def _draw_patches(frames: torch.Tensor, rng: RandomBatch) -> torch.Tensor:
    """Draw glyphs (B, n, 28, 28) uint8 in the size, proportions and slant of a hand: (B, n, P, P) in [0, 1]."""
    count, length = frames.shape[:2]

    def vary(of_hand: float, of_digit: float) -> torch.Tensor:
        return rng.normal(of_hand, 1) + rng.normal(of_digit, length)  # (B, n)

    scale = DIGIT_HEIGHT / 20 * vary(0.08, 0.07).exp()
    aspect = (vary(0.17, 0.06)).exp()
    shear, angle = vary(0.15, 0.06), vary(0.03, 0.06)
    cos, sin = angle.cos(), angle.sin()
    # From a position in the patch to that in the frame, both in units of half their side.
    zoom = PATCH_SIDE / 28 / scale
    zero = rng.uniform(-0.03, 0.03, length)
    inverse = torch.stack(
        [
            torch.stack([zoom / aspect * cos, zoom * (shear * cos - sin), zero], -1),
            torch.stack([zoom / aspect * sin, zoom * (shear * sin + cos), zero], -1),
        ],
        -2,
    ).flatten(0, 1)  # (B n, 2, 3)
    grid = F.affine_grid(inverse, [count * length, 1, PATCH_SIDE, PATCH_SIDE], align_corners=False)
    bend = RandomBatch(count * length, rng.generator).normal(0.035, 2, 4, 4)
    grid = grid + F.interpolate(bend, PATCH_SIDE, mode="bilinear", align_corners=True).permute(0, 2, 3, 1)
    patches = F.grid_sample(frames.flatten(0, 1)[:, None].float() / 255, grid, align_corners=False)
    return patches.view(count, length, PATCH_SIDE, PATCH_SIDE)


def _choose_tops(length: int, rng: RandomBatch) -> torch.Tensor:
    """Choose the uppermost rows (B, length) int64 of patches on the canvas: on a sloping line, with jitter."""
    middle = torch.arange(length, device=rng.device) - (length - 1) / 2
    slope = rng.normal(0.05, 1) * 0.8 * DIGIT_HEIGHT * middle * min(1, 5 / length)
    tops = (CANVAS_HEIGHT - PATCH_SIDE) / 2 + slope + rng.normal(1.0, length) * rng.uniform(0.5, 3)[:, None]
    return tops.round().long().clamp(0, CANVAS_HEIGHT - PATCH_SIDE)


def _choose_gaps(length: int, rng: RandomBatch) -> torch.Tensor:
    """Choose the gaps (B, length) in pixels before each digit: apart, wide, touching or overlapping; some mixed."""

    def mixture(count: int) -> torch.Tensor:
        kind, place = rng.uniform(0, 1, count), rng.uniform(0, 1, count)
        gaps = 0.05 + 0.35 * place  # apart
        gaps = torch.where(kind < 0.66, -0.05 + 0.1 * place, gaps)  # touching or nearly
        gaps = torch.where(kind < 0.38, -0.14 + 0.12 * place, gaps)  # overlapping
        return torch.where(kind < 0.1, 0.3 + 0.9 * place, gaps)  # wide

    of_string, of_digit = mixture(1).expand(-1, length), mixture(length)
    gaps = torch.where(rng.chance(0.35)[:, None], of_digit, of_string) + rng.normal(0.02, length)
    return gaps * DIGIT_HEIGHT


def place_patches(patches: torch.Tensor, tops: torch.Tensor, gaps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Place patches (B, n, P, P) from left to right so that the closest rows of neighbors are `gaps` (B, n) apart.

    tops: the uppermost rows (B, n) of the patches on the canvas.

    Returns: the left columns (B, n) int64 of the patches on the canvas, and where their ink ends (B, n).
    """
    count, length, side, _ = patches.shape
    ink = patches > PLACED_THRESHOLD
    columns = torch.arange(side, device=patches.device, dtype=torch.float32)
    right = torch.where(ink, columns, EMPTY).amax(3)  # (B, n, P): of each row
    left = -torch.where(ink, -columns, EMPTY).amax(3)
    rows = tops[..., None] + torch.arange(side, device=tops.device)  # (B, n, P)

    def on_canvas(profile: torch.Tensor, k: int) -> torch.Tensor:
        values = torch.full((count, CANVAS_HEIGHT), EMPTY, device=patches.device).scatter_(1, rows[:, k], profile)
        return F.max_pool1d(values[:, None], 5, 1, 2)[:, 0]  # ink one or two rows higher is as close

    lefts, ends = [8 - left[:, 0].amin(1)], []
    written = on_canvas(right[:, 0], 0) + lefts[0][:, None]
    ends.append(lefts[0] + right[:, 0].amax(1))
    for k in range(1, length):
        nearest = (written + on_canvas(-left[:, k], k)).amax(1)
        by_boxes = ends[-1] - left[:, k].amin(1)
        nearest = torch.where(nearest < EMPTY / 2, by_boxes, nearest)
        position = torch.maximum(nearest + 1 + gaps[:, k], lefts[-1] + MIN_ADVANCE).round()
        lefts.append(position)
        written = torch.maximum(written, on_canvas(right[:, k], k) + position[:, None])
        ends.append(torch.maximum(ends[-1], position + right[:, k].amax(1)))
    return torch.stack(lefts, 1).long(), torch.stack(ends, 1)


def _first_ink(patches: torch.Tensor) -> torch.Tensor:
    """Find the first column with ink in patches (B, P, P): (B,)."""
    return (patches > PLACED_THRESHOLD).any(1).float().argmax(1)


def _ink_rows(canvas: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the first and last row with strokes on canvases (B, 1, H, W): two (B,) float32."""
    has_ink = (canvas > INK_THRESHOLD).any(3)[:, 0].float()  # (B, H)
    return has_ink.argmax(1).float(), has_ink.shape[1] - 1 - has_ink.flip(1).argmax(1).float()


def _paste(patches: torch.Tensor, lefts: torch.Tensor, tops: torch.Tensor, width: int) -> torch.Tensor:
    """Paste patches (B, n, P, P) on empty canvases: (B, 1, 96, width), the maximum where they overlap."""
    count, _, side, _ = patches.shape
    inner = torch.arange(side, device=patches.device)
    columns = (lefts[..., None] + inner).clamp(0, width - 1)
    rows = tops[..., None] + inner
    flat = (rows[..., :, None] * width + columns[..., None, :]).flatten(1)
    canvas = torch.zeros(count, CANVAS_HEIGHT * width, device=patches.device)
    return canvas.scatter_reduce_(1, flat, patches.flatten(1), "amax").view(count, 1, CANVAS_HEIGHT, width)


def batch_size(sizes: StringSizes, pixels: int) -> int:
    """Return how many strings of these sizes have about as many `pixels` along the line together."""
    return max(1, math.ceil(pixels / sizes.width))
