"""Transparency: chooses what is behind the transparent pixels of a picture.

What is opaque may be strokes or a card that is written on: a sheet, a note, a window with its shadow, a sticker. A card
has one color along its edge and others inside.
"""

from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from digits.recognition.arrays import rectangle_kernel

MAX_SAMPLED_SIDE = 2_048  # pixels: enough to find cards and colors
MAX_SIDE = 1_024  # pixels: cards are searched in a picture that is reduced to 1,024 to 2,047 on the longer side
MIN_CARD_ALPHA = 240  # of 255: shadows are more transparent
MIN_RIM_WIDTH = 2  # pixels of the reduced picture: the edge of a card is mixed with the shadow, or has a thin line
RELATIVE_RIM_WIDTH = 0.01  # of the square root of the card's area: the least width of its rim in large cards
MIN_CONTRAST = 48  # levels of a channel: pixels that differ more from the paper are ink
MIN_INK = 0.001  # of a card: fewer pixels are noise; a thin digit on a window covers 0.002
EDGE_TOLERANCE = 32  # levels of a channel: by so much the edge of a card may differ from its paper
# Of the edge. A gradient along a stroke that keeps within EDGE_TOLERANCE here stays within MIN_CONTRAST everywhere.
MIN_PAPER_EDGE = 0.9
# The same of a rectangle, along whose edge a bar of a digit may run; half of it is paper in a stroke with a gradient.
MIN_RECTANGLE_PAPER_EDGE = 0.7
MIN_RECTANGULARITY = 0.95  # of the smallest rectangle around a region, of any angle: it may have round corners
MIN_BAR_CONTRAST = 6  # levels of a channel: light title bars differ from a white window by 9
MIN_BAR_WIDTH = 0.9  # of the card's width: a title bar extends from side to side
MAX_BAR_HEIGHT = 0.2  # of the card's height: a higher region is not a title bar, or writing is connected to it
MIN_RELATIVE_AREA = 0.02  # of the largest region's area: smaller ones are no cards but marks


class Card(NamedTuple):
    """Opaque regions that are written on: their inside (H, W) bool without the rim, and the color of their paper."""

    inside: np.ndarray
    paper: tuple[int, int, int]


def composite(image: Image.Image) -> Image.Image:
    """Convert an RGBA image to RGB: transparent pixels get the background's color.

    Around a card, everything gets the color of its paper, shadows included.
    """
    sampled = _sample(image)
    factor = max(1, max(sampled.size) // MAX_SIDE)
    card = find_card(np.asarray(sampled.reduce(factor)))
    flat = Image.new("RGB", image.size, card.paper if card else _backdrop_color(sampled))
    flat.paste(image, mask=image)  # `Image.alpha_composite` takes 2.5 times as long
    if card:
        # The last reduced pixels may extend beyond the picture.
        extent = (0, 0, sampled.width / factor, sampled.height / factor)
        outside = Image.fromarray(np.where(card.inside, 0, 255).astype(np.uint8))
        flat.paste(card.paper, mask=outside.resize(image.size, Image.Resampling.NEAREST, extent))
    return flat


def _sample(image: Image.Image) -> Image.Image:
    """Return a picture of at most MAX_SAMPLED_SIDE; of a larger one some pixels, as reducing it takes 0.7 s."""
    scale = min(1, MAX_SAMPLED_SIDE / max(image.size))
    size = (max(1, round(scale * image.width)), max(1, round(scale * image.height)))
    return image.resize(size, Image.Resampling.NEAREST) if scale < 1 else image


def find_card(pixels: np.ndarray) -> Card | None:
    """Find a card, or several of one color, in an RGBA picture (H, W, 4) uint8 in which something is transparent.

    Returns: None if an opaque region of some size is not a card, as strokes are not.
    """
    opaque = (pixels[..., 3] >= MIN_CARD_ALPHA).astype(np.uint8)
    if opaque.all():
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opaque)
    areas = stats[:, cv2.CC_STAT_AREA]
    inside, papers = np.zeros(opaque.shape, bool), []
    for label in range(1, count):
        if areas[label] < MIN_RELATIVE_AREA * areas[1:].max():
            continue
        region = (labels == label).astype(np.uint8)
        card = _examine_region(region, pixels[..., :3])
        if card is None:
            return None
        inside |= card.inside
        papers.append(card.paper)
    if not papers or np.ptp(papers, axis=0).max() > MIN_CONTRAST:
        return None
    return Card(inside, papers[0])


