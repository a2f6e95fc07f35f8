"""Picture decoding: bytes in any of FORMATS to an upright image in RGB or 8-bit gray."""

import codecs
import contextlib
import io
import json
import math
import os
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digits import UserError

# The formats that are read, by Pillow's names: the suffixes of their files. tests/recognition/test_formats.py compares
# the other places that list them.
FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm"),
}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
FORMAT_NAMES = f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"
# Phones take up to 50 million; decoding holds up to 21 bytes for each, 28 of a transparent WEBP.
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 2**29  # MAX_PIXELS of an uncompressed picture with three channels of 16 bits
WHITE_LEVELS = (1, 255, 1023, 4095, 16383, 65535)  # values of white in pictures of more than 8 bits
HEADER_FORMATS = tuple(name for name in FORMATS if name != "TIFF")  # their size stands at the beginning of the file
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
OTHER_SIGNATURES = {  # first bytes of files that are not pictures
    b"<": "HTML or XML",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "a gzip file",
    b"PK": "a ZIP file",
    b"{": "a JSON object",
    b"[": "a JSON list",
}

_STDERR_LOCK = threading.Lock()


class DeadlineBytesIO(io.BytesIO):
    """A file in memory that can be read for `timeout` seconds: decoders read it in pieces, so this stops them.

    Raises: UserError: from `read`, with code "time".
    """

    def __init__(self, content: bytes, timeout: float):
        super().__init__(content)
        self.deadline = time.monotonic() + timeout

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self.deadline:
            raise UserError("The picture takes too long to decode: send a smaller one, or as PNG.", "time")
        return io.BytesIO.read(self, size)  # super() would double the time of a call


def decode(source: str | os.PathLike | bytes, max_pixels: int = MAX_PIXELS, timeout: float = math.inf) -> Image.Image:
    """Decode a picture from a file or from bytes: upright, in RGB or 8-bit gray, transparency composited.

    Raises: UserError: with code "missing", "empty", "large" (more than MAX_FILE_BYTES), "format" (not in FORMATS, or in
    a form of one that is not supported), "damaged", "pixels" (more than `max_pixels`, found before decoding), or "time"
    (decoding takes more than `timeout` seconds, which is checked whenever the decoder reads bytes).
    """
    name = "The picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read_file(Path(source))
    if not content:
        raise UserError(f"{name} is empty (0 bytes): save or send it again.", "empty")
    compression = None
    try:
        with Image.open(DeadlineBytesIO(content, timeout), formats=tuple(FORMATS)) as image:
            compression = image.info.get("compression")
            if image.width * image.height > max_pixels:
                raise UserError(_too_large_message(name, f"{image.width}x{image.height} pixels", max_pixels), "pixels")
            with suppress_stderr() if image.format == "TIFF" else contextlib.nullcontext():
                image.load()
            if image.info:  # holds the orientation, if there is one
                ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb_or_gray(image)
    except UnidentifiedImageError:
        if format_name := _identify_by_signature(content):
            problem = f"is a damaged {format_name} picture, or one in a form that is not supported"
            raise UserError(f"{name} {problem}: save it as PNG or JPEG.", "damaged") from None
        raise UserError(
            f"{name} is not a {FORMAT_NAMES} picture but {describe_content(content)}: convert it.", "format"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(_too_large_message(name, "far too many pixels", max_pixels), "pixels") from None
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 # decoders raise exceptions of any type for broken bytes
        # Pillow says so in the message only; libtiff prints it to standard error.
        if "unsupported" in str(error).lower() or (compression == "webp" and "decoder error" in str(error)):
            reason = "WEBP in a TIFF file" if compression == "webp" else error
            raise UserError(
                f"{name} is in a form that is not supported ({reason}): save it as PNG or JPEG.", "format"
            ) from None
        raise UserError(f"{name} is damaged ({error}): save or send it again.", "damaged") from None


def describe_content(content: bytes) -> str:
    """Describe the content of a file that is not a picture, for an error message."""
    start = content[:60].lstrip()
    if content[4:8] == b"ftyp":
        return "AVIF" if content[8:12] in AVIF_BRANDS else "HEIC" if content[8:12] in HEIC_BRANDS else "a video"
    if not start:
        return "only white space"
    for signature, name in OTHER_SIGNATURES.items():
        if start.startswith(signature):
            return name
    try:  # an incremental decoder, as `start` may end within a character
        words = codecs.getincrementaldecoder(json.detect_encoding(start))().decode(start).split()
    except UnicodeDecodeError:
        words = []
    if words and "".join(words).isprintable():
        return f"text that begins with {' '.join(words)[:20]!r}"
    return f"binary data that begins with {start[:4].hex(' ')}"


def count_pixels(content: bytes) -> float:
    """Read width times height from a picture's header; infinity if it is in none of HEADER_FORMATS."""
    try:
        with Image.open(io.BytesIO(content), formats=HEADER_FORMATS) as image:
            return image.width * image.height
    except Exception:  # noqa: BLE001 # decoders raise exceptions of any type for broken bytes
        return math.inf


def is_picture(content: bytes) -> bool:
    """Whether `content` begins like a picture in one of FORMATS; its pixels are not decoded."""
    try:
        Image.open(io.BytesIO(content), formats=tuple(FORMATS)).close()
    except UnidentifiedImageError:
        return bool(_identify_by_signature(content))
    except Exception:  # noqa: BLE001 # broken or too large: `decode` raises the error for it
        return True
    return True


@contextlib.contextmanager
def suppress_stderr() -> Generator[None]:
    """Discard output to file descriptor 2 in this context: libtiff prints warnings there, between lines of the log."""
    with _STDERR_LOCK, open(os.devnull, "wb") as null:
        saved = os.dup(2)
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def read_limited(file: BinaryIO, name: str) -> bytes:
    """Read a file, pipe or device to its end.

    Raises: UserError: with code "large", when it has more than MAX_FILE_BYTES, as a device that never ends.
    """
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UserError(
            f"{name} is larger than {MAX_FILE_BYTES // 2**20} MB: send the picture as JPEG or PNG.", "large"
        )
    return content


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder with no pictures in it: name one that has some.", "missing")
        with path.open("rb") as file:
            return read_limited(file, str(path))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: check the name.", "missing") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", "missing") from None


def _identify_by_signature(content: bytes) -> str:
    """Name the format of a file that Pillow does not identify, as it is damaged or special; empty for other files."""
    return "TIFF" if content.startswith(TIFF_SIGNATURES) else ""


def _too_large_message(name: str, size: str, max_pixels: int) -> str:
    return f"{name} has {size}; at most {max_pixels / 1_000_000:g} million can be read: send a smaller one."


def _to_rgb_or_gray(image: Image.Image) -> Image.Image:
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
