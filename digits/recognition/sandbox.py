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
from digits.recognition.pillow_decoding import MAX_PAGES, too_large_error

PROGRAM = Path(__file__).with_name("sandboxed_decoder.py")
MAX_WALL_SECONDS = 60  # a process that uses no CPU time, or gets none, ends after these
MAX_FRAMES = 5  # of an animation: later ones are ignored, as it takes 0.2 s or more to decode one
CRASHED: dict[str, Any] = {
    "error": "is damaged, or takes too much memory to decode: save it as PNG or JPEG",
    "code": "damaged",
}
_LOCK = threading.Lock()  # for one process at a time: each may take 2 GB


class SandboxedFile:
    """A `PictureFile` in one of SANDBOXED_FORMATS.

    timeout: seconds of CPU time for each page or frame.

    Raises: UserError: as `image_decoding.decode` does; so does `images`.
    """

    def __init__(self, name: str, content: bytes, format_name: str, max_pixels: int, timeout: float):
        self._name, self._content, self._format_name = name, content, format_name
        self._max_pixels, self._timeout = max_pixels, timeout
        check_decoder(name, format_name)
        self._first, count = self._decode(1)
        has_pages = format_name == "PDF"
        self.page_count = count if has_pages else 1
        self._frame_count = 1 if has_pages else min(count, MAX_FRAMES)
        if self.page_count > MAX_PAGES:
            raise UserError(f"{name} has more than {MAX_PAGES:,} pages: split it.", "pages")

    def images(self, page: int = 1) -> Iterator[Image.Image]:
        for number in range(page, page + self._frame_count):
            yield to_rgb_or_gray(self._first if number == 1 else self._decode(number)[0])

    def _decode(self, number: int) -> tuple[Image.Image, int]:
        """Decode the page or frame of a `number`, from 1. Returns: the image, and how many the file has."""
        header, pixels = self._run(number)
        if header.get("code") == "pixels":
            raise too_large_error(self._name, header["error"], self._max_pixels)
        if "error" in header:
            raise UserError(f"{self._name} {header['error']}.", header["code"])
        return Image.frombytes(header["mode"], header["size"], pixels), header["count"]

    def _run(self, number: int) -> tuple[dict[str, Any], memoryview]:
        """Run the decoder in its process. Returns: the values of its first line, and the pixels."""
        # -P: the program's folder does not come into sys.path, where its modules could hide those of other packages.
        command = [sys.executable, "-P", str(PROGRAM), self._format_name]
        command += [str(number), str(self._max_pixels), str(self._timeout)]
        try:
            with _LOCK:
                # In a group of its own: Ctrl+C ends the server, which first lets its requests finish.
                process = subprocess.run(
                    command,
                    input=self._content,
                    capture_output=True,
                    timeout=MAX_WALL_SECONDS,
                    check=False,
                    process_group=0,
                )
        except subprocess.TimeoutExpired:
            raise self._timeout_error() from None
        if process.returncode == -signal.SIGPROF:
            raise self._timeout_error()
        end = process.stdout.find(b"\n")
        header = CRASHED if process.returncode else json.loads(process.stdout[:end])
        return header, memoryview(process.stdout)[end + 1 :]

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
