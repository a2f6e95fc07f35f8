"""Conversion of decoded images of any mode to RGB or 8-bit gray, transparency composited."""

import numpy as np
from PIL import Image

from digits.recognition.transparency import composite

WHITE_LEVELS = (1, 255, 1023, 4095, 16383, 65535)  # values of white in pictures of more than 8 bits


def to_rgb_or_gray(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB or 8-bit gray; transparent pixels get the background's color."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float32))
        # Such files hold values from 0 to 1, or of 8 to 16 bits: take the smallest range that holds all values.
        white = next((level for level in WHITE_LEVELS if values.max() <= level), values.max())
        return Image.fromarray((255 * values / white).clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        mode = "L" if image.mode in ("1", "L") else "RGB"
        return image if image.mode == mode else image.convert(mode)  # convert() always copies
    return composite(image.convert("RGBA"))
