"""`digits.recognition.pillow_decoding`: what libtiff prints does not reach the standard error."""

import contextlib
import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from bench.sample_images import encode_image
from digits import UserError
from digits.recognition import image_decoding
from digits.recognition.pillow_decoding import suppress_stderr
from tests.helpers.files import draw_seven
from tests.helpers.images import tiff_with_damaged_strip

SEVEN = draw_seven().convert("L")


@pytest.mark.parametrize(
    ("compression", "warning"),
    [("tiff_lzw", "Using code not yet in table"), ("tiff_deflate", "ZIPDecode"), ("packbits", "PackBitsDecode")],
)
def test_libtiff_warnings_about_a_damaged_picture_do_not_reach_stderr(capfd, compression, warning):
    content = tiff_with_damaged_strip(SEVEN, compression)
    with Image.open(io.BytesIO(content)) as image, pytest.raises(OSError, match="decoder error"):
        image.load()
    assert warning in capfd.readouterr().err  # without suppression libtiff prints it
    with pytest.raises(UserError, match="damaged") as error:
        image_decoding.decode(content)
    assert error.value.code == "damaged"
    assert capfd.readouterr() == ("", "")


def test_libtiff_warnings_about_a_readable_picture_do_not_reach_stderr(capfd):
    content = tiff_with_damaged_strip(SEVEN.convert("1"), "group4")
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    assert "Fax4Decode" in capfd.readouterr().err
    assert image_decoding.decode(content).size == SEVEN.size
    assert capfd.readouterr() == ("", "")


def test_stderr_works_again_after_its_suppression(capfd):
    with contextlib.suppress(LookupError), suppress_stderr():
        os.write(2, b"not seen")
        raise LookupError
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_threads_that_suppress_stderr_concurrently_do_not_lose_it(capfd):
    content = encode_image(SEVEN, "TIFF", compression="tiff_lzw")
    with ThreadPoolExecutor(8) as threads:
        sizes = list(threads.map(lambda _: image_decoding.decode(content).size, range(64)))
    assert set(sizes) == {SEVEN.size}
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"
