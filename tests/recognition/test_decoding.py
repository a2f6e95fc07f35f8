"""`digits.recognition.decoding`: any format gives the same pixels, upright; what is broken is refused with what to do."""

import contextlib
import io
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from bench.images import encode_image, to_image
from digits import UserError
from digits.data import synthetic
from digits.recognition import decoding
from tests.helpers.images import normalize_picture, png_declaring_size, tiff_with_damaged_strip


@pytest.fixture(scope="module")
def seven() -> np.ndarray:
    """A handwritten 7 on a sheet of 200 x 200: ink from 0 to 1."""
    hand = synthetic.digit_strokes(7, torch.Generator().manual_seed(1))
    return synthetic.rasterize(hand, 200, 16).numpy()


def rgba(ink: np.ndarray, color: int) -> Image.Image:
    alpha = (255 * ink).round().astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((*ink.shape, 3), color, np.uint8), alpha]))


def rimmed(ink: np.ndarray) -> Image.Image:
    """A white sheet on transparency, as pictures of windows have it."""
    sheet = Image.new("RGBA", (240, 240), (0, 0, 0, 0))
    sheet.paste(to_image(ink).convert("RGBA"), (20, 20))
    return sheet


def rotated_by_exif(ink: np.ndarray) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned 90° clockwise
    return encode_image(to_image(ink).rotate(90), "JPEG", quality=95, exif=exif)


def animated(ink: np.ndarray) -> bytes:
    return encode_image(to_image(ink), "GIF", save_all=True, append_images=[Image.new("L", ink.shape, 255)])


SAME_DIGIT = {
    "grey PNG": lambda ink: encode_image(to_image(ink)),
    "1-bit PNG": lambda ink: encode_image(to_image(ink).convert("1", dither=0)),
    "RGB PNG": lambda ink: encode_image(to_image(ink).convert("RGB")),
    "palette PNG": lambda ink: encode_image(to_image(ink).quantize(16)),
    "palette PNG with a transparent color": lambda ink: encode_image(to_image(ink).quantize(16), transparency=0),
    "grey PNG with a transparent grey": lambda ink: encode_image(to_image(ink), transparency=255),
    "grey and alpha PNG": lambda ink: encode_image(rgba(ink, 0).convert("LA")),
    "black ink on transparency": lambda ink: encode_image(rgba(ink, 0)),
    "white ink on transparency": lambda ink: encode_image(rgba(ink, 255)),
    "opaque RGBA": lambda ink: encode_image(to_image(ink).convert("RGBA")),
    "16-bit PNG": lambda ink: encode_image(Image.fromarray((65535 * (1 - ink)).astype(np.uint16))),
    "12 bits in a 16-bit PNG": lambda ink: encode_image(Image.fromarray((4095 * (1 - ink)).astype(np.uint16))),
    "float TIFF of shares": lambda ink: encode_image(Image.fromarray(1 - ink), "TIFF"),
    "sheet with a transparent rim": lambda ink: encode_image(rimmed(ink)),
    "16-bit PNG of bytes": lambda ink: encode_image(Image.fromarray((255 * (1 - ink)).astype(np.uint16))),
    "JPEG": lambda ink: encode_image(to_image(ink), "JPEG", quality=90),
    "CMYK JPEG": lambda ink: encode_image(to_image(ink).convert("CMYK"), "JPEG", quality=90),
    "turned JPEG with EXIF": rotated_by_exif,
    "WEBP": lambda ink: encode_image(to_image(ink), "WEBP", quality=90),
    "lossless WEBP with alpha": lambda ink: encode_image(rgba(ink, 0), "WEBP", lossless=True),
    "GIF": lambda ink: encode_image(to_image(ink), "GIF"),
    "animated GIF": animated,
    "BMP": lambda ink: encode_image(to_image(ink), "BMP"),
    "float TIFF": lambda ink: encode_image(Image.fromarray(255 * (1 - ink)), "TIFF"),
    "white on black": lambda ink: encode_image(to_image(1 - ink)),
    "yellow on blue": lambda ink: encode_image(
        Image.merge("RGB", [to_image(1 - ink), to_image(1 - ink), to_image(ink)])
    ),
}


@pytest.mark.parametrize("kind", SAME_DIGIT)
def test_one_digit_in_any_format_gives_one_frame(kind, seven):
    expected = normalize_picture(encode_image(to_image(seven))).astype(float)
    assert np.abs(normalize_picture(SAME_DIGIT[kind](seven)) - expected).mean() < 3


def test_where_a_digit_stands_and_how_large_it_is_does_not_matter(seven):
    expected = normalize_picture(encode_image(to_image(seven))).astype(float)
    for side, left, top in ((200, 0, 0), (90, 300, 7), (400, 11, 190)):
        sheet = Image.new("L", (600, 600), 255)
        sheet.paste(to_image(seven).resize((side, side), Image.Resampling.BOX), (left, top))
        assert np.abs(normalize_picture(encode_image(sheet)) - expected).mean() < 6


