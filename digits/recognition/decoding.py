"""From the bytes of any picture to its pixels, upright, whatever their format."""

import codecs
import contextlib
import io
import json
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digits import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MAX_PIXELS = 64_000_000  # phones make up to 50 million; at most 20 bytes each are held while decoding
WHITE_LEVELS = (1, 255, 1023, 4095, 16383, 65535)  # white in pictures of more than 8 bits
HEADER_FORMATS = tuple(name for name in FORMATS if name != "TIFF")  # of one page, with their size at the beginning
SIGNATURES = {  # of files that are no pictures
    b"<": "HTML or XML",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "gzip without the header Content-Encoding: gzip",
    b"PK": "a ZIP file",
    b"{": "a JSON object, but cut off or misspelt",
    b"[": "a JSON list",
    b"--": "a form without the header Content-Type: multipart/form-data",
}

_STDERR_LOCK = threading.Lock()


class DeadlineBytesIO(io.BytesIO):
    """The bytes of a file, for some seconds: decoders ask for them piece by piece, and so are stopped.

    Errors, of what reads: UserError with code "time".
    """

    def __init__(self, content: bytes, timeout: float):
        super().__init__(content)
        self.deadline = time.monotonic() + timeout

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self.deadline:
            raise UserError("The picture takes too long to decode: send a smaller one, or as PNG.", "time")
        return io.BytesIO.read(self, size)  # super() takes as long as all else here


def decode(source: str | os.PathLike | bytes, max_pixels: int = MAX_PIXELS, timeout: float = math.inf) -> Image.Image:
    """The picture in a file or in bytes, upright, in RGB or 8-bit grey, transparency composited.

    Errors: UserError with code "missing", "empty", "format" (not a picture we read), "damaged", "pixels" (more
    than `max_pixels`; found before anything is decoded) or "time" (decoding takes more than `timeout` seconds, as far as that
    is seen when the decoder asks for bytes).
    """
    named = "The picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read_file(Path(source))
    if not content:
        raise UserError(f"{named} is empty (0 bytes): save or send it again.", "empty")
    try:
        with Image.open(DeadlineBytesIO(content, timeout), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise UserError(_too_large_message(named, f"{image.width}x{image.height} pixels", max_pixels), "pixels")
            with quiet_stderr() if image.format == "TIFF" else contextlib.nullcontext():
                image.load()
            if image.info:  # where an orientation would stand
                ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb_or_gray(image)
    except UnidentifiedImageError:
        formats = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise UserError(
            f"{named} is no {formats} picture but {describe_content(content)}: convert it.", "format"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(_too_large_message(named, "far too many pixels", max_pixels), "pixels") from None
    except UserError:
        raise
    except Exception as error:  # a decoder fed with broken bytes may raise anything at all
        raise UserError(f"{named} is damaged ({error}): save or send it again.", "damaged") from None


def describe_content(content: bytes) -> str:
    """What a file or a body that is no picture looks like, in words."""
    start = content[:60].lstrip()
    if content[4:8] == b"ftyp":
        return "AVIF, HEIC or a film"
    if not start:
        return "an empty body"
    for signature, name in SIGNATURES.items():
        if start.startswith(signature):
            return name
    try:  # incrementally, as `start` may end within a character
        words = codecs.getincrementaldecoder(json.detect_encoding(start))().decode(start).split()
    except UnicodeDecodeError:
        words = []
    if words and "".join(words).isprintable():
        return f"text that begins with {' '.join(words)[:20]!r}"
    return f"binary data that begins with {start[:4].hex(' ')}"


def count_pixels(content: bytes) -> float:
    """Width times height of a picture, from its header; infinity if that is not one of HEADER_FORMATS."""
    try:
        with Image.open(io.BytesIO(content), formats=HEADER_FORMATS) as image:
            return image.width * image.height
    except Exception:  # a decoder fed with broken bytes may raise anything at all
        return math.inf


def is_picture(content: bytes) -> bool:
    """Whether `content` begins as a picture in one of FORMATS does; nothing is decoded."""
    try:
        Image.open(io.BytesIO(content), formats=FORMATS).close()
    except UnidentifiedImageError:
        return False
    except Exception:  # one that is broken or too large: `decode` says how
        return True
    return True


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what is written to descriptor 2 meanwhile: libtiff prints its warnings there, between the log's lines."""
    with _STDERR_LOCK, open(os.devnull, "wb") as null:
        saved = os.dup(2)
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder with no pictures in it: name one that has some.", "missing")
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: check the name.", "missing") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", "missing") from None


def _too_large_message(named: str, found: str, max_pixels: int) -> str:
    return f"{named} has {found}; at most {max_pixels / 1_000_000:g} million can be read: send a smaller one."


def _to_rgb_or_gray(image: Image.Image) -> Image.Image:
    """Any mode as RGB or 8-bit grey; what is transparent gets the paper's color."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float32))
        # Such files hold anything from shares of 1 to 16 bits: the least range that fits is meant.
        white = next((top for top in WHITE_LEVELS if values.max() <= top), values.max())
        return Image.fromarray((255 * values / white).clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        mode = "L" if image.mode in ("1", "L") else "RGB"
        return image if image.mode == mode else image.convert(mode)  # which would copy it
    image = image.convert("RGBA")
    paper = Image.new("RGBA", image.size, _backdrop_color(image))
    return Image.alpha_composite(paper, image).convert("RGB")


def _backdrop_color(image: Image.Image) -> tuple[int, int, int]:
    """The color that belongs behind an RGBA picture.

    Where most is transparent, what is not is ink: paper contrasts with it. Else it is a sheet or a
    window with a transparent rim: the rim gets the sheet's color, the median.
    """
    small = np.asarray(image.reduce(max(1, min(image.size) // 128)), np.float32)  # enough to see that
    seen = small[small[..., 3] > 127][:, :3]  # (N, 3)
    if small[..., 3].mean() > 127:
        return tuple(int(value) for value in np.median(seen, axis=0))
    return (0, 0, 0) if len(seen) and seen.mean() > 127 else (255, 255, 255)
