"""Background estimation: the color of the paper at every pixel, from the colors along the border.

If most of the border has one color, as in a drawing, so has the background. Else the light falls off over a photo: a
smooth surface is fitted to the border, and to all pixels that are as close to the surface as most of the border.
"""

import numpy as np

from digits.recognition.arrays import border_indices, downscale, median, robust_sigma

FIT_STEPS = 8  # of reweighting
BORDER_STEPS = 4  # of these use the border only, the others all pixels
PLANE_STEPS = 2  # of these fit a plane, the others a surface of second order
FIT_SIDE = 96  # pixels of the longer side on which the surface is fitted: light changes slowly


def estimate_background(colors: np.ndarray) -> np.ndarray:
    """Estimate the background's color at every pixel of `colors` (H, W, C), from 0 to 1.

    Returns: (C,) if the background has one color, else (H, W, C), a surface of second order.
    """
    height, width, channels = colors.shape
    small = downscale(colors, FIT_SIDE)
    values, border = small.reshape(-1, channels), border_indices(*small.shape[:2])
    border_values = values.take(border, axis=0)
    if _is_uniform(border_values, border_values[0]):  # the corner first: in most drawings this saves the median
        return border_values[0]
    middle = median(border_values)
    if _is_uniform(border_values, middle):
        return middle
    coefficients = _fit_surface(_quadratic_basis(*small.shape[:2]), values, border, middle)
    return (_quadratic_basis(height, width) @ coefficients).reshape(colors.shape)


def _fit_surface(basis: np.ndarray, values: np.ndarray, border: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Fit a surface of second order to the border, then to all pixels, by iteratively reweighted least squares.

    The weights are Cauchy's, squared, so that writing, which is far from the surface, counts little.

    basis: (N, 6). values: colors (N, C). border: indices of the border's pixels. start: the first estimate, (C,).
    Returns: coefficients (6, C).
    """
    surface = start
    inner = np.ones(len(values), bool)
    inner[border] = False
    for step in range(FIT_STEPS):
        residual = np.linalg.norm(values - surface, axis=1)
        # One level of 8 bits more: where most of the border has no residual, the scale is not 0.
        scale = robust_sigma(residual[border]) + 1 / 255
        weights = 1 / (1 + (residual / (2 * scale)) ** 2)
        if step < BORDER_STEPS:
            weights[inner] = 0
        terms = 3 if step < PLANE_STEPS else 6
        weighted = basis[:, :terms] * weights[:, None]
        coefficients = np.linalg.lstsq(weighted, values * weights[:, None], rcond=None)[0]
        surface = basis[:, :terms] @ coefficients
    return coefficients


def _is_uniform(colors: np.ndarray, color: np.ndarray) -> bool:
    """Whether more than half of `colors` (N, C) equal `color` (C,)."""
    equal = colors == color
    return bool(np.count_nonzero(equal.all(1) if len(color) > 1 else equal) > 0.5 * len(colors))


def _quadratic_basis(height: int, width: int) -> np.ndarray:
    """Compute 1, x, y, x², xy, y² at each pixel, with x and y from -1 to 1: (H * W, 6) float32."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32).reshape(2, -1)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
