"""Decodes one picture in one of SANDBOXED_FORMATS, in a process of its own: started by `sandbox`.

    python sandboxed_decoder.py FORMAT PAGE MAX_PIXELS SECONDS < picture

The decoders of these formats cannot be stopped, and a file may make them take minutes or gigabytes, or read other
files, which an SVG picture may name. So the kernel ends this process when it takes too much CPU time or memory, and
lets it open no file.

Prints a line of JSON and then the pixels. The line has `mode`, `size` (width, height) and `page_count`; or `error`, the
rest of a sentence that begins with the name of the file, and `code`.
"""

import codecs
import contextlib
import importlib
import io
import json
import resource
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from PIL import (
    Image,
    ImageOps,
    TiffImagePlugin,  # noqa: F401 # Pillow imports it where it first reads EXIF, but then no file can be opened
)

MAX_MEMORY = 2 * 2**30  # bytes of address space: 64 megapixels of AVIF take 1.3 GB
# Pixels of the longer side of what has no pixels of its own. Below 2,000, so that the reader does not reduce it: a page
# of A4 then has 160 pixels per inch, and a digit of 5 mm 32.
PDF_SIDE = 1_900
SVG_SIDE = 800
SVG_DPI = 96  # pixels per inch, as CSS defines them: for sizes in mm
MODES = ("L", "LA", "RGB", "RGBA")

# From the package, the content, the number of a page and the limit of pixels to the image and the number of pages.
Decode = Callable[[ModuleType, bytes, int, int], tuple[Image.Image, int]]


class DecodingError(Exception):
    """An error whose message continues a sentence that begins with the name of the file; `code` as of UserError."""

    def __init__(self, message: str, code: str):
        super().__init__(message)
        self.code = code


def decode_with_pillow(pillow_format: str, is_upright: bool) -> Decode:
    """Return a function that decodes a format with Pillow or a plugin of it.

    is_upright: whether the decoder applies the orientation, so that EXIF does not count.
    """

    def decode(_package: ModuleType, content: bytes, _page: int, max_pixels: int) -> tuple[Image.Image, int]:
        image = Image.open(io.BytesIO(content), formats=[pillow_format])
        if image.width * image.height > max_pixels:
            limit = f"at most {max_pixels / 1_000_000:g} million can be read: send a smaller one"
            raise DecodingError(f"has {image.width}x{image.height} pixels; {limit}", "pixels")
        image.load()
        return image if is_upright else ImageOps.exif_transpose(image), 1

    return decode


def render_pdf(pypdfium2: ModuleType, content: bytes, page_number: int, _max_pixels: int) -> tuple[Image.Image, int]:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise DecodingError("is protected by a password: save it without one", "format") from None
        raise
    if not len(document):
        raise DecodingError("has no pages: save or send it again", "damaged")
    document.init_forms()  # so that what was typed into a form is drawn
    page = document[page_number - 1]
    return page.render(scale=PDF_SIDE / max(1, *page.get_size())).to_pil(), len(document)


def render_svg(resvg_py: ModuleType, content: bytes, _page: int, _max_pixels: int) -> tuple[Image.Image, int]:
    # Text is not drawn, as fonts are files. The picture fits into a square, with its aspect kept.
    png = resvg_py.svg_to_bytes(
        svg_string=content.removeprefix(codecs.BOM_UTF8).decode(),
        width=SVG_SIDE,
        height=SVG_SIDE,
        dpi=SVG_DPI,
        skip_system_fonts=True,
    )
    return Image.open(io.BytesIO(png), formats=["PNG"]), 1


class Decoder(NamedTuple):
    """What decodes one format. `package` is imported before files can no longer be opened."""

    package: str
    decode: Decode


DECODERS = {
    "AVIF": Decoder("PIL.AvifImagePlugin", decode_with_pillow("AVIF", is_upright=False)),
    "HEIC": Decoder("pillow_heif", decode_with_pillow("HEIF", is_upright=True)),
    "JXL": Decoder("pillow_jxl", decode_with_pillow("JXL", is_upright=True)),
    "PPM": Decoder("PIL.PpmImagePlugin", decode_with_pillow("PPM", is_upright=True)),
    "SVG": Decoder("resvg_py", render_svg),
    "PDF": Decoder("pypdfium2", render_pdf),
}


def main(format_name: str, page: int, max_pixels: int, seconds: float) -> None:
    decoder = DECODERS[format_name]
    package = importlib.import_module(decoder.package)
    if format_name == "HEIC":
        package.register_heif_opener()
    Image.preinit()
    content = sys.stdin.buffer.read()
    limit_resources(seconds)
    try:
        image, page_count = decoder.decode(package, content, page, max_pixels)
        if image.mode not in MODES:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        header, pixels = {"mode": image.mode, "size": image.size, "page_count": page_count}, image.tobytes()
    except DecodingError as error:
        header, pixels = {"error": str(error), "code": error.code}, b""
    except BaseException as error:  # noqa: BLE001 # decoders raise exceptions of any type; Rust's panics are no Exception
        header, pixels = {"error": f"is damaged ({error}): save or send it again", "code": "damaged"}, b""
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + pixels)


def limit_resources(seconds: float) -> None:
    """Let the kernel end this process after some `seconds` of CPU time; limit its memory, and let it open no file."""
    signal.setitimer(signal.ITIMER_PROF, seconds)  # resource.RLIMIT_CPU takes whole seconds only
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError):  # macOS does not limit memory
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
