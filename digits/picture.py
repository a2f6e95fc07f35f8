"""From the bytes of any picture to its pixels, upright, whatever their format."""

import io
import math
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digits import Later, UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MAX_PIXELS = 64_000_000  # phones make up to 50 million; at most 20 bytes each are held while decoding
LARGE = 1_000_000  # pixels; with more, reading takes 30 ms and longer
WIDE_RANGES = (1, 255, 1023, 4095, 16383, 65535)  # white in pictures of more than 8 bits


class Timed(io.BytesIO):
    """The bytes of a file, for some seconds: decoders ask for them piece by piece, and so are stopped.

    Errors, of what reads: UserError with code "time".
    """

    def __init__(self, content: bytes, seconds: float):
        super().__init__(content)
        self.end = time.monotonic() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self.end:
            raise UserError("The picture takes too long to decode: send a smaller one, or as PNG.", "time")
        return io.BytesIO.read(self, size)  # super() takes as long as all else here


def decode(
    source: str | os.PathLike | bytes, most: int = MAX_PIXELS, seconds: float = math.inf, quick: bool = False
) -> Image.Image:
    """The picture in a file or in bytes, upright, in RGB or 8-bit grey, transparency composited.

    Errors: UserError with code "missing", "empty", "format" (not a picture we read), "damaged", "pixels" (more
    than `most`; found before anything is decoded) or "time" (decoding takes more than `seconds`, as far as that
    is seen when the decoder asks for bytes). Later, where it is to be `quick` and the picture has more than LARGE.
    """
    named = "The picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _content(Path(source))
    if not content:
        raise UserError(f"{named} is empty (0 bytes): save or send it again.", "empty")
    try:
        with Image.open(Timed(content, seconds), formats=FORMATS) as image:
            if image.width * image.height > most:
                raise UserError(_too_large(named, f"{image.width}x{image.height} pixels", most), "pixels")
            if quick and image.width * image.height > LARGE:
                raise Later
            image.load()
            if image.info:  # where an orientation would stand
                ImageOps.exif_transpose(image, in_place=True)
            return _flat(image)
    except UnidentifiedImageError:
        raise UserError(
            f"{named} is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture: convert it.", "format"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(_too_large(named, "far too many pixels", most), "pixels") from None
    except UserError:
        raise
    except Exception as error:  # a decoder fed with broken bytes may raise anything at all
        raise UserError(f"{named} is damaged ({error}): save or send it again.", "damaged") from None


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder with no pictures in it: name one that has some.", "missing")
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: check the name.", "missing") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", "missing") from None


def _too_large(named: str, found: str, most: int) -> str:
    return f"{named} has {found}; at most {most / 1_000_000:g} million can be read: send a smaller one."


def _flat(image: Image.Image) -> Image.Image:
    """Any mode as RGB or 8-bit grey; what is transparent gets the paper's colour."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float32))
        # Such files hold anything from shares of 1 to 16 bits: the least range that fits is meant.
        white = next((top for top in WIDE_RANGES if values.max() <= top), values.max())
        return Image.fromarray((255 * values / white).clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        mode = "L" if image.mode in ("1", "L") else "RGB"
        return image if image.mode == mode else image.convert(mode)  # which would copy it
    image = image.convert("RGBA")
    paper = Image.new("RGBA", image.size, _paper(image))
    return Image.alpha_composite(paper, image).convert("RGB")


def _paper(image: Image.Image) -> tuple[int, int, int]:
    """The colour that belongs behind an RGBA picture.

    Where most is transparent, what is not is ink: paper contrasts with it. Else it is a sheet or a
    window with a transparent rim: the rim gets the sheet's colour, the median.
    """
    small = np.asarray(image.reduce(max(1, min(image.size) // 128)), np.float32)  # enough to see that
    seen = small[small[..., 3] > 127][:, :3]  # (N, 3)
    if small[..., 3].mean() > 127:
        return tuple(int(value) for value in np.median(seen, axis=0))
    return (0, 0, 0) if len(seen) and seen.mean() > 127 else (255, 255, 255)
