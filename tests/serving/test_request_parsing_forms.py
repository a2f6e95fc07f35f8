"""`digits.serving.request_parsing`: pictures in forms."""

import base64
import gzip
import io
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from werkzeug.test import EnvironBuilder

from bench.sample_images import encode_image
from tests.helpers.api import assert_error, to_base64

SAMPLE = Path("input/test-7.png").read_bytes()
TEXT = to_base64(SAMPLE)
FORM = "application/x-www-form-urlencoded"  # sent by `curl --data-binary` with any body


@pytest.mark.parametrize(
    "field",
    [
        quote_plus(TEXT),
        TEXT,
        quote_plus(f"data:image/png;base64,{TEXT}"),
        f"data:image/png;base64,{TEXT}",
        base64.urlsafe_b64encode(SAMPLE).decode().rstrip("="),
        f"{quote_plus(TEXT)}&other=1",
        f"{quote_plus(TEXT)}&image=second",
    ],
    ids=["escaped", "with + and =", "data: URL", "data: URL with + and =", "URL-safe", "another field", "twice"],
)
@pytest.mark.parametrize("before", ["", "other=1&"])
def test_urlencoded_form_field_is_read(client, before, field):
    assert "+" in TEXT
    assert client.post("/api", data=f"{before}image={field}", content_type=FORM).json["text"] == "7"


def test_picture_that_contains_form_field_syntax_is_read(client):
    metadata = PngInfo()
    metadata.add_text("comment", "&image=aGVsbG8=&")
    with Image.open(io.BytesIO(SAMPLE)) as image:
        content = encode_image(image, pnginfo=metadata)
    assert client.post("/api", data=content, content_type=FORM).json["text"] == "7"


@pytest.mark.parametrize("count", [2_000, 100_000])
def test_form_with_too_many_fields_is_rejected(client, count):
    answer = client.post("/api", data="a=1&" * count + "image=aGVsbG8=", content_type=FORM)
    assert_error(answer, 400, "form")
    part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    answer = client.post("/api", data=part * count + "--x--\r\n", content_type="multipart/form-data; boundary=x")
    assert_error(answer, 413)


def test_form_file_is_read(client):
    assert client.post("/api", data={"image": (io.BytesIO(SAMPLE), "7.png")}).json["text"] == "7"
    assert_error(client.post("/api", data={"image": (io.BytesIO(b"no picture"), "7.png")}), 415, "format")


def test_compressed_form_is_read(client):
    form = EnvironBuilder(method="POST", data={"image": (io.BytesIO(SAMPLE), "7.png")}).get_environ()
    body = gzip.compress(form["wsgi.input"].read())
    headers = {"Content-Encoding": "gzip", "Content-Type": form["CONTENT_TYPE"]}
    assert client.post("/api", data=body, headers=headers).json["text"] == "7"


def test_only_file_of_a_form_is_read_under_any_name(client):
    form = {"picture": (io.BytesIO(SAMPLE), "7.png"), "comment": "a seven"}
    assert client.post("/api", data=form).json["text"] == "7"


def test_file_named_image_is_preferred_to_others(client):
    form = {"mask": (io.BytesIO(b"no picture"), "mask.png"), "image": (io.BytesIO(SAMPLE), "7.png")}
    assert client.post("/api", data=form).json["text"] == "7"


def test_several_files_with_other_names_are_rejected_with_their_names(client):
    form = {name: (io.BytesIO(SAMPLE), "7.png") for name in ("front", "back")}
    message = assert_error(client.post("/api", data=form), 400, "form")
    assert '"front", "back"' in message
    assert '"image"' in message


@pytest.mark.parametrize("body", [{"other": "no file"}, b"no form"], ids=["text field", "no form"])
def test_form_without_a_file_is_rejected(client, body):
    answer = client.post("/api", data=body, content_type="multipart/form-data")
    assert "curl -F" in assert_error(answer, 400, "form")


def test_form_accepts_a_data_url_as_text(client):
    form = {"image": f"data:image/png;base64,{to_base64(SAMPLE)}"}
    assert client.post("/api", data=form, content_type="multipart/form-data").json["text"] == "7"


def test_empty_file_field_is_ignored(client):
    form = {"first": (io.BytesIO(), ""), "second": (io.BytesIO(SAMPLE), "7.png")}
    assert client.post("/api", data=form).json["text"] == "7"
