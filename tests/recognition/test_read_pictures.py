"""What people do to pictures changes nothing in what is read: properties, on synthetic digits.

Each example is a hand (a digit and a seed) whose plain picture is read with certainty, and a change.
"""

import contextlib
import io
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

import model
from bench.images import draw_number, encode_image, to_image
from digits import UserError
from digits.data import synthetic
from digits.recognition import decoding
from digits.recognition.reader import Reader
from digits.recognition.results import Reading

hands = st.tuples(st.integers(0, 9), st.integers(0, 99))
some = settings(max_examples=30, deadline=None, derandomize=True)


@cache
def reader() -> Reader:
    return Reader(model.load("mnist.pth"))


def read(content: bytes) -> Reading:
    return reader().read(decoding.decode(content))


@cache
def ink_of(hand: tuple[int, int], side: int = 160, pen: float = 11) -> np.ndarray:
    """A hand's digit on a sheet: ink (side, side), 0 to 1."""
    digit, seed = hand
    return synthetic.rasterize(
        synthetic.digit_strokes(digit, torch.Generator().manual_seed(seed)), side, pen, size=0.6
    ).numpy()


@cache
def plainly(hand: tuple[int, int]) -> Reading:
    return read(encode_image(to_image(ink_of(hand))))


def stays(hand: tuple[int, int], content: bytes) -> bool:
    """Whether a changed picture of `hand` is read as the plain one is; only those read for certain count."""
    assume(plainly(hand).certain)
    return read(content).text == plainly(hand).text


def test_nearly_all_hands_are_read_right():
    right = [plainly((digit, seed)).text == str(digit) for digit in range(10) for seed in range(12)]
    assert np.mean(right) >= 0.97


@some
@given(hands)
def test_inverted(hand):
    assert stays(hand, encode_image(to_image(1 - ink_of(hand))))


@some
@given(hands, st.tuples(*[st.integers(0, 200)] * 4))
def test_padded_or_moved_anywhere_on_a_larger_sheet(hand, margins):
    left, top, right, bottom = margins
    assert stays(hand, encode_image(to_image(np.pad(ink_of(hand), ((top, bottom), (left, right))))))


@some
@given(hands, st.integers(24, 900))
def test_scaled_up_or_down(hand, side):
    assert stays(hand, encode_image(to_image(ink_of(hand)).resize((side, side), Image.Resampling.LANCZOS)))


@some
@given(hands, *[st.tuples(*[st.integers(0, 255)] * 3)] * 2)
def test_recoloured_with_enough_contrast(hand, paper, colour):
    assume(np.abs(np.subtract(paper, colour)).mean() > 50)
    ink = ink_of(hand)[..., None]
    pixels = np.array(paper) * (1 - ink) + np.array(colour) * ink
    assert stays(hand, encode_image(Image.fromarray(pixels.round().astype(np.uint8))))


@some
@given(hands, st.integers(0, 255))
def test_ink_moved_into_alpha(hand, colour):
    ink = ink_of(hand)
    pixels = np.dstack([np.full((*ink.shape, 3), colour), 255 * ink]).round().astype(np.uint8)
    assert stays(hand, encode_image(Image.fromarray(pixels)))


@some
@given(
    hands,
    st.sampled_from([(3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90), (8, Image.Transpose.ROTATE_270)]),
)
def test_turned_and_turned_back_by_exif(hand, turn):
    orientation, transposed = turn
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert stays(hand, encode_image(to_image(ink_of(hand)).transpose(transposed), "JPEG", quality=95, exif=exif))


@some
@given(hands, st.sampled_from(["JPEG", "WEBP"]), st.integers(15, 95))
def test_encoded_with_loss(hand, form, quality):
    assert stays(hand, encode_image(to_image(ink_of(hand)), form, quality=quality))


@some
@given(hands, st.sampled_from(["palette", "16 bit", "1 bit", "CMYK", "GIF", "TIFF"]))
def test_encoded_otherwise(hand, form):
    ink, image = ink_of(hand), to_image(ink_of(hand))
    content = {
        "palette": lambda: encode_image(image.quantize(8)),
        "16 bit": lambda: encode_image(Image.fromarray((65535 * (1 - ink)).round().astype(np.uint16))),
        "1 bit": lambda: encode_image(image.convert("1", dither=Image.Dither.NONE)),
        "CMYK": lambda: encode_image(image.convert("CMYK"), "TIFF"),
        "GIF": lambda: encode_image(image, "GIF"),
        "TIFF": lambda: encode_image(image, "TIFF"),
    }[form]()
    assert stays(hand, content)


@some
@given(hands, st.floats(0.2, 1.6))
def test_other_pens(hand, pen):
    """From a fifth of the usual width to half as much again: hairlines and markers."""
    assert stays(hand, encode_image(to_image(ink_of(hand, 160, 11 * pen))))


@some
@given(st.text("0123456789", min_size=2, max_size=4), st.integers(0, 30), st.floats(0.2, 0.6))
def test_digits_side_by_side_are_read_as_all_of_them(text, seed, gap):
    together = read(encode_image(to_image(draw_number(text, height=120, stroke_width=8, gap=gap, seed=seed))))
    random = torch.Generator().manual_seed(seed)
    alone = [
        synthetic.rasterize(synthetic.digit_strokes(int(digit), random), 120, 8, size=0.7).numpy() for digit in text
    ]
    readings = [read(encode_image(to_image(ink))) for ink in alone]
    assume(all(reading.certain for reading in readings))
    assert together.text == "".join(reading.text for reading in readings)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]), st.data())
def test_broken_and_truncated_pictures_raise_only_the_one_error(form, data):
    whole = bytearray(encode_image(to_image(ink_of((4, 1), 40, 4)), form))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(UserError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow remarks on broken metadata
        read(cut)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_raise_only_the_one_error(content):
    with pytest.raises(UserError):
        read(content)


@pytest.mark.parametrize("size", [(1, 1), (12, 12), (1, 500), (2, 2), (3, 900)])
@pytest.mark.parametrize("seed", range(3))
def test_noise_of_any_size_is_read_or_refused_but_never_certain(size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    with contextlib.suppress(UserError):
        assert not read(stream.getvalue()).certain
