"""Draw the sample pictures `input/test-0.png` to `input/test-9.png`: ten digits in ten kinds of picture.

    python -m scripts.make_samples

The digits are synthetic, so that nobody's handwriting is copied. Each function below takes a foreground intensity
(side, side), from 0 (background) to 1 (stroke), and returns a picture.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.sample_images import blend, to_8_bit
from digits.data import synthetic

INPUT_DIR = Path(__file__).parents[1] / "input"


def black_on_white(intensity: np.ndarray) -> Image.Image:
    return to_8_bit(255 * (1 - intensity))


def white_on_black(intensity: np.ndarray) -> Image.Image:
    return to_8_bit(255 * intensity)


def blue_on_cream(intensity: np.ndarray) -> Image.Image:
    """A ballpoint pen on cream paper with grain; the light falls off to one side."""
    height, width = intensity.shape
    light = 1 - 0.12 * np.linspace(0, 1, width)[None, :, None]
    grain = np.random.default_rng(2).normal(0, 2.5, (height, width, 1))
    return to_8_bit(blend((236, 228, 208), (38, 62, 150), intensity * 0.9) * light + grain)


def black_on_transparent(intensity: np.ndarray) -> Image.Image:
    """Black strokes in a transparent picture whose background is black too, as many programs save it."""
    return to_8_bit(np.dstack([np.zeros((*intensity.shape, 3)), 255 * intensity]))


def white_on_transparent(intensity: np.ndarray) -> Image.Image:
    return to_8_bit(np.dstack([np.full((*intensity.shape, 3), 255.0), 255 * intensity]))


def red_marker(intensity: np.ndarray) -> Image.Image:
    return to_8_bit(blend((255, 255, 255), (214, 40, 57), intensity))


def in_corner(intensity: np.ndarray) -> Image.Image:
    """A small digit in the lower right corner of a wide page."""
    side = len(intensity)
    page = np.zeros((3 * side, 4 * side))
    page[2 * side : 3 * side, 3 * side : 4 * side] = intensity
    return black_on_white(page)


def in_16_bit(intensity: np.ndarray) -> Image.Image:
    return Image.fromarray((65535 * (1 - intensity)).round().astype(np.uint16))


def chalk(intensity: np.ndarray) -> Image.Image:
    """White chalk on a green board, in a picture with a palette of 32 colors."""
    dust = np.random.default_rng(9).uniform(0.75, 1, intensity.shape)
    return to_8_bit(blend((32, 74, 58), (240, 240, 232), intensity * dust)).quantize(32)


# For each digit: the kind of picture, the stroke template, the seed, the picture's side and the stroke width in pixels.
SAMPLES = [
    (black_on_white, 1, 1, 64, 5),
    (white_on_black, 3, 5, 600, 60),
    (blue_on_cream, 1, 3, 240, 9),
    (black_on_transparent, 0, 8, 256, 16),
    (white_on_transparent, 0, 2, 200, 14),
    (black_on_white, 1, 3, 400, 3),
    (red_marker, 1, 4, 300, 42),
    (in_corner, 2, 6, 120, 8),
    (in_16_bit, 0, 7, 128, 9),
    (chalk, 0, 2, 480, 26),
]


def main() -> None:
    for digit, (make_picture, template, seed, side, stroke_width) in enumerate(SAMPLES):
        generator = torch.Generator().manual_seed(seed)
        torch.randint(1, (1,), generator=generator)  # once chose the template; kept, so that the samples stay the same
        jittered = synthetic.jitter_strokes(synthetic.STROKE_TEMPLATES[digit][template], 1, generator)
        strokes = synthetic.fit_unit_square([stroke[0] for stroke in jittered])
        intensity = synthetic.rasterize(strokes, side, stroke_width).numpy()
        make_picture(intensity).save(INPUT_DIR / f"test-{digit}.png", optimize=True)


if __name__ == "__main__":
    main()
