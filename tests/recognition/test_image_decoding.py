"""`digits.recognition.image_decoding`: every format gives the same upright pixels; errors tell the user what to do."""

import contextlib
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from bench.sample_images import encode_image, to_image
from digits import UserError
from digits.data import synthetic
from digits.recognition import image_decoding
from digits.recognition.formats import PILLOW_FORMATS
from tests.helpers.images import normalize_picture, png_declaring_size


@pytest.fixture(scope="module")
def seven() -> np.ndarray:
    """Draw a synthetic 7: intensity (200, 200) from 0 to 1."""
    strokes = synthetic.digit_strokes(7, torch.Generator().manual_seed(1))
    return synthetic.rasterize(strokes, 200, 16).numpy()


def rgba(intensity: np.ndarray, gray: int) -> Image.Image:
    """Draw `intensity` in one gray on transparency."""
    alpha = (255 * intensity).round().astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((*intensity.shape, 3), gray, np.uint8), alpha]))


def with_transparent_rim(intensity: np.ndarray) -> Image.Image:
    """Draw a white page on transparency, as screenshots of windows have it."""
    image = Image.new("RGBA", (240, 240), (0, 0, 0, 0))
    image.paste(to_image(intensity).convert("RGBA"), (20, 20))
    return image


def rotated_by_exif(intensity: np.ndarray) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # the orientation: turn 90° clockwise to display
    return encode_image(to_image(intensity).rotate(90), "JPEG", quality=95, exif=exif)


def animated(intensity: np.ndarray) -> bytes:
    blank = Image.new("L", intensity.shape, 255)
    return encode_image(to_image(intensity), "GIF", save_all=True, append_images=[blank])


def encoder(mode: str, format: str = "PNG", **options) -> Callable[[np.ndarray], bytes]:
    """Return a function that encodes an intensity, in black on white, in a Pillow `mode` and `format`."""
    return lambda intensity: encode_image(to_image(intensity).convert(mode), format, **options)


def array_encoder(white: float, dtype: type, format: str = "PNG") -> Callable[[np.ndarray], bytes]:
    """Return a function that encodes an intensity as a picture of more than 8 bits, from 0 to `white`."""
    return lambda intensity: encode_image((white * (1 - intensity)).astype(dtype), format)


SAME_DIGIT = {
    "gray PNG": encoder("L"),
    "1-bit PNG": lambda intensity: encode_image(to_image(intensity).convert("1", dither=0)),
    "RGB PNG": encoder("RGB"),
    "palette PNG": lambda intensity: encode_image(to_image(intensity).quantize(16)),
    "palette PNG with a transparent color": lambda intensity: encode_image(
        to_image(intensity).quantize(16), transparency=0
    ),
    "gray PNG with a transparent gray": encoder("L", transparency=255),
    "PNG of gray and alpha": lambda intensity: encode_image(rgba(intensity, 0).convert("LA")),
    "black on transparency": lambda intensity: encode_image(rgba(intensity, 0)),
    "white on transparency": lambda intensity: encode_image(rgba(intensity, 255)),
    "opaque RGBA": encoder("RGBA"),
    "16-bit PNG": array_encoder(65535, np.uint16),
    "12 bits in a 16-bit PNG": array_encoder(4095, np.uint16),
    "8 bits in a 16-bit PNG": array_encoder(255, np.uint16),
    "float TIFF from 0 to 1": array_encoder(1, np.float32, "TIFF"),
    "float TIFF from 0 to 255": array_encoder(255, np.float32, "TIFF"),
    "page with a transparent rim": lambda intensity: encode_image(with_transparent_rim(intensity)),
    "JPEG": encoder("L", "JPEG", quality=90),
    "CMYK JPEG": encoder("CMYK", "JPEG", quality=90),
    "JPEG rotated by EXIF": rotated_by_exif,
    "WEBP": encoder("L", "WEBP", quality=90),
    "lossless WEBP with alpha": lambda intensity: encode_image(rgba(intensity, 0), "WEBP", lossless=True),
    "GIF": encoder("L", "GIF"),
    "animated GIF": animated,
    "BMP": encoder("L", "BMP"),
    "white on black": lambda intensity: encode_image(to_image(1 - intensity)),
    "yellow on blue": lambda intensity: encode_image(
        Image.merge("RGB", [to_image(1 - intensity), to_image(1 - intensity), to_image(intensity)])
    ),
}


@pytest.mark.parametrize("format", SAME_DIGIT)
def test_digit_in_any_format_is_normalized_to_the_same_image(format, seven):
    expected = normalize_picture(encode_image(to_image(seven))).astype(float)
    assert np.abs(normalize_picture(SAME_DIGIT[format](seven)) - expected).mean() < 3


