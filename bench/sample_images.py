"""Pictures for measurements and tests: synthetic numbers, and images as the bytes of a file."""

import io
from typing import Any

import numpy as np
import torch
from PIL import Image

from digits.data import synthetic

Color = tuple[int, int, int]


def encode_image(image: Image.Image | np.ndarray, format: str = "PNG", **options: Any) -> bytes:
    """Encode a PIL image, or a uint8 array (H, W) or (H, W, C), as a file in any format that Pillow writes."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def to_image(intensity: np.ndarray) -> Image.Image:
    """Draw a foreground intensity (H, W) in [0, 1] in black on white."""
    return Image.fromarray((255 * (1 - intensity)).round().astype(np.uint8))


def blend(background: np.ndarray | Color, color: Color, intensity: np.ndarray) -> np.ndarray:
    """Draw the foreground `intensity` (H, W) in `color` on a background (H, W, 3) or on a plain color.

    Returns: (H, W, 3) float, 0 to 255.
    """
    return np.array(background) * (1 - intensity[..., None]) + np.array(color) * intensity[..., None]


def to_8_bit(pixels: np.ndarray) -> Image.Image:
    """Round `pixels` (H, W) or (H, W, C), 0 to 255, to an image of 8 bits."""
    return Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))


def draw_number(text: str, height: int = 200, stroke_width: float = 14, gap: float = 0.25, seed: int = 1) -> np.ndarray:
    """Draw synthetic digits side by side.

    stroke_width: in pixels.
    gap: between two digits, as a fraction of their height; they touch where it is below 0.

    Returns: foreground intensity (height, W) in [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    intensity = np.zeros((height, height * (len(text) + 1)), np.float32)
    end = height // 5
    for position, digit in enumerate(text):
        strokes = synthetic.digit_strokes(int(digit), generator)
        one = synthetic.rasterize(strokes, height, stroke_width, size=0.7).numpy()
        columns = one.any(0).nonzero()[0]
        one = one[:, columns[0] : columns[-1] + 1]
        left = end + (round(0.7 * height * gap) if position else 0)
        end = left + one.shape[1]
        intensity[:, left:end] = np.maximum(intensity[:, left:end], one)
    return intensity[:, : end + height // 5]
