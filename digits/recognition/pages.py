"""Reading the pages of a picture file: a blank page or frame is not the whole file."""

import dataclasses
import os
import time
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

from digits import UserError
from digits.recognition.image_decoding import PictureFile
from digits.recognition.reader import Reader
from digits.recognition.results import Trace

# Of a file with blank pages in front, as many are read, but no further one after so many seconds of CPU time. A blank
# page takes 0.4, that of a scan in a PDF file up to 1.
MAX_SEARCHED_PAGES = 5
MAX_SEARCH_SECONDS = 1.2
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
    """Read the first page with digits; if there are several pages, blank and damaged ones are passed over.

    Raises: UserError: with code "crowded" or "time" for a page that takes long, as the others may; when no page has
    digits, with the error of the first that is not blank; as `image_decoding.decode` does.
    """
    if file.page_count == 1:
        return trace_page(reader, file, 1)
    start, errors = _cpu_seconds(), []
    for page in range(1, min(file.page_count, MAX_SEARCHED_PAGES) + 1):
        result = _trace_or_error(reader, file, page)
        if isinstance(result, PageTrace):
            return result
        if result.code in ("crowded", "time"):
            raise result
        errors.append(result)
        if _cpu_seconds() - start > MAX_SEARCH_SECONDS:
            break
    error = next((error for error in errors if error.code != "blank"), None)
    if error:
        raise error
    if page < file.page_count:
        blank = f"The first {page} of {file.page_count} pages are" if page > 1 else f"Page 1 of {file.page_count} is"
        message = f"{blank} blank: choose another with ?page=N."
    else:
        message = f"Nothing is written on the {page} pages: draw or photograph a digit."
    raise UserError(message, "blank")


def _cpu_seconds() -> float:
    """Return the CPU time of this thread and of the sandboxes that have ended."""
    times = os.times()
    return time.thread_time() + times.children_user + times.children_system


def _trace_or_error(reader: Reader, file: PictureFile, page: int) -> PageTrace | UserError:
    """Read a page. Returns: why it has no digits, if it has none."""
    try:
        result = trace_page(reader, file, page)
    except UserError as error:
        return error
    return result.trace.reading.error or result


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
