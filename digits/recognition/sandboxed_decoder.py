"""Decodes one picture in one of SANDBOXED_FORMATS, in a process of its own: started by `sandbox`.

    python sandboxed_decoder.py FORMAT NUMBER MAX_PIXELS SECONDS < picture

The decoders of these formats cannot be stopped, and a file may make them take minutes or gigabytes, or read other
files, which an SVG picture may name. So the kernel ends this process when it takes too much CPU time or memory, and
lets it open no file.

NUMBER is that of a page or frame, from 1. Prints a line of JSON and then the pixels. The line has `mode`, `size`
(width, height) and `count`, of the pages or frames; or `error`, the rest of a sentence that begins with the name of the
file (the size, if `code` is "pixels"), and `code`.
"""

import codecs
import contextlib
import importlib
import io
import json
import math
import os
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
    UnidentifiedImageError,
)

# Bytes of address space: of Python with a decoder, and for each pixel.
BASE_MEMORY = 2**29
MEMORY_PER_PIXEL = 24
# Of a picture that gets twice the time. HEIC photos of 12 megapixels take 0.6 to 1.4 s of CPU time, AVIF 0.4; phones
# also take 24.
LARGE_PIXELS = 8_000_000
# Pixels of the longer side of what has no pixels of its own. Below 2,000, so that the reader does not reduce it: a page
# of A4 then has 160 pixels per inch, and a digit of 5 mm 32.
PDF_SIDE = 1_900
SVG_SIDE = 800
SVG_DPI = 96  # pixels per inch, as CSS defines them: for sizes in mm
MODES = ("1", "L", "LA", "I", "I;16", "F", "RGB", "RGBA")  # that `color_conversion` takes

# From the package, the content, the number of a page or frame and the limit of pixels to the image and the count.
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

    def decode(_package: ModuleType, content: bytes, number: int, max_pixels: int) -> tuple[Image.Image, int]:
        image = Image.open(io.BytesIO(content), formats=[pillow_format])
        if image.width * image.height > max_pixels:
            raise DecodingError(f"{image.width}x{image.height} pixels", "pixels")
        if image.width * image.height > LARGE_PIXELS:
            remaining, _ = signal.getitimer(signal.ITIMER_PROF)
            signal.setitimer(signal.ITIMER_PROF, 2 * remaining)
        count = getattr(image, "n_frames", 1)
        if number > 1:
            image.seek(number - 1)
        image.load()
        return image if is_upright else ImageOps.exif_transpose(image), count

    return decode


def render_pdf(pypdfium2: ModuleType, content: bytes, number: int, max_pixels: int) -> tuple[Image.Image, int]:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise DecodingError("is protected by a password: save it without one", "format") from None
        raise
    if not len(document):
        raise DecodingError("has no pages: save or send it again", "damaged")
    document.init_forms()  # so that what was typed into a form is drawn
    page = document[number - 1]
    side = min(PDF_SIDE, math.isqrt(max_pixels))
    return page.render(scale=side / max(1, *page.get_size())).to_pil(), len(document)


def render_svg(resvg_py: ModuleType, content: bytes, _number: int, max_pixels: int) -> tuple[Image.Image, int]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        source = content.decode("utf-16")
    else:
        try:
            source = content.removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError:  # the encoding matters for text only, which is not drawn, as fonts are files
            source = content.decode("latin-1")
    side = min(SVG_SIDE, math.isqrt(max_pixels))
    # The picture fits into a square of this side, with its aspect kept.
    png = resvg_py.svg_to_bytes(svg_string=source, width=side, height=side, dpi=SVG_DPI, skip_system_fonts=True)
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


def main(format_name: str, number: int, max_pixels: int, seconds: float) -> None:
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints does not come between
    header, pixels = decode(format_name, number, max_pixels, seconds)
    output.write(json.dumps(header).encode() + b"\n" + pixels)
    output.flush()


def decode(format_name: str, number: int, max_pixels: int, seconds: float) -> tuple[dict, bytes]:
    """Decode the picture on the standard input. Returns: the values of the line that `main` prints, and the pixels."""
    try:
        decoder = DECODERS[format_name]
        package = importlib.import_module(decoder.package)
        if format_name == "HEIC":
            package.register_heif_opener()
        Image.preinit()
    except ImportError as error:
        return {"error": f"cannot be decoded, as {decoder.package} does not start ({error})", "code": "format"}, b""
    limit_resources(seconds, BASE_MEMORY + MEMORY_PER_PIXEL * max_pixels)
    try:
        image, count = decoder.decode(package, sys.stdin.buffer.read(), number, max_pixels)
        if image.mode not in MODES:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        return {"mode": image.mode, "size": image.size, "count": count}, image.tobytes()
    except DecodingError as error:
        return {"error": str(error), "code": error.code}, b""
    except UnidentifiedImageError:
        return {"error": "is damaged, or in a form that is not supported: save it as PNG", "code": "damaged"}, b""
    except BaseException as error:  # noqa: BLE001 # decoders raise exceptions of any type; Rust's panics are no Exception
        reason = str(error).partition("\n")[0]
        return {"error": f"is damaged ({reason}): save or send it again", "code": "damaged"}, b""


def limit_resources(seconds: float, memory: int) -> None:
    """Let the kernel end this process after some `seconds` of CPU time; limit its memory, and let it open no file."""
    signal.setitimer(signal.ITIMER_PROF, seconds)  # resource.RLIMIT_CPU takes whole seconds only
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError):  # macOS does not limit memory
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