@pytest.mark.parametrize("size", [(100, 30_000), (30_000, 100)])
def test_a_digit_on_a_long_strip_is_not_squashed(size, seven):
    small = to_image(seven).resize((80, 80), Image.Resampling.BOX)
    strip = Image.new("L", size, 255)
    strip.paste(small, (10, 10))
    assert np.array_equal(normalize_picture(encode_image(strip)), normalize_picture(encode_image(small)))


def paper(spread: float, size=(300, 200)) -> Image.Image:
    grain = np.random.default_rng(1).normal(0, spread, size)
    return Image.fromarray((190 + grain).clip(0, 255).astype(np.uint8))


GOOD = encode_image(Image.new("L", (100, 100), 255))
BAD = {
    "empty": (b"", "empty", "0 bytes"),
    "text": (b"This is no picture at all.", "format", "PNG, JPEG"),
    "PDF": (b"%PDF-1.7 and more of it", "format", "convert"),
    "cut in the header": (GOOD[:20], "damaged", "damaged"),
    "cut in the pixels": (GOOD[:-30], "damaged", "damaged"),
    "cut JPEG": (encode_image(paper(30), "JPEG")[:2000], "damaged", "damaged"),
    "64.1 million pixels": (png_declaring_size(8_010, 8_010), "pixels", "8010x8010"),
    "900 million pixels": (png_declaring_size(30_000, 30_000), "pixels", "at most 64 million"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_readable_picture_is_refused_with_what_to_do(kind):
    content, code, words = BAD[kind]
    with pytest.raises(UserError, match=words) as caught:
        decoding.decode(content)
    assert caught.value.code == code


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    for name, words in (("none.png", "does not exist"), ("empty.png", "is empty"), ("folder", "no pictures")):
        with pytest.raises(UserError, match=f"{name} .*{words}"):
            decoding.decode(tmp_path / name)


def test_random_bytes_in_a_picture_never_raise_anything_but_the_one_error(seven, reader):
    random = np.random.default_rng(4)
    originals = [encode_image(to_image(seven), form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")]
    for _ in range(40):
        for original in originals:
            broken = np.frombuffer(original, np.uint8).copy()
            broken[random.integers(0, min(300, len(broken)), 4)] = random.integers(0, 256, 4)
            with contextlib.suppress(UserError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Pillow remarks on broken metadata
                reader.read(decoding.decode(broken.tobytes()))


def test_decoding_ends_when_its_time_is_over():
    with pytest.raises(UserError, match="takes too long") as caught:
        decoding.decode(GOOD, timeout=-1)
    assert caught.value.code == "time"
    assert decoding.decode(GOOD, timeout=60).size == decoding.decode(GOOD).size


@pytest.mark.parametrize(
    ("compression", "warning"),
    [("tiff_lzw", "Using code not yet in table"), ("tiff_deflate", "ZIPDecode"), ("packbits", "PackBitsDecode")],
)
def test_warnings_of_libtiff_about_a_damaged_picture_do_not_reach_stderr(capfd, seven, compression, warning):
    content = tiff_with_damaged_strip(to_image(seven), compression)
    with Image.open(io.BytesIO(content)) as image, pytest.raises(OSError, match="decoder error"):
        image.load()
    assert warning in capfd.readouterr().err  # what libtiff prints if nothing is done about it
    with pytest.raises(UserError, match="damaged") as caught:
        decoding.decode(content)
    assert caught.value.code == "damaged"
    assert capfd.readouterr() == ("", "")


def test_warnings_of_libtiff_about_a_readable_picture_do_not_reach_stderr(capfd, seven):
    content = tiff_with_damaged_strip(to_image(seven).convert("1"), "group4")
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    assert "Fax4Decode" in capfd.readouterr().err
    assert decoding.decode(content).size == (200, 200)
    assert capfd.readouterr() == ("", "")


def test_stderr_works_again_after_it_was_silenced(capfd):
    with contextlib.suppress(LookupError), decoding.suppress_stderr():
        os.write(2, b"not seen")
        raise LookupError
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_threads_that_silence_stderr_at_once_do_not_lose_it(capfd, seven):
    content = encode_image(to_image(seven), "TIFF", compression="tiff_lzw")
    with ThreadPoolExecutor(8) as threads:
        sizes = list(threads.map(lambda _: decoding.decode(content).size, range(64)))
    assert set(sizes) == {(200, 200)}
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


@pytest.mark.parametrize("form", decoding.FORMATS)
def test_is_picture_tells_by_the_beginning(seven, form):
    content = encode_image(to_image(seven), form)
    assert decoding.is_picture(content)
    assert decoding.is_picture(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png_declaring_size(30_000, 30_000), True),
        (GOOD[:20], True),
        (b"", False),
        (b"This is no picture at all.", False),
        (b"%PDF-1.7", False),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", False),
        (b"GIF", False),
        (b'{"image": "iVBORw0KGgo="}', False),
        (b"\0\0\0 ftypavif\0\0\0\0", False),
        (bytes(1000), False),
    ],
    ids=lambda value: str(value)[:24],
)
def test_is_picture_is_true_for_those_that_decode_refuses_only_later(content, expected):
    assert decoding.is_picture(content) == expected
    with pytest.raises(UserError) as caught:
        decoding.decode(content)
    assert (caught.value.code in ("format", "empty")) != expected
