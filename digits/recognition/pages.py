"""Reading the pages of a picture file: a blank page or frame is not the whole file."""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

from digits import UserError
from digits.recognition.image_decoding import PictureFile
from digits.recognition.reader import Reader
from digits.recognition.results import Trace

# Of a file with blank pages in front, as many are read, each in up to 0.4 s of CPU time.
MAX_SEARCHED_PAGES = 5
# Of blank frames at the beginning of an animation, as many are read: 66 of 500x500.
MAX_SEARCHED_PIXELS = 16_000_000


class PageTrace(NamedTuple):
    """A page, or a frame of an animation, and how it was read."""

    image: Image.Image
    trace: Trace

    @property
    def is_blank(self) -> bool:
        error = self.trace.reading.error
        return error is not None and error.code == "blank"


def trace_page(reader: Reader, file: PictureFile, page: int) -> PageTrace:
    """Read a `page`, from 1; of an animation the first frame with writing, or the first one if all are blank.

    Raises: UserError: with code "page" when the file has no such page; as `image_decoding.decode` does.
    """
    if page > file.page_count:
        pages = f"{file.page_count} pages" if file.page_count > 1 else "1 page"
        raise UserError(f"There is no page {page}: the file has {pages}.", "page")
    traces = (_trace(reader, image, page, file.page_count) for image in _first_images(file, page))
    first = next(traces)
    return next((trace for trace in (first, *traces) if not trace.is_blank), first)


def trace_first_written_page(reader: Reader, file: PictureFile) -> PageTrace:
    """Read the first page with writing.

    Raises: UserError: with code "blank" when several pages are blank; as `image_decoding.decode` does.
    """
    for page in range(1, min(file.page_count, MAX_SEARCHED_PAGES) + 1):
        trace = trace_page(reader, file, page)
        if not trace.is_blank or file.page_count == 1:
            return trace
    if page < file.page_count:
        message = f"The first {page} of {file.page_count} pages are blank: choose another with ?page=N."
        raise UserError(message, "blank")
    raise UserError(f"Nothing is written on the {page} pages: draw or photograph a digit.", "blank")


def _trace(reader: Reader, image: Image.Image, page: int, page_count: int) -> PageTrace:
    trace = reader.trace(image)
    reading = dataclasses.replace(trace.reading, page=page, pages=page_count)
    return PageTrace(image, dataclasses.replace(trace, reading=reading))


def _first_images(file: PictureFile, page: int) -> Iterator[Image.Image]:
    """Decode the images of a page until they have MAX_SEARCHED_PIXELS."""
    pixels = 0
    for image in file.images(page):
        yield image
        pixels += image.width * image.height
        if pixels >= MAX_SEARCHED_PIXELS:
            return
