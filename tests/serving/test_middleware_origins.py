"""`digits.serving.middleware`: pages of other origins (CORS)."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from digits import UserError
from digits.serving.middleware import parse_origins
from tests.helpers.api import client_of

SAMPLE = Path("input/test-7.png").read_bytes()
RAW = {"data": SAMPLE, "content_type": "image/png"}
COURSE, OTHER = "https://course.example.org", "https://other.example.org"
ALLOWED = {"a": COURSE, "b": "http://localhost:8080"}


@pytest.fixture(scope="module")
def open_client() -> FlaskClient:
    """A client of an application that allows pages of two other origins."""
    return client_of(cors=f"{COURSE}/, HTTP://LOCALHOST:8080")


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        (" , ", ()),
        ("*", ("*",)),
        ("https://a.org", ("https://a.org",)),
        ("https://a.org/", ("https://a.org",)),
        ("HTTPS://A.Org", ("https://a.org",)),
        (" https://a.org ,http://b.org:8080, ", ("https://a.org", "http://b.org:8080")),
        ("https://a.org:443,http://a.org:80", ("https://a.org", "http://a.org")),
        ("http://a.org:443", ("http://a.org:443",)),
        ("http://[::1]:5001", ("http://[::1]:5001",)),
        ("http://127.0.0.1:5001", ("http://127.0.0.1:5001",)),
        ("https://xn--4ca.org", ("https://xn--4ca.org",)),
    ],
)
def test_origins_are_normalized_to_what_browsers_send(text, origins):
    assert parse_origins(text, "--cors") == origins


BAD_ORIGINS = [
    *("null", "example.org", "localhost:5000", "https://", "https:example.org", "ftp://a.org", "file:///home"),
    *("https://a.org/path", "https://a.org?x", "https://a.org#x", "https://a.org//", "https://me@a.org"),
    *("https://*.a.org", "https://a.org:x", "https://[::1", "https://a.org https://b.org", "https://a.org;b", "'self'"),
    *("https://a.org\nX: y", "https://é.org"),
]


@pytest.mark.parametrize("word", BAD_ORIGINS)
@pytest.mark.parametrize("flag", ["cors", "frame_ancestors"])
def test_invalid_origins_are_rejected_with_an_example(word, flag):
    shown = f"--{flag.replace('_', '-')} {word} is not an origin: .*https://example.org"
    with pytest.raises(UserError, match=re.escape(shown).replace(re.escape(".*"), ".*")):
        client_of(**{flag: f"{COURSE},{word}"})


def test_create_app_rejects_invalid_origins():
    with pytest.raises(UserError, match="--cors null"):
        client_of(cors="null")


@pytest.mark.parametrize("origin", ALLOWED.values())
@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/healthz", 200), ("POST", "/api", 200), ("GET", "/nothing", 404)]
)
def test_response_names_the_allowed_origin_of_the_request(open_client, origin, method, path, status):
    content = RAW if method == "POST" else {}
    response = open_client.open(path, method=method, headers={"Origin": origin}, **content)
    assert response.status_code == status
    assert response.headers.getlist("Access-Control-Allow-Origin") == [origin]
    assert "Origin" in response.vary
    assert response.headers["Access-Control-Expose-Headers"] == "ETag, Retry-After, X-Request-ID"


@pytest.mark.parametrize("origin", [OTHER, "null", "https://course.example.org.evil.org", f"{COURSE}:8443", None])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_other_origins_are_not_named(open_client, origin, method):
    headers = {"Origin": origin} if origin else {}
    response = open_client.open("/healthz", method=method, headers=headers)
    assert response.status_code in (200, 204)
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Origin" in response.vary  # a cache must not send this to a page of an allowed origin


@pytest.mark.parametrize("path", ["/api", "/api/batch", "/api/explain", "/api/compare"])
def test_preflight_allows_the_methods_and_headers_of_the_api(open_client, path):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-request-id"}
    response = open_client.options(path, headers={"Origin": COURSE} | asked)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == COURSE
    assert "POST" in response.headers["Access-Control-Allow-Methods"].split(", ")
    allowed = {name.lower() for name in response.headers["Access-Control-Allow-Headers"].split(", ")}
    assert allowed == {"content-type", "content-encoding", "if-none-match", "x-request-id"}
    assert int(response.headers["Access-Control-Max-Age"]) > 0


def test_error_responses_can_be_read_by_allowed_origins(open_client):
    headers = {"Origin": COURSE}
    error = UserError("The server is overloaded: try again.", "busy")
    for response in (
        open_client.post("/api", data=b"no picture", headers=headers),
        open_client.post("/api", headers=headers, environ_overrides={"digits.error": error}),
        open_client.get("/api", headers=headers),
    ):
        assert response.status_code >= 400
        assert response.headers["Access-Control-Allow-Origin"] == COURSE
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("setting", ["*", f"{COURSE},*"])
@pytest.mark.parametrize("origin", [OTHER, "null"])
def test_star_allows_every_origin(setting, origin):
    client = client_of(cors=setting)
    for response in (client.options("/api", headers={"Origin": origin}), client.get("/healthz")):
        assert response.headers.getlist("Access-Control-Allow-Origin") == ["*"]


def test_options_without_cors_lists_the_methods(client):
    response = client.options("/api", headers={"Origin": COURSE, "Access-Control-Request-Method": "POST"})
    assert response.status_code == 200
    assert {"POST", "OPTIONS"} <= set(response.allow)
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
