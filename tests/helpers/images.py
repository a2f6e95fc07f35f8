"""Pictures for tests: how ink becomes a file, and how a file becomes frames."""

import io

import numpy as np
import torch
from PIL import Image

from digits.data import synthetic
from digits.recognition import components, decoding, foreground, normalization
from digits.recognition.reader import working_array


def saved(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def grey(ink: np.ndarray) -> Image.Image:
    """Black ink, 0 to 1, on white."""
    return Image.fromarray((255 * (1 - ink)).round().astype(np.uint8))


def written(text: str, side: int = 200, pen: float = 14, gap: float = 0.25, seed: int = 1) -> np.ndarray:
    """Synthetic digits side by side, `gap` of their height apart, less than 0 if they touch: ink (side, W), 0 to 1."""
    random = torch.Generator().manual_seed(seed)
    sheet = np.zeros((side, side * (len(text) + 1)), np.float32)
    end = side // 5
    for place, digit in enumerate(text):
        one = synthetic.rasterize(synthetic.digit_strokes(int(digit), random), side, pen, size=0.7).numpy()
        columns = one.any(0).nonzero()[0]
        one = one[:, columns[0] : columns[-1] + 1]
        left = end + (round(0.7 * side * gap) if place else 0)
        end = left + one.shape[1]
        sheet[:, left:end] = np.maximum(sheet[:, left:end], one)
    return sheet[:, : end + side // 5]


def parts(image: Image.Image) -> list[list[components.Component]]:
    """The lines of parts in a picture."""
    found = foreground.extract_foreground(working_array(image)[0])
    return components.find_text_lines(found) if found else []


def framed(content: bytes) -> np.ndarray:
    """The frame of all that is written in a picture file, (28, 28) uint8."""
    small, _ = working_array(decoding.decode(content))
    found = foreground.extract_foreground(small)
    whole = components.merge([part for line in components.find_text_lines(found) for part in line])
    return normalization.normalize(whole.crop(found.intensity))
