"""Formats that are decoded in a process of its own: the same pixels as a PNG file, limits, missing packages."""

import importlib.util
import math
import time

import numpy as np
import pytest
from PIL import Image

from bench.sample_images import encode_image
from digits import UserError
from digits.recognition import image_decoding, sandbox
from digits.recognition.formats import SANDBOXED_FORMATS, detect_sandboxed_format
from digits.recognition.pages import trace_first_written_page
from tests.helpers.files import SVG, blank_page, draw_seven, encode_pages, encode_seven

ENCRYPTED_PDF = b"""%%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>> endobj
4 0 obj <</Filter /Standard /V 1 /R 2 /O <%(key)s> /U <%(key)s> /P -4>> endobj
trailer <</Root 1 0 R /Encrypt 4 0 R /ID [<00> <00>]>>
""" % {b"key": b"11" * 32}  # of which no password is the right one
EXTRA_FORMATS = [name for name, known in SANDBOXED_FORMATS.items() if known.package]


@pytest.mark.parametrize("format_name", SANDBOXED_FORMATS)
def test_format_is_identified_and_gives_the_same_picture(format_name):
    content = encode_seven(format_name)
    assert detect_sandboxed_format(content) == format_name
    image = image_decoding.decode(content)
    assert image.mode in ("L", "RGB")
    expected = np.asarray(draw_seven().resize(image.size, Image.Resampling.BILINEAR), float)
    assert np.abs(np.asarray(image, float) - expected).mean() < 3  # SVG has a pointed corner, and soft edges


@pytest.mark.parametrize("format_name", ["AVIF", "HEIC"])
def test_picture_rotated_by_its_metadata_is_upright(format_name):
    exif = Image.Exif()
    exif[0x0112] = 6  # the orientation: turn 90° clockwise to display
    rotated = draw_seven().rotate(90, expand=True)
    content = encode_image(rotated, {"HEIC": "HEIF"}.get(format_name, format_name), exif=exif.tobytes())
    assert np.abs(np.asarray(image_decoding.decode(content), float) - np.asarray(draw_seven(), float)).mean() < 2


@pytest.mark.parametrize("format_name", ["AVIF", "HEIC", "JXL"])
def test_transparent_picture_is_composited(format_name):
    ink = draw_seven().convert("L").point(lambda value: 255 - value)
    transparent = Image.merge("RGBA", [Image.new("L", ink.size, 0)] * 3 + [ink])
    content = encode_image(transparent, {"HEIC": "HEIF"}.get(format_name, format_name))
    assert np.abs(np.asarray(image_decoding.decode(content), float) - np.asarray(draw_seven(), float)).mean() < 3


