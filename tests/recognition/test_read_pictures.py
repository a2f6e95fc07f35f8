"""Properties of the whole recognition path: transformations of a picture do not change its text.

Each example is a synthetic digit whose plain picture is read with certainty, and a transformation.
"""

import contextlib
import warnings
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

import model
from bench.sample_images import blend, draw_number, encode_image, to_8_bit, to_image
from digits import UserError
from digits.data import synthetic
from digits.recognition import image_decoding
from digits.recognition.reader import Reader
from digits.recognition.results import Reading


class Sample(NamedTuple):
    """A synthetic handwritten digit."""

    digit: int
    seed: int


samples = st.builds(Sample, st.integers(0, 9), st.integers(0, 99))
some = settings(max_examples=30, deadline=None, derandomize=True)


@cache
def reader() -> Reader:
    return Reader(model.load("mnist.pth"), line_network=model.load_line_reader())


def read(content: bytes) -> Reading:
    return reader().read(image_decoding.decode(content))


@cache
def draw(sample: Sample, side: int = 160, stroke_width: float = 11) -> np.ndarray:
    """Draw a sample: foreground intensity (side, side), 0 to 1."""
    strokes = synthetic.digit_strokes(sample.digit, torch.Generator().manual_seed(sample.seed))
    return synthetic.rasterize(strokes, side, stroke_width, size=0.6).numpy()


@cache
def read_plain(sample: Sample) -> Reading:
    return read(encode_image(to_image(draw(sample))))


def has_same_text(sample: Sample, content: bytes) -> bool:
    """Whether a transformed picture of `sample` has the text of the plain one; uncertain samples are skipped."""
    assume(read_plain(sample).certain)
    return read(content).text == read_plain(sample).text


@pytest.mark.slow
def test_nearly_all_samples_are_read_correctly():
    correct = [read_plain(Sample(digit, seed)).text == str(digit) for digit in range(10) for seed in range(12)]
    assert np.mean(correct) >= 0.97


@some
@given(samples)
def test_inverting_keeps_the_text(sample):
    assert has_same_text(sample, encode_image(to_image(1 - draw(sample))))


@some
@given(samples, st.tuples(*[st.integers(0, 200)] * 4))
def test_padding_keeps_the_text(sample, margins):
    left, top, right, bottom = margins
    assert has_same_text(sample, encode_image(to_image(np.pad(draw(sample), ((top, bottom), (left, right))))))


@some
@given(samples, st.integers(24, 900))
def test_scaling_keeps_the_text(sample, side):
    assert has_same_text(sample, encode_image(to_image(draw(sample)).resize((side, side), Image.Resampling.LANCZOS)))


@some
@given(samples, *[st.tuples(*[st.integers(0, 255)] * 3)] * 2)
def test_colors_with_enough_contrast_keep_the_text(sample, background, color):
    assume(np.abs(np.subtract(background, color)).mean() > 50)
    assert has_same_text(sample, encode_image(to_8_bit(blend(background, color, draw(sample)))))


@some
@given(samples, st.integers(0, 255))
def test_transparent_background_keeps_the_text(sample, color):
    intensity = draw(sample)
    pixels = np.dstack([np.full((*intensity.shape, 3), color), 255 * intensity]).round().astype(np.uint8)
    assert has_same_text(sample, encode_image(Image.fromarray(pixels)))


@some
@given(
    samples,
    st.sampled_from([(3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90), (8, Image.Transpose.ROTATE_270)]),
)
def test_rotation_by_exif_orientation_keeps_the_text(sample, rotation):
    orientation, transposed = rotation
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert has_same_text(
        sample, encode_image(to_image(draw(sample)).transpose(transposed), "JPEG", quality=95, exif=exif)
    )


@some
@given(samples, st.sampled_from(["JPEG", "WEBP"]), st.integers(15, 95))
def test_lossy_compression_keeps_the_text(sample, form, quality):
    assert has_same_text(sample, encode_image(to_image(draw(sample)), form, quality=quality))


@some
@given(samples, st.sampled_from(["palette", "16 bit", "1 bit", "CMYK", "GIF", "TIFF"]))
def test_other_formats_keep_the_text(sample, form):
    intensity, image = draw(sample), to_image(draw(sample))
    content = {
        "palette": lambda: encode_image(image.quantize(8)),
        "16 bit": lambda: encode_image(Image.fromarray((65535 * (1 - intensity)).round().astype(np.uint16))),
        "1 bit": lambda: encode_image(image.convert("1", dither=Image.Dither.NONE)),
        "CMYK": lambda: encode_image(image.convert("CMYK"), "TIFF"),
        "GIF": lambda: encode_image(image, "GIF"),
        "TIFF": lambda: encode_image(image, "TIFF"),
    }[form]()
    assert has_same_text(sample, content)


@some
@given(samples, st.floats(0.2, 1.6))
def test_other_stroke_widths_keep_the_text(sample, scale):
    """From a hairline of a fifth of the usual width to a marker of 1.6 times the usual width."""
    assert has_same_text(sample, encode_image(to_image(draw(sample, 160, 11 * scale))))


@pytest.mark.slow
@some
@given(st.text("0123456789", min_size=2, max_size=4), st.integers(0, 30), st.floats(0.2, 0.6))
def test_digits_side_by_side_are_read_like_single_digits(text, seed, gap):
    number = read(encode_image(to_image(draw_number(text, height=120, stroke_width=8, gap=gap, seed=seed))))
    generator = torch.Generator().manual_seed(seed)
    strokes = [synthetic.digit_strokes(int(digit), generator) for digit in text]
    singles = [synthetic.rasterize(digit, 120, 8, size=0.7).numpy() for digit in strokes]
    readings = [read(encode_image(to_image(single))) for single in singles]
    assume(all(reading.certain for reading in readings))
    assert number.text == "".join(reading.text for reading in readings)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]), st.data())
def test_damaged_and_truncated_pictures_raise_only_user_errors(form, data):
    whole = bytearray(encode_image(to_image(draw(Sample(4, 1), 40, 4)), form))
    for position in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[position] = data.draw(st.integers(0, 255))
    content = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(UserError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata
        read(content)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_random_bytes_raise_only_user_errors(content):
    with pytest.raises(UserError):
        read(content)


@pytest.mark.parametrize("size", [(1, 1), (12, 12), (1, 500), (2, 2), (3, 900)])
@pytest.mark.parametrize("seed", range(3))
def test_noise_of_any_size_is_not_read_with_certainty(size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    assert not read(encode_image(Image.fromarray(pixels))).certain
