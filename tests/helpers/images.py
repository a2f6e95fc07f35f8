"""Pictures for tests: strokes, text lines, normalized digits; files that are damaged or declare a wrong size."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import STRIPBYTECOUNTS, STRIPOFFSETS

from bench.sample_images import encode_image
from digits.recognition import image_decoding, normalization
from digits.recognition.components import Component, merge
from digits.recognition.foreground import extract_foreground
from digits.recognition.reader import to_working_array
from digits.recognition.text_lines import find_text_lines


def draw_strokes(size: tuple[int, int], *strokes: list[tuple[int, int]], stroke_width: int = 8) -> Image.Image:
    """Draw black polylines, `stroke_width` pixels wide, on a white picture of `size` (width, height)."""
    image = Image.new("L", size, 255)
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, 0, stroke_width, "curve")
    return image


def bar(x: int, top: int = 40, bottom: int = 140) -> list[tuple[int, int]]:
    """A vertical stroke for `draw_strokes`."""
    return [(x, top), (x, bottom)]


def find_lines(image: Image.Image) -> list[list[Component]]:
    """Find the text lines of a picture, each a list of components; empty if the picture is blank."""
    foreground = extract_foreground(to_working_array(image)[0])
    return find_text_lines(foreground) if foreground else []


def normalize_picture(content: bytes) -> np.ndarray:
    """Normalize the whole foreground of a picture file as one digit: (28, 28) uint8."""
    pixels, _ = to_working_array(image_decoding.decode(content))
    foreground = extract_foreground(pixels)
    whole = merge([component for line in find_text_lines(foreground) for component in line])
    return normalization.normalize(whole.crop(foreground.intensity))


def png_declaring_size(width: int, height: int) -> bytes:
    """A PNG file whose header declares this size but which holds next to no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff_with_damaged_strip(image: Image.Image, compression: str) -> bytes:
    """A TIFF file with an intact header and damaged pixels."""
    content = bytearray(encode_image(image, "TIFF", compression=compression))
    with Image.open(io.BytesIO(content)) as header:
        (start, *_), (length, *_) = (header.tag_v2[tag] for tag in (STRIPOFFSETS, STRIPBYTECOUNTS))
    for position in range(start + length // 3, start + length // 3 + 40):
        content[position] ^= 0x5A
    return bytes(content)
