"""Picture files for tests, in every format that is read."""

import io

import pillow_heif
import pillow_jxl  # noqa: F401 # registers itself
from PIL import Image, ImageDraw

from bench.sample_images import encode_image

pillow_heif.register_heif_opener()
SEVEN = [(50, 30), (250, 30), (120, 180)]
SIZE = (300, 200)
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200">{}
<path d="M50 30 L250 30 L120 180" fill="none" stroke="black" stroke-width="9"/></svg>"""


def draw_seven() -> Image.Image:
    """Draw a 7 in black on white."""
    image = blank_page()
    ImageDraw.Draw(image).line(SEVEN, "black", 9)
    return image


def draw_one() -> Image.Image:
    image = blank_page()
    ImageDraw.Draw(image).line([(160, 30), (140, 180)], "black", 9)
    return image


def blank_page() -> Image.Image:
    return Image.new("RGB", SIZE, "white")


def encode_seven(format_name: str) -> bytes:
    """Draw a 7 as a file in a format of `formats.FORMATS`."""
    if format_name == "SVG":
        return SVG.format("").encode()
    return encode_image(draw_seven(), {"HEIC": "HEIF"}.get(format_name, format_name))


def encode_pages(format_name: str, *pages: Image.Image, **options) -> bytes:
    """Encode the pages of a document, or the frames of an animation."""
    stream = io.BytesIO()
    pages[0].save(stream, format_name, save_all=True, append_images=pages[1:], **options)
    return stream.getvalue()
