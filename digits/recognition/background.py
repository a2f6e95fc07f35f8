"""The color of the paper, everywhere in a picture, from what is on its border.

Where most of the border is of one color, as in a drawing, all paper has it. Else light falls off: a smooth surface
is fitted to the border and to what is as near to it.
"""

import numpy as np

from digits.recognition.arrays import border_indices, downscale, median

FIT_SIDE = 96  # pixels of the longer side, enough to fit the paper on: light changes slowly


def estimate_background(colors: np.ndarray) -> np.ndarray:
    """The paper's color at each pixel of (H, W, C), 0 to 1: (C,) where it is the same everywhere, else (H, W, C).

    A surface of second order is fitted to the border, then to all that is as near to it as most of the border,
    by least squares, in which what lies far off counts little (reweighted with Cauchy's weights, squared).
    """
    height, width, channels = colors.shape
    small = downscale(colors, FIT_SIDE)
    values, rim = small.reshape(-1, channels), border_indices(*small.shape[:2])
    outer = values.take(rim, axis=0)
    if _is_uniform(outer, outer[0]):  # the corner, which is quickly looked at
        return outer[0]
    middle = median(outer)
    if _is_uniform(outer, middle):  # drawn by a program, too
        return middle
    terms, paper = _quadratic_basis(*small.shape[:2]), middle
    inner = np.ones(len(values), bool)
    inner[rim] = False
    for step in range(8):
        residual = np.linalg.norm(values - paper, axis=1)
        scale = 1.4826 * median(residual[rim]) + 1 / 255
        weights = 1 / (1 + (residual / (2 * scale)) ** 2)
        if step < 4:
            weights[inner] = 0
        order = 3 if step < 2 else 6  # a plane first
        fit = np.linalg.lstsq(terms[:, :order] * weights[:, None], values * weights[:, None], rcond=None)[0]
        paper = terms[:, :order] @ fit
    return (_quadratic_basis(height, width) @ fit).reshape(colors.shape)


def _is_uniform(colors: np.ndarray, one: np.ndarray) -> bool:
    """Whether more than half of `colors` (N, C) are the same as `one` (C,)."""
    same = colors == one
    return np.count_nonzero(same.all(1) if len(one) > 1 else same) > 0.5 * len(colors)


def _quadratic_basis(height: int, width: int) -> np.ndarray:
    """1, x, y, x², xy, y² at each pixel, x and y from -1 to 1: (H * W, 6) float32."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32).reshape(2, -1)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
