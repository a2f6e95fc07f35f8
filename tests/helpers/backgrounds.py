"""Pictures of a handwritten 7 on different backgrounds: colors, lighting, noise, ruled lines, rims, a table.

Colors are (H, W, 3) floats from 0 to 255.
"""

import cv2
import numpy as np

from bench.sample_images import blend, draw_number

SEVEN = draw_number("7", height=240, stroke_width=16)  # intensity (HEIGHT, WIDTH), from 0 to 1
HEIGHT, WIDTH = SEVEN.shape


def paint(
    background: np.ndarray, color: tuple[int, int, int] = (40, 50, 90), intensity: np.ndarray = SEVEN
) -> np.ndarray:
    """Paint `intensity` (H, W), by default the 7, in one color on a background."""
    return blend(background, color, intensity)


def light_gradient(depth: float) -> np.ndarray:
    """White paper that gets darker by `depth` from the upper left to the lower right."""
    y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    return 250 * (1 - depth * (x + y)[..., None] / 2) * np.ones(3)


def shadow(depth: float) -> np.ndarray:
    """White paper with its right half in a shadow that has a clear edge."""
    background = np.full((HEIGHT, WIDTH, 3), 240.0)
    background[:, WIDTH // 2 :] *= 1 - depth
    return cv2.GaussianBlur(background, (0, 0), 4)


def round_shadow(diameter: float, depth: float = 0.3) -> np.ndarray:
    """White paper with a round shadow in the middle: `diameter` is a fraction of the shorter side."""
    mask = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    cv2.circle(mask, (WIDTH // 2, HEIGHT // 2), round(diameter * min(HEIGHT, WIDTH) / 2), 1, -1)
    return 240 * (1 - depth * cv2.GaussianBlur(mask, (0, 0), 4)[..., None]) * np.ones(3)


def noise(sigma: float) -> np.ndarray:
    """Light gray paper with Gaussian noise."""
    return 200 + np.random.default_rng(1).normal(0, sigma, (HEIGHT, WIDTH, 1)) * np.ones(3)


def ruled(color=(150, 180, 225), squared: bool = False) -> np.ndarray:
    """Paper with a line every 30 pixels."""
    background = np.full((HEIGHT, WIDTH, 3), 245.0)
    background[15::30] = color
    if squared:
        background[:, 15::30] = color
    return background


def dark_rim() -> np.ndarray:
    """White paper in a dark rim of 6 pixels."""
    background = np.full((HEIGHT, WIDTH, 3), 250.0)
    background[:6], background[-6:], background[:, :6], background[:, -6:] = 30, 30, 30, 30
    return background


def table_at_the_right() -> np.ndarray:
    """White paper with 14 pixels of a dark table on its right."""
    background = np.full((HEIGHT, WIDTH, 3), 235.0)
    background[:, -14:] = (70, 45, 30)
    return background


BACKGROUNDS = {
    "white": np.full((HEIGHT, WIDTH, 3), 255.0),
    "uneven light": light_gradient(0.6),
    "edge of a shadow": shadow(0.4),
    "noise": noise(6),
    "ruled": ruled(),
    "squared": ruled(squared=True),
    "rim": dark_rim(),
    "table": table_at_the_right(),
}
