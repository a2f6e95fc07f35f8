"""Picture decoding: files in any of FORMATS to upright images in RGB or 8-bit gray, page by page."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from PIL import Image, UnidentifiedImageError

from digits import UserError
from digits.recognition.formats import PILLOW_FORMATS, TIFF_SIGNATURES, detect_sandboxed_format
from digits.recognition.pillow_decoding import DeadlineBytesIO, PillowFile, is_animated
from digits.recognition.sandbox import SandboxedFile

# Phones take up to 50 million; decoding holds up to 21 bytes for each, 28 of a transparent WEBP.
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 2**29  # MAX_PIXELS of an uncompressed picture with three channels of 16 bits
# s of CPU time: with what follows, a file is refused within 2, except large HEIC, AVIF and JXL files. JPEG files of 64
# megapixels take 0.4 to 1.0, files of 12 megapixels in any other format 0.8 or less.
MAX_DECODE_SECONDS = 1.5
HEADER_SECONDS = 0.1  # of CPU time to read a header; a PPM file may begin with megabytes of comments
HEADER_FORMATS = tuple(name for name in PILLOW_FORMATS if name != "TIFF")  # their size stands at the beginning


class PictureFile(Protocol):
    """A picture file with `page_count` pages; files in other formats than TIFF and PDF have one."""

    page_count: int

    def images(self, page: int = 1) -> Iterator[Image.Image]:
        """Decode the images of a `page`, from 1: one, or the frames of an animation in their order.

        Returns: images in RGB or 8-bit gray, upright, with transparency composited.
        Raises: UserError: as `decode` does.
        """
        ...


def decode(
    source: str | os.PathLike | bytes, max_pixels: int = MAX_PIXELS, timeout: float = MAX_DECODE_SECONDS
) -> Image.Image:
    """Decode a picture from a file or from bytes, of several pages or frames the first: as `PictureFile.images`.

    timeout: seconds of CPU time, checked whenever Pillow's decoder reads bytes.

    Raises: UserError: with code "missing", "empty", "large" (more than MAX_FILE_BYTES), "format" (not in FORMATS, in a
    form of one that is not supported, or its decoder is not installed), "damaged", "pixels" (more than `max_pixels`,
    found before decoding), "pages" (more than MAX_PAGES), or "time" (more than `timeout`).
    """
    return next(open_file(source, max_pixels, timeout).images())


def open_file(
    source: str | os.PathLike | bytes, max_pixels: int = MAX_PIXELS, timeout: float = MAX_DECODE_SECONDS
) -> PictureFile:
    """Open a picture file, given by its path or content, to decode its pages; arguments and errors as of `decode`."""
    name = "The picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read_file(Path(source))
    if not content:
        raise UserError(f"{name} is empty (0 bytes): save or send it again.", "empty")
    if format_name := detect_sandboxed_format(content):
        return SandboxedFile(name, content, format_name, max_pixels, timeout)
    return PillowFile(name, content, max_pixels, timeout)


def count_pixels(content: bytes) -> float:
    """Read width times height from a picture's header; infinity for an animation, and for other than HEADER_FORMATS."""
    if detect_sandboxed_format(content):  # a plain PPM file
        return math.inf
    try:
        with Image.open(DeadlineBytesIO(content, HEADER_SECONDS), formats=HEADER_FORMATS) as image:
            return math.inf if is_animated(image) else image.width * image.height
    except Exception:  # noqa: BLE001 # decoders raise exceptions of any type for broken bytes
        return math.inf


def is_picture(content: bytes) -> bool:
    """Whether `content` begins like a picture in one of FORMATS; its pixels are not decoded."""
    if detect_sandboxed_format(content):
        return True
    try:
        Image.open(DeadlineBytesIO(content, HEADER_SECONDS), formats=tuple(PILLOW_FORMATS)).close()
    except UnidentifiedImageError:
        return content.startswith(TIFF_SIGNATURES)
    except Exception:  # noqa: BLE001 # broken or too large: `decode` raises the error for it
        return True
    return True


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
