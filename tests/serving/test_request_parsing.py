"""`digits.serving.request_parsing`: request bodies as real clients send them, and the errors for invalid ones."""

import gzip
import io
import json
import math
import tracemalloc
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from bench.sample_images import encode_image
from digits import UserError
from digits.serving.request_parsing import decode_base64, decompress, describe_body, peek_pixels
from tests.helpers.api import assert_error, to_base64

SAMPLE = Path("input/test-7.png").read_bytes()
TEXT = to_base64(SAMPLE)
BODY = json.dumps({"image": TEXT}).encode()
FORM = "application/x-www-form-urlencoded"  # sent by `curl --data-binary` with any body
BYTES = bytes(range(256)) + b"\xfb\xff\xfe"  # its base64 has + and /


def raw_deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        lambda text: text.rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: text.replace("+", "-").replace("/", "_").rstrip("="),
        lambda text: "\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
        lambda text: "\r\n".join(text[i : i + 64] for i in range(0, len(text), 64)) + "\r\n",
        lambda text: f"data:image/png;base64,{text}",
        lambda text: f" DATA:image/png;base64,{text}\n",
        lambda text: f"data:;base64,{text.rstrip('=')}",
    ],
    ids=["padded", "unpadded", "URL-safe", "URL-safe, unpadded", "lines", "CRLF lines", "data: URL", "DATA:", "data:;"],
)
@pytest.mark.parametrize("content", [BYTES, BYTES[:-1], BYTES[:-2]], ids=["3n", "3n - 1", "3n - 2"])
def test_base64_is_decoded_in_every_usual_spelling(write, content):
    assert decode_base64(write(to_base64(content))) == content


@pytest.mark.parametrize("text", ["zzzzz", "!!!!", "ä", "A", "AA=A", "data:image/png;base64", "data:text/plain,%41"])
def test_invalid_base64_is_rejected(text):
    with pytest.raises(UserError, match="not base64") as caught:
        decode_base64(text)
    assert caught.value.code == "base64"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"", "utf-32-le"),
        (b"", "utf-32-be"),
        (b"\xff\xfe\0\0", "utf-32-le"),
        (b"\0\0\xfe\xff", "utf-32-be"),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", FORM, None])
def test_json_is_read_in_every_unicode_encoding_and_with_any_content_type(client, mark, encoding, kind):
    body = mark + BODY.decode().encode(encoding)
    assert client.post("/api", data=body, content_type=kind).json["text"] == "7"


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP ", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
    ],
    ids=["gzip", "x-gzip", "upper case", "deflate as zlib", "deflate without a header", "identity"],
)
@pytest.mark.parametrize(("kind", "body"), [("application/json", BODY), ("image/png", SAMPLE)], ids=["JSON", "picture"])
def test_compressed_bodies_are_read(client, name, compress, kind, body):
    answer = client.post("/api", data=compress(body), content_type=kind, headers={"Content-Encoding": name})
    assert answer.json["text"] == "7"


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("br", BODY, "Content-Encoding br"),
        ("gzip, gzip", gzip.compress(gzip.compress(BODY)), "gzip, gzip"),
        ("gzip", BODY, "not gzip"),
        ("gzip", b"", "not gzip"),
        ("gzip", gzip.compress(BODY)[:-9], "not gzip"),
        ("deflate", BODY, "not deflate"),
        ("deflate", zlib.compress(BODY)[:100], "not deflate"),
    ],
    ids=["unknown", "twice", "not gzip", "empty", "gzip cut off", "not deflate", "deflate cut off"],
)
def test_invalid_content_encoding_is_rejected(client, name, body, words):
    answer = client.post("/api", data=body, headers={"Content-Encoding": name})
    assert words in assert_error(answer, 415, "encoding")


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, raw_deflate])
def test_decompression_bomb_is_rejected_in_bounded_memory(client, compress):
    limit = client.application.config["MAX_BODY"]
    bomb = compress(bytes(10 * limit))
    assert len(bomb) < limit / 10
    tracemalloc.start()
    try:
        answer = client.post("/api", data=bomb, headers={"Content-Encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert_error(answer, 413, "large")
    assert peak < 2.5 * limit


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_limit_applies_to_the_decompressed_body(excess):
    assert len(decompress(gzip.compress(bytes(1000 + excess)), "gzip", 1000)) == 1000 + excess
    assert len(decompress(gzip.compress(bytes(5000)), "gzip", 1000)) == 1001


@pytest.mark.parametrize("kind", [FORM, "text/plain", "application/json", "application/pdf", None])
def test_picture_as_the_body_is_read_with_any_content_type(client, kind):
    assert client.post("/api", data=SAMPLE, content_type=kind).json["text"] == "7"


@pytest.mark.parametrize("kind", ["image/png", "image/x-unknown", "application/octet-stream"])
def test_body_with_a_picture_content_type_is_read_as_a_picture(client, kind):
    assert client.post("/api", data=SAMPLE, content_type=kind).json["text"] == "7"
    assert_error(client.post("/api", data=b"", content_type=kind), 400, "empty")
    assert_error(client.post("/api", data=b"no picture", content_type=kind), 415, "format")


def test_percent_encoded_data_url_is_read(client):
    address = "data:image/png;base64," + quote(to_base64(SAMPLE), safe="")
    assert client.post("/api", json={"image": address}).json["text"] == "7"


def test_error_for_an_unknown_file_describes_its_content(client):
    assert "a ZIP file" in assert_error(client.post("/api", json={"image": to_base64(b"PK.")}), 415, "format")
    form = {"image": (io.BytesIO(b"<!doctype html>"), "7.png")}
    assert "HTML" in assert_error(client.post("/api", data=form), 415, "format")
    assert "https://" in assert_error(client.post("/api", json={"image": "https://a.org/7.png"}), 400, "base64")


@pytest.mark.parametrize("wrap", [lambda file: file, lambda file: json.dumps({"image": to_base64(file)}).encode()])
def test_pixels_are_counted_without_decoding(wrap):
    assert peek_pixels(wrap(SAMPLE)) == 480 * 360
    stream = io.BytesIO()
    Image.new("1", (8000, 8000)).save(stream, "WEBP", lossless=True)
    assert len(stream.getvalue()) < 4000
    assert peek_pixels(wrap(stream.getvalue())) == 64_000_000
    assert peek_pixels(wrap(b"no picture")) == math.inf


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"{}", b"[]", b'{"image": 7}', b'{"image": "A"}', b'{"image": "!"}', BODY[:30]),
        gzip.compress(SAMPLE, mtime=0),  # the time would be part of the test's name, which pytest-xdist compares
        *(BODY.decode().encode("utf-16"), encode_image(Image.new("L", (30, 20)), "TIFF")),
    ],
    ids=lambda body: str(body[:16]),
)
def test_unknown_pixel_count_is_infinite(body):
    """Such requests are treated as long ones."""
    assert peek_pixels(body) == math.inf