def test_position_and_size_of_a_digit_do_not_change_its_normalized_image(seven):
    expected = normalize_picture(encode_image(to_image(seven))).astype(float)
    for side, left, top in ((200, 0, 0), (90, 300, 7), (400, 11, 190)):
        image = Image.new("L", (600, 600), 255)
        image.paste(to_image(seven).resize((side, side), Image.Resampling.BOX), (left, top))
        assert np.abs(normalize_picture(encode_image(image)) - expected).mean() < 6


@pytest.mark.parametrize("size", [(100, 30_000), (30_000, 100)])
def test_digit_on_a_long_strip_is_not_squashed(size, seven):
    small = to_image(seven).resize((80, 80), Image.Resampling.BOX)
    strip = Image.new("L", size, 255)
    strip.paste(small, (10, 10))
    assert np.array_equal(normalize_picture(encode_image(strip)), normalize_picture(encode_image(small)))


def noise_picture(sigma: float, shape: tuple[int, int] = (300, 200)) -> np.ndarray:
    """Draw Gaussian noise on light gray: `shape` uint8."""
    noise = np.random.default_rng(1).normal(0, sigma, shape)
    return (190 + noise).clip(0, 255).astype(np.uint8)


WHITE_PNG = encode_image(Image.new("L", (100, 100), 255))
INVALID = {
    "empty": (b"", "empty", "0 bytes"),
    "text": (b"This is no picture at all.", "format", "PNG, JPEG"),
    "ZIP": (b"PK and more of it", "format", "convert"),
    "cut in the header": (WHITE_PNG[:20], "damaged", "damaged"),
    "cut in the pixels": (WHITE_PNG[:-30], "damaged", "damaged"),
    "cut JPEG": (encode_image(noise_picture(30), "JPEG")[:2000], "damaged", "damaged"),
    "64.1 million pixels": (png_declaring_size(8_010, 8_010), "pixels", "8010x8010"),
    "900 million pixels": (png_declaring_size(30_000, 30_000), "pixels", "at most 64 million"),
}


@pytest.mark.parametrize("kind", INVALID)
def test_invalid_picture_raises_an_error_with_code_and_advice(kind):
    content, code, message = INVALID[kind]
    with pytest.raises(UserError, match=message) as error:
        image_decoding.decode(content)
    assert error.value.code == code


def test_error_for_a_file_names_the_file(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "large.png").write_bytes(png_declaring_size(8_010, 8_010))
    (tmp_path / "huge.png").write_bytes(png_declaring_size(30_000, 30_000))
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("none.png", "does not exist"),
        ("empty.png", "is empty"),
        ("large.png", "8010x8010 pixels"),
        ("huge.png", "far too many pixels"),
        ("folder", "no pictures"),
    ):
        with pytest.raises(UserError, match=f"{name} .*{message}"):
            image_decoding.decode(tmp_path / name)


@pytest.mark.slow
def test_picture_with_random_bytes_raises_nothing_but_user_errors(seven, reader):
    generator = np.random.default_rng(4)
    originals = [encode_image(to_image(seven), format) for format in PILLOW_FORMATS]
    for _ in range(20):
        for original in originals:
            broken = np.frombuffer(original, np.uint8).copy()
            broken[generator.integers(0, min(300, len(broken)), 4)] = generator.integers(0, 256, 4)
            with contextlib.suppress(UserError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's, about broken metadata
                reader.read(image_decoding.decode(broken.tobytes()))


def test_decoding_stops_after_its_timeout():
    with pytest.raises(UserError, match="takes too long") as error:
        image_decoding.decode(WHITE_PNG, timeout=-1)
    assert error.value.code == "time"
    assert image_decoding.decode(WHITE_PNG, timeout=60).size == image_decoding.decode(WHITE_PNG).size


@pytest.mark.parametrize("format", PILLOW_FORMATS)
def test_is_picture_needs_only_the_beginning_of_a_file(seven, format):
    content = encode_image(to_image(seven), format)
    assert image_decoding.is_picture(content)
    assert image_decoding.is_picture(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png_declaring_size(30_000, 30_000), True),
        (WHITE_PNG[:20], True),
        (b"", False),
        (b"This is no picture at all.", False),
        (b"%PDF-1.7", True),
        (b"<svg xmlns='http://www.w3.org/2000/svg'", True),
        (b"<html><svg xmlns='http://www.w3.org/2000/svg'/>", False),
        (b"\0\0\0 ftypisom\0\0\0\0", False),
        (b"GIF", False),
        (b'{"image": "iVBORw0KGgo="}', False),
        (b"\0\0\0 ftypheic\0\0\0\0", True),
        (bytes(1000), False),
    ],
    ids=lambda value: str(value)[:24],
)
def test_is_picture_is_false_where_decode_does_not_know_the_format(content, expected):
    assert image_decoding.is_picture(content) == expected
    with pytest.raises(UserError) as error:
        image_decoding.decode(content)
    assert (error.value.code in ("format", "empty")) != expected
