"""The list of picture formats is the same everywhere; what Pillow does not decode in them is not called damaged."""

import io
import re
import struct
from pathlib import Path

import pytest
from PIL import Image

from bench.sample_images import encode_image
from digits import UserError
from digits.recognition import image_decoding
from digits.recognition.formats import FORMATS

WHITE = Image.new("L", (60, 60), 255)
NAMES_IN_DOCUMENTS = re.compile(r"PNG, JPEG, [\w(), ]+? (?:and|or) \w+")


def tiff_with_compression(code: int) -> bytes:
    """A TIFF file whose header names another compression than its content has."""
    content = bytearray(encode_image(WHITE, "TIFF", compression="tiff_deflate"))
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, entry) == (259,):
            struct.pack_into("<H", content, entry + 8, code)
    return bytes(content)


def bmp(bits: int, masks: tuple[int, int, int, int] = (0, 0, 0, 0)) -> bytes:
    """A BMP file of 8×8 pixels with a bit mask for each of red, green, blue and alpha."""
    pixels = bytes(8 * bits)
    header = struct.pack("<IiiHHIIiiII4I", 108, 8, 8, 1, bits, 3 if any(masks) else 0, len(pixels), 0, 0, 0, 0, *masks)
    header = header.ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tiff_with_compression(50001), "WEBP in a TIFF file"),
        (tiff_with_compression(9999), "TIFF picture, or one in a form"),
        (bmp(16, (0xF00, 0xF0, 0xF, 0xF000)), "bitfields"),
        (bmp(64), "pixel depth"),
    ],
    ids=["WEBP in TIFF", "unknown compression in TIFF", "RGBA4444 BMP", "64-bit BMP"],
)
def test_form_that_is_not_supported_is_reported_as_such(content, reason):
    with pytest.raises(UserError, match=r"not supported.*save it as PNG or JPEG") as error:
        image_decoding.decode(content)
    assert reason in str(error.value)


def test_damaged_tiff_is_still_damaged():
    content = encode_image(WHITE, "TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(content)) as image:
        (offset,) = image.tag_v2[273]
    with pytest.raises(UserError) as error:
        image_decoding.decode(content[:offset] + bytes(4) + content[offset + 4 :])
    assert error.value.code == "damaged"


@pytest.mark.parametrize("path", ["docs/recognition.md", "docs/api.md", "SECURITY.md"])
def test_documents_name_all_formats(path):
    (found, *others) = NAMES_IN_DOCUMENTS.findall(Path(path).read_text())
    for names in (found, *others):
        assert re.findall(r"[A-Z]{3,}", names) == list(FORMATS), names


def test_page_offers_all_formats():
    html = Path("static/index.html").read_text()
    (accepted,) = re.findall(r'id="file-input" type="file" accept="([^"]*)"', html)
    assert accepted.split(",") == [
        name for known in FORMATS.values() for name in (known.media_type, *known.suffixes) if name
    ]
