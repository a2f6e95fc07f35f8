"""`digits.serving.error_handlers`: every error is answered in one form, an unknown address also with a page."""

import re
from pathlib import Path

import pytest

from digits import UserError
from digits.recognition import image_decoding
from tests.helpers.api import assert_error, to_base64

SAMPLE = Path("input/test-7.png")
# The Accept header of Chromium and Firefox when a user opens an address.
BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_unknown_paths_and_methods_get_errors_in_the_same_form(client):
    assert "POST /api" in assert_error(client.get("/nothing"), 404, "not_found")
    assert "/docs" in assert_error(client.get("/api"), 405, "method_not_allowed")
    assert "POST" in client.get("/api").headers["Allow"]


def test_bug_is_answered_with_503_and_logged_with_its_traceback(client, monkeypatch, caplog):
    monkeypatch.setattr(image_decoding, "open_file", lambda *_: 1 / 0)
    response = client.post("/api", json={"image": "aGVsbG8="})
    message = assert_error(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "ZeroDivision" not in message
    assert "ZeroDivisionError" in caplog.text


def test_decoding_timeout_is_answered_with_413(client, monkeypatch):
    def slow(*_):
        raise UserError("The picture takes too long to decode: send a smaller one, or as PNG.", "time")

    monkeypatch.setattr(image_decoding, "open_file", slow)
    assert_error(client.post("/api", json={"image": to_base64(SAMPLE.read_bytes())}), 413, "time")


@pytest.mark.parametrize(("code", "status"), [("large", 413), ("slow", 408), ("busy", 503), ("body", 400)])
@pytest.mark.parametrize("path", ["/api", "/", "/healthz", "/nothing"])
def test_errors_of_the_asgi_adapter_are_answered_in_the_same_form(client, path, code, status):
    error = UserError("That was not as it should be: do something.", code)
    response = client.post(path, data=b"not read", environ_overrides={"digits.error": error})
    assert assert_error(response, status, code) == str(error)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert response.headers["X-Request-ID"]


@pytest.mark.parametrize("accept", [BROWSER_ACCEPT, "text/html"])
def test_unknown_address_answers_html_to_browsers(client, accept):
    response = client.get("/nothing/here", headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "<h1>" in response.text
    links = re.findall(r'(?:href|src)="([^"]+)"', response.text)
    assert {"/", "/docs"} < set(links)
    for link in links:
        assert client.get(link, buffered=True).status_code == 200


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.5", None])
def test_unknown_address_answers_json_to_programs(client, accept):
    response = client.get("/nothing", headers={"Accept": accept} if accept else {})
    assert "/docs" in assert_error(response, 404, "not_found")


def test_markup_in_an_unknown_address_is_not_echoed(client):
    response = client.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert "alert" not in response.text
