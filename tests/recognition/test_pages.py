"""`digits.recognition.pages`: every page of a document is read, and of an animation the first frame with writing."""

import contextlib
import functools
import io
import itertools
import time

import pytest
from PIL import Image, ImageDraw, TiffImagePlugin
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, STRIPBYTECOUNTS, STRIPOFFSETS

from digits import UserError
from digits.recognition import image_decoding, pages, pillow_decoding
from digits.recognition.formats import FORMATS
from digits.recognition.pages import trace_first_written_page, trace_page
from tests.helpers.files import blank_page, draw_one, draw_seven, encode_pages, encode_seven


def read_pages(reader, content: bytes) -> list[str]:
    file = image_decoding.open_file(content)
    return [trace_page(reader, file, page).trace.reading.text for page in range(1, file.page_count + 1)]


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_is_read(format_name, reader):
    assert read_pages(reader, encode_seven(format_name)) == ["7"]


@pytest.mark.parametrize("format_name", ["TIFF", "PDF"])
def test_every_page_is_read(format_name, reader):
    content = encode_pages(format_name, draw_seven(), blank_page(), draw_one())
    assert read_pages(reader, content) == ["7", "", "1"]
    page = trace_first_written_page(reader, image_decoding.open_file(content))
    assert (page.trace.reading.text, page.trace.reading.page, page.trace.reading.pages) == ("7", 1, 3)


@pytest.mark.parametrize("format_name", ["TIFF", "PDF"])
def test_blank_pages_in_front_are_skipped(format_name, reader):
    file = image_decoding.open_file(encode_pages(format_name, blank_page(), draw_one()))
    reading = trace_first_written_page(reader, file).trace.reading
    assert (reading.text, reading.page, reading.pages) == ("1", 2, 2)
    error = trace_page(reader, file, 1).trace.reading.error
    assert error
    assert str(error).startswith("Nothing is written on page 1 of 2")


def test_search_for_a_written_page_ends_when_it_takes_long(reader, monkeypatch):
    file = image_decoding.open_file(encode_pages("TIFF", blank_page(), blank_page(), draw_one()))
    assert trace_first_written_page(reader, file).trace.reading.page == 3
    monkeypatch.setattr(pages, "MAX_SEARCH_SECONDS", 0)
    with pytest.raises(UserError, match="Page 1 of 3 is blank"):
        trace_first_written_page(reader, file)


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG"])
def test_first_frame_with_writing_of_an_animation_is_read(format_name, reader):
    # Encoders join frames that are equal.
    specks = [blank_page() for _ in range(3)]
    for position, frame in enumerate(specks):
        frame.putpixel((position, 0), (250, 250, 250))
    file = image_decoding.open_file(encode_pages(format_name, *specks, draw_seven(), draw_one()))
    assert file.page_count == 1
    assert trace_first_written_page(reader, file).trace.reading.text == "7"


def test_first_frame_of_a_truncated_animation_is_read(reader):
    """A GIF file that ends behind its first frame once raised an IndexError of Pillow."""
    content = encode_pages("GIF", draw_seven(), draw_one())
    end_of_first = len(encode_seven("GIF"))  # up to some bytes: an animation has a longer header
    texts = set()
    for end in range(end_of_first - 20, end_of_first + 20):
        with contextlib.suppress(UserError):
            texts.add(trace_first_written_page(reader, image_decoding.open_file(content[:end])).trace.reading.text)
    assert texts == {"7"}


def test_blank_files_are_blank(reader):
    for count in (1, 2, pages.MAX_SEARCHED_PAGES + 1):
        file = image_decoding.open_file(encode_pages("TIFF", *itertools.repeat(blank_page(), count)))
        if count == 1:
            assert trace_first_written_page(reader, file).is_blank
            continue
        with pytest.raises(UserError, match="on the 2 pages" if count == 2 else r"first 5 of 6 pages") as error:
            trace_first_written_page(reader, file)
        assert error.value.code == "blank"


def test_search_for_a_frame_with_writing_ends_at_a_limit(reader, monkeypatch):
    monkeypatch.setattr(pages, "MAX_SEARCHED_PIXELS", 2 * 300 * 200)
    frames = [blank_page() for _ in range(3)]
    for position, frame in enumerate(frames):
        frame.putpixel((position, 0), (250, 250, 250))
    content = encode_pages("PNG", *frames[:2], draw_seven())
    assert trace_page(reader, image_decoding.open_file(content), 1).is_blank
    content = encode_pages("PNG", frames[0], draw_seven())
    assert trace_page(reader, image_decoding.open_file(content), 1).trace.reading.text == "7"


