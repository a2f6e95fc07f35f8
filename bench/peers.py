"""Other programs that read digits, for comparison on the same pictures: RapidOCR and Tesseract.

Both get what their documentation advises: dark writing on a light ground, a margin, small pictures enlarged; and of
what they read only the digits count. Their packages are the extra `peers`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from digits import UserError
from digits.errors import missing_package
from digits.recognition import image_decoding
from digits.recognition.reader import Reader

# The settings below read the most of every eighth single digit and of the numbers in the pictures of
# docs/recognition.md. RapidOCR reads each picture as one line: its text detector overlooked half of the single digits,
# and with its classifier of orientation fewer were right.
RAPIDOCR_PARAMS = {
    "Global.use_det": False,
    "Global.use_cls": False,
    "Global.log_level": "critical",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # as our reader in bench/handwriting.py
}
RAPIDOCR_MIN_SIDE = 48  # pixels: the height of the lines that its network reads; smaller pictures are enlarged
TESSERACT_SIDE = 48  # pixels: of most pictures digits become about 30 high, as its documentation advises
TESSERACT_MARGIN = 0.3  # of the shorter side: it looks for paper around the writing
DIGITS = "0123456789"


@dataclass(frozen=True)
class Peer:
    """A program that reads digits.

    name: with its version.
    read: returns the digits in an upright picture, in RGB or 8-bit gray; "" if there are none.
    """

    name: str
    read: Callable[[Image.Image], str]


@dataclass(frozen=True)
class PeerResult:
    """How a program read pictures: of each whether it is right, and the time in milliseconds."""

    correct: list[bool]
    ms: list[float]


def load_peers() -> list[Peer]:
    """Load RapidOCR and Tesseract.

    Raises: UserError: when one of them is not installed.
    """
    try:
        return [load_rapidocr(), load_tesseract()]
    except ModuleNotFoundError as error:
        raise missing_package(error) or error from None


def load_rapidocr() -> Peer:
    """Load RapidOCR with the networks in its package, on one thread."""
    # By its name, as in `load_tesseract`: the extra is not among the tools of the tests, so ty cannot resolve imports.
    engine = import_module("rapidocr").RapidOCR(params=RAPIDOCR_PARAMS)

    def read(image: Image.Image) -> str:
        gray = to_dark_on_light(image)
        gray = scale_to(gray, RAPIDOCR_MIN_SIDE) if min(gray.size) < RAPIDOCR_MIN_SIDE else gray
        return keep_digits(engine(np.asarray(gray.convert("RGB"))).txts)

    return Peer(f"RapidOCR {metadata.version('rapidocr')}", read)


def load_tesseract() -> Peer:
    """Load Tesseract, which reads each picture as one line of digits.

    Raises: UserError: when the program itself, which is no Python package, is missing.
    """
    pytesseract = import_module("pytesseract")
    try:
        version = pytesseract.get_tesseract_version()
    except pytesseract.TesseractNotFoundError:
        raise UserError("The program tesseract is not installed: run apt-get install tesseract-ocr.") from None
    config = f"--psm 7 -c tessedit_char_whitelist={DIGITS}"  # 7: one line of text; as one word (8) it read less

    def read(image: Image.Image) -> str:
        scaled = scale_to(to_dark_on_light(image), TESSERACT_SIDE)
        ground = int(np.median(np.asarray(scaled)))
        padded = ImageOps.expand(scaled, round(TESSERACT_MARGIN * TESSERACT_SIDE), ground)
        return keep_digits([pytesseract.image_to_string(padded, config=config)])

    return Peer(f"Tesseract {version}", read)


def as_peer(reader: Reader) -> Peer:
    """Make a peer of our own reader, which needs no preparation."""
    return Peer("Digits", lambda image: reader.read(image).text)


def to_dark_on_light(image: Image.Image) -> Image.Image:
    """Make a picture gray, and invert it if most of it is dark."""
    gray = image.convert("L")
    return ImageOps.invert(gray) if np.median(np.asarray(gray)) < 128 else gray


def scale_to(image: Image.Image, side: int) -> Image.Image:
    """Scale a picture so that its shorter side has `side` pixels."""
    scale = side / min(image.size)
    return image.resize((round(scale * image.width), round(scale * image.height)), Image.Resampling.BICUBIC)


def keep_digits(texts: Sequence[str] | None) -> str:
    """Join `texts` in reading order and drop all that are not digits; None is as no text."""
    return "".join(character for text in texts or () for character in text if character in DIGITS)


def measure(peer: Peer, paths: Sequence[Path]) -> PeerResult:
    """Read pictures named LABEL_WHO_NUMBER, each from the file to the digits."""
    correct, ms = [], []
    for path in tqdm(paths, peer.name, leave=False, disable=None):
        start = time.perf_counter()
        text = read_file(peer, path)
        ms.append(1_000 * (time.perf_counter() - start))
        correct.append(text == path.stem.split("_")[0])
    return PeerResult(correct, ms)


def read_file(peer: Peer, path: Path) -> str:
    """Return what `peer` reads in a file; "" where it is not a picture that we can decode."""
    try:
        return peer.read(image_decoding.decode(path))
    except UserError:
        return ""