@pytest.mark.parametrize("format_name", EXTRA_FORMATS)
def test_missing_package_is_named_with_its_extra(format_name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    package = SANDBOXED_FORMATS[format_name].package
    with pytest.raises(
        UserError, match=rf'format {format_name}: {package} is not installed: .*"\.\[formats\]"'
    ) as error:
        image_decoding.decode(encode_seven(format_name))
    assert error.value.code == "format"


def test_pillow_without_avif_says_so(monkeypatch):
    monkeypatch.setattr(sandbox.features, "check", lambda name: False)
    with pytest.raises(UserError, match="AVIF, which this Pillow does not read") as error:
        image_decoding.decode(encode_seven("AVIF"))
    assert error.value.code == "format"


@pytest.mark.parametrize("format_name", SANDBOXED_FORMATS)
def test_truncated_file_is_damaged(format_name):
    content = encode_seven(format_name)
    with pytest.raises(UserError) as error:
        image_decoding.decode(content[: len(content) // 2])
    assert error.value.code == "damaged"


@pytest.mark.parametrize("format_name", ["AVIF", "HEIC", "JXL"])
def test_too_many_pixels_are_refused(format_name):
    with pytest.raises(UserError, match=r"300x200 pixels; at most 0\.05 million") as error:
        image_decoding.decode(encode_seven(format_name), max_pixels=50_000)
    assert error.value.code == "pixels"


def test_svg_picture_cannot_show_other_files(tmp_path):
    draw_seven().save(tmp_path / "secret.png")
    for address in (tmp_path / "secret.png", (tmp_path / "secret.png").as_uri()):
        content = SVG.format(f'<image href="{address}" width="300" height="200" transform="translate(0 20)"/>').encode()
        assert image_decoding.decode(content).tobytes() == image_decoding.decode(encode_seven("SVG")).tobytes()


@pytest.mark.parametrize("size", ['width="9000000" height="9000000"', 'viewBox="0 0 1 9000000"', 'width="10mm"'])
def test_svg_picture_of_any_size_is_drawn_with_at_most_800_pixels(size):
    content = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><path d="M0 0h9"/></svg>'.encode()
    assert max(image_decoding.decode(content).size) == 800


@pytest.mark.slow
def test_process_that_takes_too_much_time_or_memory_is_ended(monkeypatch, tmp_path):
    programs = {"while True: pass": "time", "bytearray(2**34)": "damaged", "import os; os.abort()": "damaged"}
    for number, (program, code) in enumerate(programs.items()):
        path = tmp_path / f"{number}.py"
        limits = (
            sandbox.PROGRAM.read_text().partition("if __name__")[0] + "limit_resources(float(sys.argv[4]), 2**31)\n"
        )
        path.write_text(limits + program)
        monkeypatch.setattr(sandbox, "PROGRAM", path)
        with pytest.raises(UserError) as error:
            image_decoding.decode(encode_seven("AVIF"), timeout=0.1)
        assert error.value.code == code, program
        monkeypatch.undo()


def test_pdf_with_a_password_says_so():
    with pytest.raises(UserError, match="password") as error:
        image_decoding.decode(ENCRYPTED_PDF)
    assert error.value.code == "format"


def test_pages_of_a_pdf_file_are_decoded_one_by_one():
    file = image_decoding.open_file(encode_pages("PDF", blank_page(), draw_seven()))
    assert file.page_count == 2
    first, second = (np.asarray(next(file.images(page))) for page in (1, 2))
    assert first.min() == 255
    assert second.min() < 50
    assert max(second.shape) == 1900


@pytest.mark.parametrize("format_name", ["AVIF", "HEIC"])
def test_first_frame_with_writing_is_read(format_name, reader):
    name = {"HEIC": "HEIF"}.get(format_name, format_name)
    file = image_decoding.open_file(encode_pages(name, blank_page(), draw_seven()))
    assert file.page_count == 1
    assert trace_first_written_page(reader, file).trace.reading.text == "7"


@pytest.mark.parametrize("white", [255, 1023, 40_000])
def test_plain_pgm_with_any_number_of_levels_is_decoded_as_the_binary_one(white):
    values = np.asarray(draw_seven().convert("L"), float) / 255 * white
    head = f"{values.shape[1]} {values.shape[0]} {white}\n".encode()
    plain = b"P2 " + head + " ".join(str(int(value)) for value in values.flat).encode()
    binary = b"P5 " + head + values.astype(">u2" if white > 255 else np.uint8).tobytes()
    assert image_decoding.decode(plain).tobytes() == image_decoding.decode(binary).tobytes()


def test_16_bit_jpeg_xl_is_decoded_with_its_range():
    values = np.asarray(draw_seven().convert("L")).astype(np.uint16) * 100 + 3_000
    content = encode_image(Image.fromarray(values), "JXL", lossless=True)
    image = np.asarray(image_decoding.decode(content))
    assert image.max() - image.min() > 90


@pytest.mark.parametrize("format_name", ["PDF", "SVG"])
def test_pictures_without_pixels_of_their_own_keep_to_the_limit(format_name):
    image = image_decoding.decode(encode_seven(format_name), max_pixels=10_000)
    assert image.width * image.height <= 10_000


def test_svg_picture_in_an_old_encoding_or_with_a_long_comment_is_drawn():
    expected = image_decoding.decode(encode_seven("SVG")).tobytes()
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?><!-- größer -->'.encode("latin-1") + encode_seven("SVG")
    commented = b"<!-- " + b"x" * 10_000 + b" -->" + encode_seven("SVG")
    utf_16 = encode_seven("SVG").decode().encode("utf-16")
    for content in (latin, commented, utf_16):
        assert image_decoding.decode(content).tobytes() == expected


@pytest.mark.parametrize("content", [b"P1 is the first player.", b"<!doctype html><body><svg width='9'/></body>"])
def test_text_is_in_none_of_these_formats(content):
    assert detect_sandboxed_format(content) is None


@pytest.mark.parametrize(
    "content", [encode_seven(name) for name in SANDBOXED_FORMATS] + [b"P1 1 1 1", b"P3 1 1 9 1 1 1"]
)
def test_number_of_pixels_is_unknown_before_decoding(content):
    """The server reads pictures of unknown size in a second thread: a process on the event loop would delay others."""
    assert image_decoding.count_pixels(content) == math.inf


def test_header_that_takes_long_is_read_in_bounded_time():
    """A binary PPM file with megabytes of comments once took 8 s, as its header was read without a limit."""
    content = b"P5 " + b"#\n" * 2_000_000 + b"9 9 255\n" + bytes(81)
    start = time.thread_time()
    assert image_decoding.is_picture(content)
    assert image_decoding.count_pixels(content) == math.inf
    with pytest.raises(UserError) as error:
        image_decoding.decode(content, timeout=0.1)
    assert error.value.code == "time"
    assert time.thread_time() - start < 1.5


def test_decoder_that_does_not_start_is_named(monkeypatch, tmp_path):
    (tmp_path / "resvg_py.py").write_text("raise ImportError('libfoo.so is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UserError, match=r"resvg_py does not start \(libfoo\.so is missing\)") as error:
        image_decoding.decode(encode_seven("SVG"))
    assert error.value.code == "format"


def test_output_of_a_decoder_does_not_disturb(monkeypatch, tmp_path):
    path = tmp_path / "decoder.py"
    path.write_text(
        sandbox.PROGRAM.read_text().replace("        image.load()\n", "        print('hello', flush=True)\n")
    )
    monkeypatch.setattr(sandbox, "PROGRAM", path)
    assert image_decoding.decode(encode_seven("AVIF")).size == (300, 200)