def test_page_that_does_not_exist_is_an_error(reader):
    for content, count in ((encode_seven("PNG"), "1 page"), (encode_pages("PDF", *[blank_page()] * 2), "2 pages")):
        with pytest.raises(UserError, match=f"no page 3: the file has {count}") as error:
            trace_page(reader, image_decoding.open_file(content), 3)
        assert error.value.code == "page"


def test_page_that_pillow_does_not_know_does_not_lose_the_others(reader):
    """A TIFF file with such a page was once refused as a whole."""
    content = bytearray(encode_pages("TIFF", draw_seven(), draw_one(), draw_one()))
    integer = functools.partial(int.from_bytes, byteorder="little")
    first = integer(content[4:8])
    end_of_first = first + 2 + 12 * integer(content[first : first + 2])
    second = integer(content[end_of_first : end_of_first + 4])
    entries = range(second + 2, second + 2 + 12 * integer(content[second : second + 2]), 12)
    (photometric,) = (entry for entry in entries if integer(content[entry : entry + 2]) == PHOTOMETRIC_INTERPRETATION)
    content[photometric + 8] = 9
    file = image_decoding.open_file(bytes(content))
    assert file.page_count == 3
    assert trace_page(reader, file, 1).trace.reading.text == "7"
    with pytest.raises(UserError, match="damaged"):
        trace_page(reader, file, 2)
    assert trace_page(reader, file, 3).trace.reading.text == "1"


def test_truncated_file_keeps_its_first_pages(reader):
    content = encode_pages("TIFF", draw_seven(), draw_one(), draw_one())
    for end in range(len(content) * 2 // 3, len(content), 8_000):
        file = image_decoding.open_file(content[:end])
        assert 2 <= file.page_count <= 3
        assert trace_page(reader, file, 1).trace.reading.text == "7"


def test_damaged_page_in_front_is_passed_over(reader):
    content = bytearray(encode_pages("TIFF", draw_seven(), draw_one(), compression="tiff_deflate"))
    with Image.open(io.BytesIO(content)) as image:
        start, size = image.tag_v2[STRIPOFFSETS][0], image.tag_v2[STRIPBYTECOUNTS][0]
    content[start : start + size] = bytes(size)
    reading = trace_first_written_page(reader, image_decoding.open_file(bytes(content))).trace.reading
    assert (reading.text, reading.page) == ("1", 2)


def test_crowded_page_in_front_ends_the_search(reader):
    crowded = blank_page()
    for x in range(5, 295, 10):
        for y in range(5, 195, 10):
            ImageDraw.Draw(crowded).rectangle((x, y, x + 4, y + 4), "black")
    file = image_decoding.open_file(encode_pages("TIFF", crowded, draw_seven()))
    with pytest.raises(UserError, match="marks on page 1 of 2") as error:
        trace_first_written_page(reader, file)
    assert error.value.code == "crowded"
    assert trace_page(reader, file, 2).trace.reading.text == "7"


def test_time_of_decoding_does_not_include_the_reading_of_other_pages(reader):
    """Of a scan of 40 pages, those from the 15th on were once refused."""
    file = image_decoding.open_file(encode_pages("TIFF", *[draw_seven()] * 9, compression="tiff_lzw"), timeout=0.1)
    for page in range(1, 10):
        deadline = time.thread_time() + 0.02
        while time.thread_time() < deadline:
            pass
        assert next(file.images(page)).size == (300, 200)


def test_previews_and_masks_of_a_tiff_file_are_no_pages():
    stream = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(stream, new=True) as writer:
        for subfile_type in (0, 1, 4, 0):
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[pillow_decoding.NEW_SUBFILE_TYPE] = subfile_type
            draw_seven().save(writer, "TIFF", tiffinfo=tags)
            writer.newFrame()
    assert image_decoding.open_file(stream.getvalue()).page_count == 2


def test_file_with_too_many_pages_is_refused(monkeypatch):
    monkeypatch.setattr(pillow_decoding, "MAX_PAGES", 2)
    with pytest.raises(UserError, match="more than 2 pages: split it") as error:
        image_decoding.open_file(encode_pages("TIFF", *[blank_page()] * 3))
    assert error.value.code == "pages"


def test_damaged_page_does_not_lose_the_others(reader):
    content = bytearray(encode_pages("TIFF", draw_seven(), draw_one(), draw_one(), compression="tiff_deflate"))
    with Image.open(io.BytesIO(content)) as image:
        image.seek(1)
        start, size = image.tag_v2[STRIPOFFSETS][0], image.tag_v2[STRIPBYTECOUNTS][0]
    content[start : start + size] = bytes(size)
    file = image_decoding.open_file(bytes(content))
    assert trace_page(reader, file, 1).trace.reading.text == "7"
    with pytest.raises(UserError, match="damaged"):
        trace_page(reader, file, 2)
    assert trace_page(reader, file, 3).trace.reading.text == "1"
