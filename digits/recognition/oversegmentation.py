"""Where a part that may be several digits is thin, and so may be cut.

Digits that touch do so in few places, mostly where the pen passes once: along a cut between them lies little ink.
Which of the cuts are right is not decided here but by what the network says of the pieces (`digits/recognition/segmentation.py`).
"""

import cv2
import numpy as np

from digits.recognition.components import Component

CUT_SLOPES = (-0.3, 0.0, 0.3)  # horizontal pixels a pixel of height: how cuts between digits lean
MAX_CUTS = 5  # at most, in one part
MAX_CUT_PROFILE = 0.7  # of what is cut where the part is thickest: where more is cut, it is not thin
MIN_PIECE_AREA = 0.03  # of a part: less is no piece of its own


def oversegment(part: Component, amount: np.ndarray) -> list[Component]:
    """`part` cut where it is thinnest from top to bottom, the pieces from left to right.

    Straight cuts, all leaning alike: as that of CUT_SLOPES does along which the least ink is cut. A part that is
    nowhere thin comes back itself.
    """
    left, top, right, bottom = part.box
    ink = np.where(part.mask, amount[top:bottom, left:right], 0)
    tall, wide = ink.shape
    if min(tall, wide) < 8:
        return [part]
    ways = []
    for slant in CUT_SLOPES:
        crossed = _projection_profile(ink, slant)
        if spots := _profile_minima(crossed, tall / 8):
            ways.append((float(crossed[spots[0]]), slant, sorted(spots)))
    if not ways:
        return [part]
    _, slant, spots = min(ways)
    return _cut_component(part, np.searchsorted(spots, np.arange(wide) - slant * _ink_rows(tall), side="right"))


def _ink_rows(tall: int) -> np.ndarray:
    """The rows of a part `tall` pixels high, from its middle, (tall, 1): a slanting cut is where it should be there."""
    return np.arange(tall)[:, None] - tall / 2


def _projection_profile(ink: np.ndarray, slant: float) -> np.ndarray:
    """How much of `ink` (H, W) float32 a cut with a `slant` crosses at each column, evened a little: (W,)."""
    tall, wide = ink.shape
    around = cv2.copyMakeBorder(ink, 0, 0, 1, 1, cv2.BORDER_CONSTANT)  # a cut that leaves the part meets paper
    at = np.rint(np.arange(wide) + slant * _ink_rows(tall)).astype(int)
    at = np.minimum(np.maximum(at, -1), wide) + (1 + np.arange(tall)[:, None] * (wide + 2))
    crossed = around.take(at).sum(0).astype(np.float32, copy=False)
    return cv2.GaussianBlur(crossed[None], (0, 0), max(0.5, 0.015 * wide))[0]


def _profile_minima(crossed: np.ndarray, apart: float) -> list[int]:
    """The columns where least is `crossed` (W,), at most CUTS and each so far `apart`, the thinnest first."""
    wide, amounts, most = len(crossed), crossed.tolist(), float(MAX_CUT_PROFILE * crossed.max())
    spots: list[int] = []
    for x in np.argsort(crossed, kind="stable").tolist():
        if amounts[x] >= most or len(spots) == MAX_CUTS:
            break
        if 0.15 * wide <= x < 0.85 * wide and all(abs(x - spot) >= apart for spot in spots):
            spots.append(x)
    return spots


def _cut_component(part: Component, number: np.ndarray) -> list[Component]:
    """The pieces of `part`, of whose pixels each has the `number` (H, W) of its piece; slivers join the next piece."""
    left, top, _, _ = part.box
    found, least = [], MIN_PIECE_AREA * np.count_nonzero(part.mask)
    left_over, last = None, int(number.max())
    for k in range(last + 1):
        piece = part.mask & (number == k)
        if left_over is not None:
            piece |= left_over
        left_over = piece if k < last and np.count_nonzero(piece) < least else None
        if left_over is None:
            x, y, width, height = cv2.boundingRect(piece.view(np.uint8))
            if width:
                box = (left + x, top + y, left + x + width, top + y + height)
                found.append(Component(box, piece[y : y + height, x : x + width]))
    return found
