"""Where a part that may be several digits is thin, and so may be cut.

Digits that touch do so in few places, mostly where the pen passes once: along a cut between them lies little ink.
Which of the cuts are right is not decided here but by what the network says of the pieces (`digits/lattice.py`).
"""

import cv2
import numpy as np

from digits.writing import Part

SLANTS = (-0.3, 0.0, 0.3)  # horizontal pixels a pixel of height: how cuts between digits lean
CUTS = 5  # at most, in one part
THINNER = 0.7  # of what is cut where the part is thickest: where more is cut, it is not thin
SLIVER = 0.03  # of a part: less is no piece of its own


def pieces(part: Part, amount: np.ndarray) -> list[Part]:
    """`part` cut where it is thinnest from top to bottom, the pieces from left to right.

    Straight cuts, all leaning alike: as that of SLANTS does along which the least ink is cut. A part that is
    nowhere thin comes back itself.
    """
    left, top, right, bottom = part.box
    ink = np.where(part.mask, amount[top:bottom, left:right], 0)
    tall, wide = ink.shape
    if min(tall, wide) < 8:
        return [part]
    y, columns = np.arange(tall)[:, None] - tall / 2, np.arange(wide)[None]
    around = np.pad(ink, ((0, 0), (1, 1)))
    ways = []
    for slant in SLANTS:
        at = np.clip(np.round(columns + slant * y).astype(int), -1, wide) + 1
        crossed = np.take_along_axis(around, at, 1).sum(0).astype(np.float32)  # ink along the cut at each column
        crossed = cv2.GaussianBlur(crossed[None], (0, 0), max(0.5, 0.015 * wide))[0]
        spots: list[int] = []
        for x in np.argsort(crossed, kind="stable").tolist():
            apart = all(abs(x - spot) >= tall / 8 for spot in spots)
            if len(spots) < CUTS and apart and 0.15 * wide <= x < 0.85 * wide and crossed[x] < THINNER * crossed.max():
                spots.append(x)
        if spots:
            ways.append((float(crossed[spots[0]]), slant, sorted(spots)))
    if not ways:
        return [part]
    _, slant, spots = min(ways)
    place = columns - slant * y
    number = sum((place >= spot).astype(int) for spot in spots)
    found, left_over = [], np.zeros_like(part.mask)
    for k in range(len(spots) + 1):
        piece = left_over | (part.mask & (number == k))
        if piece.sum() < SLIVER * part.mask.sum() and k < len(spots):
            left_over = piece
            continue
        left_over = np.zeros_like(part.mask)
        rows, across = piece.any(1).nonzero()[0], piece.any(0).nonzero()[0]
        if len(rows):
            x, y, far, low = (int(n) for n in (across[0], rows[0], across[-1] + 1, rows[-1] + 1))
            found.append(Part((left + x, top + y, left + far, top + low), piece[y:low, x:far]))
    return found
