"""Decoding of the formats in SANDBOXED_FORMATS by `sandboxed_decoder`, a process of its own with limits."""

import importlib.util
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, features

from digits import UserError
from digits.errors import missing_package
from digits.recognition.color_conversion import to_rgb_or_gray
from digits.recognition.formats import FORMATS
from digits.recognition.pillow_decoding import MAX_PAGES

PROGRAM = Path(__file__).with_name("sandboxed_decoder.py")
MAX_WALL_SECONDS = 60  # a process that uses no CPU time, or gets none, ends after these
CRASHED: dict[str, Any] = {
    "error": "is damaged, or takes too much memory to decode: save it as PNG or JPEG",
    "code": "damaged",
}
_LOCK = threading.Lock()  # for one process at a time, as each may take 2 GB


class SandboxedFile:
    """A `PictureFile` in one of SANDBOXED_FORMATS. Of an animation only the first frame is decoded.

    timeout: seconds of CPU time for each page.

    Raises: UserError: as `image_decoding.decode` does; so does `images`.
    """

    def __init__(self, name: str, content: bytes, format_name: str, max_pixels: int, timeout: float):
        self._name, self._content, self._format_name = name, content, format_name
        self._max_pixels, self._timeout = max_pixels, timeout
        check_decoder(name, format_name)
        self._first, self.page_count = self._decode(1)
        if self.page_count > MAX_PAGES:
            raise UserError(f"{name} has more than {MAX_PAGES:,} pages: split it.", "pages")

    def images(self, page: int = 1) -> Iterator[Image.Image]:
        image = self._first if page == 1 else self._decode(page)[0]
        yield to_rgb_or_gray(image)

    def _decode(self, page: int) -> tuple[Image.Image, int]:
        """Decode a page. Returns: the image, and the number of pages in the file."""
        # -P: the program's folder does not come into sys.path, where its modules could hide those of other packages.
        arguments = [self._format_name, str(page), str(self._max_pixels), str(self._timeout)]
        try:
            with _LOCK:
                process = subprocess.run(
                    [sys.executable, "-P", str(PROGRAM), *arguments],
                    input=self._content,
                    capture_output=True,
                    timeout=MAX_WALL_SECONDS,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            raise self._timeout_error() from None
        if process.returncode == -signal.SIGPROF:
            raise self._timeout_error()
        line, _, pixels = process.stdout.partition(b"\n")
        header: dict[str, Any] = json.loads(line) if line and not process.returncode else CRASHED
        if "error" in header:
            raise UserError(f"{self._name} {header['error']}.", header["code"])
        return Image.frombytes(header["mode"], header["size"], pixels), header["page_count"]

    def _timeout_error(self) -> UserError:
        return UserError(f"{self._name} takes too long to decode: send a smaller one, or as JPEG.", "time")


def check_decoder(name: str, format_name: str) -> None:
    """Check that what decodes a format is installed. Raises: UserError: with code "format"."""
    package = FORMATS[format_name].package
    if package and not importlib.util.find_spec(package):
        error = missing_package(ModuleNotFoundError(name=package))
        raise UserError(f"{name} is in the format {format_name}: {error}", "format")
    if format_name == "AVIF" and not features.check("avif"):
        raise UserError(f"{name} is in the format AVIF, which this Pillow does not read: save it as PNG.", "format")