def test_batch_accepts_form_files_of_one_name(client):
    files = [(io.BytesIO(Path(f"input/test-{digit}.png").read_bytes()), f"{digit}.png") for digit in (1, 2)]
    answer = client.post("/api/batch", data={"image": files})
    assert [reading["text"] for reading in answer.json["readings"]] == ["1", "2"]


def test_batch_accepts_compressed_json_in_utf_16(client):
    body = gzip.compress(json.dumps({"images": [TEXT.rstrip("=")]}).encode("utf-16"))
    answer = client.post("/api/batch", data=body, headers={"Content-Encoding": "gzip"})
    assert [reading["text"] for reading in answer.json["readings"]] == ["7"]


DESCRIPTIONS = [
    (b"<!doctype html><p>Not found", "HTML or XML"),
    (b"\n  <?xml version='1.0'?>", "HTML or XML"),
    (gzip.compress(b"anything"), "gzip without the header Content-Encoding: gzip"),
    (b"PK\x03\x04\x14\0", "a ZIP file"),
    (b'{"image": "iVBOR', "a JSON object, but cut off or misspelled"),
    (b"{'image': 'aGVsbG8='}", "a JSON object, but cut off or misspelled"),
    (b'["aGVsbG8="]', "a JSON list"),
    (b"--x\r\nContent-Disposition: form-data", "a form without the header Content-Type: multipart/form-data"),
    (b"", "an empty body"),
    (b" \r\n\t", "an empty body"),
    (b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB", "text that begins with 'iVBORw0KGgoAAAANSUhE'"),
    (b"picture=7", "text that begins with 'picture=7'"),
    (b"label,image\n7,x", "text that begins with 'label,image 7,x'"),
    ("сім".encode(), "text that begins with 'сім'"),
    (b"x" * 59 + "é".encode(), f"text that begins with '{'x' * 20}'"),
    ("seven".encode("utf-16"), "text that begins with 'seven'"),
    (b"\0\0\0 ftypisom", "a video"),
    (b"\x01\x02", "binary data that begins with 01 02"),
    (bytes(100), "binary data that begins with 00 00 00 00"),
]


@pytest.mark.parametrize(("content", "words"), DESCRIPTIONS, ids=[words[:30] for _, words in DESCRIPTIONS])
def test_error_for_a_body_that_is_not_json_describes_it(client, content, words):
    assert describe_body(content) == words
    for kind in ("application/json", FORM, None):
        message = assert_error(client.post("/api", data=content, content_type=kind), 400, "json")
        assert message.startswith('Send a JSON object: {"image": ')
        assert message.endswith(f"This is {words}.")


def test_truncated_body_is_a_client_error(client):
    class Broken(io.RawIOBase):
        def readinto(self, _):
            raise OSError("connection reset")

    answer = client.post("/api", environ_overrides={"wsgi.input": Broken(), "CONTENT_LENGTH": "100"})
    assert_error(answer, 400, "body")
