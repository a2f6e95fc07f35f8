"""Decoding of the formats in PILLOW_FORMATS: pages and frames, a limit on the time, and errors as UserErrors."""

import contextlib
import io
import os
import threading
import time
from collections.abc import Generator, Iterator

from PIL import Image, ImageOps, UnidentifiedImageError

from digits import UserError
from digits.recognition.color_conversion import to_rgb_or_gray
from digits.recognition.formats import FORMAT_NAMES, PILLOW_FORMATS, TIFF_SIGNATURES, describe_content

# Bytes that are decoded between checks of the time: so many may hold a scan of 64 megapixels of a progressive file.
# Pillow's default is 65,536.
JPEG_BLOCK = 1024
MAX_PAGES = 1_000  # of a file; it takes 0.1 s to find them
MAX_FRAMES = 100  # of an animation: later ones are ignored
ANIMATED_FORMATS = ("GIF", "WEBP", "PNG")
NEW_SUBFILE_TYPE = 254  # a TIFF tag
PREVIEW_OR_MASK = 0b101  # its bits of images that are no pages

_STDERR_LOCK = threading.Lock()


class DeadlineBytesIO(io.BytesIO):
    """A file in memory that the current thread can read for `timeout` seconds of its CPU time.

    Decoders read it in pieces, so this stops them. `restart` moves the deadline to `timeout` seconds from then.

    Raises: UserError: from `read`, with code "time".
    """

    def __init__(self, content: bytes, timeout: float):
        super().__init__(content)
        self.timeout = timeout
        self.restart()

    def restart(self) -> None:
        self.deadline = time.thread_time() + self.timeout

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self.deadline:
            raise UserError("The picture takes too long to decode: send a smaller one, or as JPEG.", "time")
        return io.BytesIO.read(self, size)  # super() would double the time of a call


class PillowFile:
    """A `PictureFile` in one of PILLOW_FORMATS. It decodes each image when it is asked for.

    timeout: seconds of CPU time to find the pages, and for each image.

    Raises: UserError: as `image_decoding.decode` does; so does `images`.
    """

    def __init__(self, name: str, content: bytes, max_pixels: int, timeout: float):
        self._name, self._max_pixels = name, max_pixels
        self._file = DeadlineBytesIO(content, timeout)
        try:
            with _user_errors(name, max_pixels):
                self._image = Image.open(self._file, formats=tuple(PILLOW_FORMATS))
                self._pages = _find_pages(self._image) if self._image.format == "TIFF" else [0]
        except UnidentifiedImageError:
            raise _unidentified_error(name, content) from None
        self._has_frames = is_animated(self._image)
        self.page_count = len(self._pages)
        if self.page_count > MAX_PAGES:
            raise UserError(f"{name} has more than {MAX_PAGES:,} pages: split it.", "pages")

    def images(self, page: int = 1) -> Iterator[Image.Image]:
        first = self._pages[page - 1]
        frame_count = MAX_FRAMES if self._has_frames else 1
        for index in range(first, first + frame_count):
            self._file.restart()
            with _user_errors(self._name, self._max_pixels, self._image):
                try:
                    self._image.seek(index)
                except EOFError:
                    return
                image = self._decode()
            yield image

    def _decode(self) -> Image.Image:
        """Decode the page or frame at which the file stands."""
        image = self._image
        if image.width * image.height > self._max_pixels:
            raise too_large_error(self._name, f"{image.width}x{image.height} pixels", self._max_pixels)
        if image.format in ("JPEG", "MPO"):  # MPO is JPEG with several pictures, as some cameras write it
            image.decodermaxblock = JPEG_BLOCK
        with suppress_stderr() if image.format == "TIFF" else contextlib.nullcontext():
            image.load()
        if self._has_frames or self.page_count > 1:
            image = image.copy()  # the next one is decoded over it
        if image.info:  # holds the orientation, if there is one
            ImageOps.exif_transpose(image, in_place=True)
        return to_rgb_or_gray(image)


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


def is_animated(image: Image.Image) -> bool:
    """Whether an opened image is an animation of which the second frame can be found."""
    try:
        return image.format in ANIMATED_FORMATS and getattr(image, "is_animated", False)
    except Exception:  # noqa: BLE001 # broken after the first frame
        return False


def too_large_error(name: str, size: str, max_pixels: int) -> UserError:
    """Return the error for a picture of a `size` above `max_pixels`."""
    return UserError(
        f"{name} has {size}; at most {max_pixels / 1_000_000:g} million can be read: send a smaller one.", "pixels"
    )


def _find_pages(image: Image.Image) -> list[int]:
    """Return the indices of at most MAX_PAGES + 1 pages of a TIFF file, without previews and masks.

    A page that is broken or not supported is one of them, and raises its error when it is decoded.
    """
    pages, is_broken = [], False
    for index in range(MAX_PAGES + 1):
        was_broken, is_broken = is_broken, False
        try:
            image.seek(index)
        except EOFError:
            break
        except UserError:  # from DeadlineBytesIO
            raise
        except Exception:  # noqa: BLE001 # decoders raise exceptions of any type for broken bytes
            is_broken = True
        if is_broken and was_broken:
            break  # Pillow does not find what follows a broken list of tags
        if is_broken or not getattr(image, "tag_v2", {}).get(NEW_SUBFILE_TYPE, 0) & PREVIEW_OR_MASK:
            pages.append(index)
    return pages or [0]


@contextlib.contextmanager
def _user_errors(name: str, max_pixels: int, image: Image.Image | None = None) -> Generator[None]:
    """Turn the exceptions of decoders into UserErrors, except UnidentifiedImageError."""
    try:
        yield
    except (UserError, UnidentifiedImageError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_large_error(name, "far too many pixels", max_pixels) from None
    except Exception as error:  # noqa: BLE001 # decoders raise exceptions of any type for broken bytes
        # Pillow says so in the message only; libtiff prints it to standard error.
        is_webp = image is not None and image.info.get("compression") == "webp"
        if "unsupported" in str(error).lower() or (is_webp and "decoder error" in str(error)):
            reason = "WEBP in a TIFF file" if is_webp else error
            message = f"{name} is in a form that is not supported ({reason}): save it as PNG or JPEG."
            raise UserError(message, "format") from None
        raise UserError(f"{name} is damaged ({error}): save or send it again.", "damaged") from None


def _unidentified_error(name: str, content: bytes) -> UserError:
    """Return the error for a file that Pillow does not identify: not a picture, or a damaged or special TIFF file."""
    if content.startswith(TIFF_SIGNATURES):
        problem = "is a damaged TIFF picture, or one in a form that is not supported"
        return UserError(f"{name} {problem}: save it as PNG or JPEG.", "damaged")
    description = describe_content(content)
    return UserError(f"{name} is not a {FORMAT_NAMES} picture but {description}: convert it.", "format")
