"""`?page=` of the API, and /api/picture: a page of a file as a browser can show it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.helpers.api import assert_error
from tests.helpers.files import blank_page, draw_one, draw_seven, encode_pages, encode_seven

PDF = encode_pages("PDF", blank_page(), draw_seven(), draw_one())


@pytest.mark.parametrize(("query", "text", "page"), [("", "7", 2), ("?page=2", "7", 2), ("?page=3", "1", 3)])
def test_chosen_page_is_read_or_the_first_with_writing(client, query, text, page):
    answer = client.post(f"/api{query}", data=PDF).json
    assert (answer["text"], answer["page"], answer["pages"]) == (text, page, 3)


@pytest.mark.parametrize("content_type", ["application/pdf", "application/json", None])
def test_file_of_any_format_is_read_whatever_its_content_type(client, content_type):
    assert client.post("/api", data=encode_seven("PDF"), content_type=content_type).json["text"] == "7"


def test_page_applies_to_the_explanations(client):
    assert client.post("/api/explain?page=3", data=PDF).json["reading"]["text"] == "1"
    assert {network["text"] for network in client.post("/api/compare?page=3", data=PDF).json["networks"]} == {"1"}


@pytest.mark.parametrize("route", ["/api", "/api/picture", "/api/explain", "/api/compare"])
@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.0", "1&page=2", "4", "9999999999"])
def test_invalid_page_is_an_error(client, route, page):
    assert_error(client.post(f"{route}?page={page}", data=PDF), 400, "page")


def test_blank_page_is_an_error_where_it_was_chosen(client):
    assert "page 1 of 3" in assert_error(client.post("/api?page=1", data=PDF), 422, "blank")


def show(client, content: bytes, query: str = "") -> tuple[np.ndarray, bytes, dict]:
    """Return the picture that the API shows, as an array and as a file, and the answer."""
    answer = client.post(f"/api/picture{query}", data=content).json
    file = base64.b64decode(answer["image"].removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(file), formats=["PNG"])), file, answer


def test_picture_is_shown_as_it_was_read(client):
    for query, page in (("", 2), ("?page=3", 3)):
        _, file, answer = show(client, PDF, query)
        assert (answer["page"], answer["pages"]) == (page, 3)
        shown, sent = client.post("/api", data=file).json, client.post(f"/api?page={page}", data=PDF).json
        assert shown["digits"] == sent["digits"]


def test_blank_picture_is_shown_too(client):
    assert show(client, PDF, "?page=1")[0].min() == 255
    assert show(client, encode_pages("TIFF", blank_page(), blank_page()))[0].min() == 255


def test_large_picture_is_shown_reduced(client):
    pixels, _, _ = show(client, encode_pages("TIFF", draw_seven().resize((3000, 2000)), compression="tiff_lzw"))
    assert pixels.shape[:2] == (667, 1000)