def _examine_region(region: np.ndarray, colors: np.ndarray) -> Card | None:
    """Return an opaque region as a card if it is one.

    region: (H, W) uint8, 1 inside.
    colors: (H, W, 3) uint8.
    """
    rim = max(MIN_RIM_WIDTH, round(RELATIVE_RIM_WIDTH * cv2.countNonZero(region) ** 0.5))
    kernel = rectangle_kernel(2 * rim + 1, 2 * rim + 1)
    inside = cv2.erode(region, kernel)
    if not inside.any():
        return None
    difference = _difference(colors, _median_color(colors, inside))
    other = (inside.view(bool) & (difference > MIN_BAR_CONTRAST)).view(np.uint8)
    inside[: _title_bar_bottom(other, inside, rim)] = 0
    core = cv2.erode(inside, kernel)
    edge = cv2.subtract(inside, core)
    if not core.any():
        return None
    paper = _median_color(colors, edge)
    difference = _difference(colors, paper)
    has_ink = (difference[core.view(bool)] > MIN_CONTRAST).mean() >= MIN_INK  # not rests of an outline
    min_paper_edge = MIN_RECTANGLE_PAPER_EDGE if _is_rectangle(region) else MIN_PAPER_EDGE
    is_edge_paper = (difference[edge.view(bool)] <= EDGE_TOLERANCE).mean() >= min_paper_edge
    return Card(inside.view(bool), paper) if has_ink and is_edge_paper else None


def _is_rectangle(region: np.ndarray) -> bool:
    """Whether a region (H, W) uint8, 1 inside, is a rectangle of any angle."""
    _, (width, height), _ = cv2.minAreaRect(cv2.findNonZero(region))
    return bool(cv2.countNonZero(region) >= MIN_RECTANGULARITY * (width + 1) * (height + 1))


def _title_bar_bottom(other: np.ndarray, inside: np.ndarray, rim: int) -> int:
    """Return the row below the title bar of a window; 0 if it has none.

    other: pixels of another color than most of the window has, (H, W) uint8.
    inside: the inside of the window, (H, W) uint8, without a rim of `rim` pixels.
    """
    _, top, width, height = cv2.boundingRect(inside)
    count, _, stats, _ = cv2.connectedComponentsWithStats(other)
    for _, bar_top, bar_width, bar_height, _ in stats[1:count]:
        is_at_top = bar_top <= top + rim
        if is_at_top and bar_width >= MIN_BAR_WIDTH * width and bar_height <= MAX_BAR_HEIGHT * height:
            return int(bar_top + bar_height + rim)
    return 0


def _median_color(colors: np.ndarray, mask: np.ndarray) -> tuple[int, int, int]:
    """Return the median of `colors` (H, W, 3) where `mask` (H, W) uint8 is 1."""
    red, green, blue = (int(value) for value in np.median(colors[mask.view(bool)], axis=0))
    return red, green, blue


def _difference(colors: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Return by how many levels of a channel `colors` (H, W, 3) uint8 differ from `color` at most: (H, W) uint8."""
    return cv2.absdiff(colors, np.full_like(colors, color)).max(-1)


def _backdrop_color(image: Image.Image) -> tuple[int, int, int]:
    """Choose the color behind the transparent pixels of an RGBA image without cards.

    If most pixels are transparent, the others are strokes: the background is black or white, in contrast to them.
    Else the picture is a page or a window with a transparent rim, which gets the median color of the rest.
    """
    small = np.asarray(image.reduce(max(1, min(image.size) // 128)), np.float32)  # large enough to estimate colors
    opaque = small[small[..., 3] > 127][:, :3]  # (N, 3)
    if small[..., 3].mean() > 127:
        red, green, blue = (int(value) for value in np.median(opaque, axis=0))
        return red, green, blue
    return (0, 0, 0) if len(opaque) and opaque.mean() > 127 else (255, 255, 255)
