"""The picture formats that are read, and how files begin that Pillow does not identify."""

import codecs
import json
import re
from typing import NamedTuple


class Format(NamedTuple):
    """A picture format.

    suffixes: of its files, in lower case.
    media_type: for HTTP; None where none is registered.
    package: what decodes it, by the name under which it is imported, of the extra `formats`; None for Pillow itself.
    """

    suffixes: tuple[str, ...]
    media_type: str | None
    package: str | None = None


# By Pillow's names. Pillow decodes them in pieces, between which `image_decoding` can stop it.
PILLOW_FORMATS = {
    "PNG": Format((".png",), "image/png"),
    "JPEG": Format((".jpg", ".jpeg"), "image/jpeg"),
    "WEBP": Format((".webp",), "image/webp"),
    "GIF": Format((".gif",), "image/gif"),
    "BMP": Format((".bmp",), "image/bmp"),
    "TIFF": Format((".tif", ".tiff"), "image/tiff"),
    "PPM": Format((".ppm", ".pgm", ".pbm"), None),
}
# Decoded by `sandboxed_decoder`, in a process of its own. So are plain PPM files: a megabyte of comments keeps Pillow
# busy for seconds.
SANDBOXED_FORMATS = {
    "AVIF": Format((".avif",), "image/avif"),
    "HEIC": Format((".heic", ".heif"), "image/heic", "pillow_heif"),
    "JXL": Format((".jxl",), "image/jxl", "pillow_jxl"),
    "SVG": Format((".svg",), "image/svg+xml", "resvg_py"),
    "PDF": Format((".pdf",), "application/pdf", "pypdfium2"),
}
# tests/recognition/test_formats.py compares the other places that list the formats.
FORMATS = PILLOW_FORMATS | SANDBOXED_FORMATS
SUFFIXES = tuple(suffix for known in FORMATS.values() for suffix in known.suffixes)
FORMAT_NAMES = f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PLAIN_PPM = re.compile(rb"P[123]\s+[#\d]")  # with numbers as text
HTML = re.compile(rb"<!doctype html|<html", re.IGNORECASE)
JXL_SIGNATURES = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
# Brands in the first box of a file, ISO/IEC 23008-12 and the AVIF specification. Files in both formats have mif1, too.
AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
MAX_BRANDS_BYTES = 256  # files have about ten brands of 4 bytes
MAX_PROLOG_BYTES = 65_536  # before the root element of an SVG file: declaration, comments, document type
SVG_ROOT = re.compile(rb"<(\w+:)?svg[\s>]")
OTHER_SIGNATURES = {  # first bytes of files that are not pictures
    b"<": "HTML or XML",
    b"\x1f\x8b": "a gzip file",
    b"PK": "a ZIP file",
    b"{": "a JSON object",
    b"[": "a JSON list",
}


def detect_sandboxed_format(content: bytes) -> str | None:
    """Return the name of the format of a file that `sandboxed_decoder` decodes; None for any other file."""
    start = content[:MAX_PROLOG_BYTES]
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        start = start.decode("utf-16", "ignore").encode()
    start = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith(b"%PDF-"):
        return "PDF"
    if start.startswith(b"<") and SVG_ROOT.search(start) and not HTML.search(start):
        return "SVG"
    if PLAIN_PPM.match(content):
        return "PPM"
    if content.startswith(JXL_SIGNATURES):
        return "JXL"
    brands = _brands(content)
    return "AVIF" if brands & AVIF_BRANDS else "HEIC" if brands & HEIC_BRANDS else None


def describe_content(content: bytes) -> str:
    """Describe the content of a file that is not a picture, for an error message."""
    start = content[:60].lstrip()
    if _brands(content):
        return "a video"
    if not start:
        return "only white space"
    for signature, name in OTHER_SIGNATURES.items():
        if start.startswith(signature):
            return name
    try:  # an incremental decoder, as `start` may end within a character
        words = codecs.getincrementaldecoder(json.detect_encoding(start))().decode(start).split()
    except UnicodeDecodeError:
        words = []
    if words and "".join(words).isprintable():
        return f"text that begins with {' '.join(words)[:20]!r}"
    return f"binary data that begins with {start[:4].hex(' ')}"


def _brands(content: bytes) -> set[bytes]:
    """Return the brands that an ISO base media file (HEIC, AVIF, MP4) names in its first box; empty for other files."""
    if content[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(content[:4]), MAX_BRANDS_BYTES)
    return {content[8:12]} | {content[i : i + 4] for i in range(16, size, 4)}
