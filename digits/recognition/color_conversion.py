"""Conversion of decoded images of any mode to RGB or 8-bit gray, transparency composited."""

import numpy as np
from PIL import Image

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
    image = image.convert("RGBA")
    background = Image.new("RGBA", image.size, _backdrop_color(image))
    return Image.alpha_composite(background, image).convert("RGB")


def _backdrop_color(image: Image.Image) -> tuple[int, int, int]:
    """Choose the color behind the transparent pixels of an RGBA image.

    If most pixels are transparent, the others are strokes: the background is black or white, in contrast to them.
    Else the picture is a page or a window with a transparent rim, which gets the median color of the rest.
    """
    small = np.asarray(image.reduce(max(1, min(image.size) // 128)), np.float32)  # large enough to estimate colors
    opaque = small[small[..., 3] > 127][:, :3]  # (N, 3)
    if small[..., 3].mean() > 127:
        red, green, blue = (int(value) for value in np.median(opaque, axis=0))
        return red, green, blue
    return (0, 0, 0) if len(opaque) and opaque.mean() > 127 else (255, 255, 255)
