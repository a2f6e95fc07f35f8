"""From any picture to the MNIST frame: find the ink, then put it where MNIST's makers put theirs.

A network only reads what looks like its training data. MNIST digits are white on black, 20 pixels
on their longer side, inside 28x28, centred by mass; a photo is nothing like that. The steps are
small and pure: `decode`, `ink`, `crop`, `frame`; `find` is all of them but the first.
"""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digits import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MAX_PIXELS = 64_000_000  # phones make up to 50 million; at most 20 bytes each are held while decoding
WORKING_SIDE = 1_000  # larger pictures are reduced to 1,000 to 1,999 pixels on the longer side; a frame has 28
NARROW = 100  # pixels that the shorter side keeps all the same: a long strip may have a digit across it
WIDE_RANGES = (1, 255, 1023, 4095, 16383, 65535)  # white in pictures of more than 8 bits
SIDE, BOX = 28, 20  # MNIST's frame, and the square in it that a digit fills
BLANK = 0.08  # least contrast, as a share of black to white, that counts as written
FAINT = 0.15  # what is below this share of the darkest ink is no edge of a digit

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are outside


def decode(source: str | os.PathLike | bytes) -> Image.Image:
    """The picture in a file or in bytes, upright, in RGB or 8-bit grey, transparency composited.

    Errors: UserError with code "missing", "empty", "format" (not a picture we read), "damaged" or
    "pixels" (more than MAX_PIXELS; found before anything is decoded).
    """
    named = "The picture" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _content(Path(source))
    if not content:
        raise UserError(f"{named} is empty (0 bytes): save or send it again.", "empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(_too_large(named, f"{image.width}x{image.height} pixels"), "pixels")
            return _flat(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        raise UserError(
            f"{named} is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture: convert it.", "format"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(_too_large(named, "far too many pixels"), "pixels") from None
    except UserError:
        raise
    except Exception as error:  # a decoder fed with broken bytes may raise anything at all
        raise UserError(f"{named} is damaged ({error}): save or send it again.", "damaged") from None


def ink(image: Image.Image) -> np.ndarray:
    """How much each pixel of a picture from `decode` differs from its paper: (H, W) float32, 0 to 1.

    The paper is the median colour of the border, so dark on light and light on dark are the same
    thing. 1 is the difference of black and white. Noise of the paper is taken off: 0 is no ink.
    """
    colours = np.asarray(image, np.float32).reshape(image.height, image.width, -1) / 255  # (H, W, C)
    edge = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    paper = np.median(edge, axis=0)
    difference = np.sqrt(((colours - paper) ** 2).mean(-1))
    grain = np.sqrt(((edge - paper) ** 2).mean(-1))
    noise = np.median(grain) + 4 * 1.4826 * np.median(np.abs(grain - np.median(grain)))
    return np.clip(difference - noise, 0, None) / max(1 - noise, 1e-6)


def crop(ink: np.ndarray) -> Box | None:
    """Where the writing in `ink` is, in its pixels; None if nothing is written."""
    peak = ink.max(initial=0)
    if peak < BLANK:
        return None
    written = ink > FAINT * peak
    rows, columns = written.any(1).nonzero()[0], written.any(0).nonzero()[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def frame(ink: np.ndarray, box: Box) -> np.ndarray:
    """The digit in `box` of `ink`, as MNIST's makers would have framed it: (28, 28) uint8.

    Longer side to 20 pixels, aspect kept, area-averaged; darkest ink 255; moved by whole pixels so
    that the centre of mass, in pixel indices, comes to 14. Source: LeCun's MNIST page. An image of
    MNIST comes back as it was. Ink up to one pixel outside the box stays: the soft edge of a stroke.
    """
    left, top, right, bottom = box
    scale = BOX / max(right - left, bottom - top)
    width, height = (max(1, round(length * scale)) for length in (right - left, bottom - top))
    rows = _coverage(top, bottom, height, ink.shape[0])
    columns = _coverage(left, right, width, ink.shape[1])
    digit = rows @ ink @ columns.T  # (height + 2, width + 2)
    digit = digit / digit.max()
    left, top = _start(digit.sum(0)), _start(digit.sum(1))
    framed = np.zeros((SIDE + 2, SIDE + 2), np.float32)  # the soft edge may fall outside the frame
    framed[top : top + height + 2, left : left + width + 2] = digit
    return (framed[1:-1, 1:-1] * 255).round().astype(np.uint8)


def find(image: Image.Image) -> list[tuple[np.ndarray, Box]]:
    """The digits of a picture from `decode`, each as its frame and its box; none if it is blank.

    For now the whole writing is one digit.
    """
    factor = max(1, min(max(image.size) // WORKING_SIDE, min(image.size) // NARROW))
    found = ink(image.reduce(factor) if factor > 1 else image)
    box = crop(found)
    if box is None:
        return []
    limits = (image.width, image.height) * 2
    return [(frame(found, box), tuple(min(x * factor, limit) for x, limit in zip(box, limits, strict=True)))]


def _coverage(start: int, end: int, parts: int, length: int) -> np.ndarray:
    """How an axis of `length` pixels is averaged into `parts` of [start, end) and one more each side.

    (parts + 2, length) float32: the share that each pixel has in each part; outside there is no ink.
    """
    step = (end - start) / parts
    edges = start + step * np.arange(-1, parts + 2, dtype=np.float32)[:, None]
    pixels = np.arange(length, dtype=np.float32)
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return overlap.clip(0) / step


def _start(mass: np.ndarray) -> int:
    """Where in a frame with one more pixel on each side `mass` (L,) begins, to have its centre central."""
    centre = (mass * np.arange(len(mass))).sum() / mass.sum()
    return int(np.clip(round(SIDE / 2 - centre) + 1, 0, SIDE + 2 - len(mass)))


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder with no pictures in it: name one that has some.", "missing")
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: check the name.", "missing") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", "missing") from None


def _too_large(named: str, found: str) -> str:
    return f"{named} has {found}; at most {MAX_PIXELS // 1_000_000} million can be read: send a smaller one."


def _flat(image: Image.Image) -> Image.Image:
    """Any mode as RGB or 8-bit grey; what is transparent gets the paper's colour."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float32))
        # Such files hold anything from shares of 1 to 16 bits: the least range that fits is meant.
        white = next((top for top in WIDE_RANGES if values.max() <= top), values.max())
        return Image.fromarray((255 * values / white).clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L" if image.mode in ("1", "L") else "RGB")
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
