"""Draws `input/`: ten digits in the ten ways in which people's pictures differ. Run it to make them anew.

Each function takes ink (side, side) from 0 to 1 and returns a picture; nobody's handwriting is copied.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from digits.data import synthetic

INPUT = Path(__file__).parents[1] / "input"


def on(paper: tuple[int, ...], colour: tuple[int, ...], ink: np.ndarray) -> np.ndarray:
    """Ink of one colour on paper of another: (H, W, 3) float, 0 to 255."""
    return np.array(paper) * (1 - ink[..., None]) + np.array(colour) * ink[..., None]


def eight_bit(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))


def black_on_white(ink: np.ndarray) -> Image.Image:
    return eight_bit(255 * (1 - ink))


def white_on_black(ink: np.ndarray) -> Image.Image:
    return eight_bit(255 * ink)


def blue_on_paper(ink: np.ndarray) -> Image.Image:
    """A ballpoint pen on cream paper: light falls off to one side, and the paper has grain."""
    height, width = ink.shape
    light = 1 - 0.12 * np.linspace(0, 1, width)[None, :, None]
    grain = np.random.default_rng(2).normal(0, 2.5, (height, width, 1))
    return eight_bit(on((236, 228, 208), (38, 62, 150), ink * 0.9) * light + grain)


def black_on_nothing(ink: np.ndarray) -> Image.Image:
    """Transparent paper; what is under it is black too, as many programs save it."""
    return eight_bit(np.dstack([np.zeros((*ink.shape, 3)), 255 * ink]))


def white_on_nothing(ink: np.ndarray) -> Image.Image:
    return eight_bit(np.dstack([np.full((*ink.shape, 3), 255.0), 255 * ink]))


def red_marker(ink: np.ndarray) -> Image.Image:
    return eight_bit(on((255, 255, 255), (214, 40, 57), ink))


def in_a_corner(ink: np.ndarray) -> Image.Image:
    """A small digit at the lower right of a wide sheet."""
    side = len(ink)
    sheet = np.zeros((3 * side, 4 * side))
    sheet[2 * side : 3 * side, 3 * side : 4 * side] = ink
    return black_on_white(sheet)


def sixteen_bit(ink: np.ndarray) -> Image.Image:
    return Image.fromarray((65535 * (1 - ink)).round().astype(np.uint16))


def chalk(ink: np.ndarray) -> Image.Image:
    """White on a green board, in a picture with a palette of 32 colours."""
    dust = np.random.default_rng(9).uniform(0.75, 1, ink.shape)
    return eight_bit(on((32, 74, 58), (240, 240, 232), ink * dust)).quantize(32)


# For each digit: how it is pictured, the seed of the hand, the picture's side and the pen in pixels.
SAMPLES = [
    (black_on_white, 1, 64, 5),
    (white_on_black, 5, 600, 60),
    (blue_on_paper, 3, 240, 9),
    (black_on_nothing, 8, 256, 16),
    (white_on_nothing, 2, 200, 14),
    (black_on_white, 3, 400, 3),
    (red_marker, 4, 300, 42),
    (in_a_corner, 6, 120, 8),
    (sixteen_bit, 7, 128, 9),
    (chalk, 2, 480, 26),
]


def main() -> None:
    for digit, (picture, seed, side, pen) in enumerate(SAMPLES):
        hand = synthetic.digit_strokes(digit, torch.Generator().manual_seed(seed))
        picture(synthetic.rasterize(hand, side, pen).numpy()).save(INPUT / f"test-{digit}.png", optimize=True)


if __name__ == "__main__":
    main()
