"""`digits.serving.wsgi_adapter`: the ASGI and WSGI specifications."""

import asyncio
from wsgiref.validate import validator

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from tests.helpers.asgi import SCOPE, Client, chunks, make, request


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_are_not_supported(asgi_app, wsgi_app, kind):
    with pytest.raises(ValueError, match=kind):
        asyncio.run(asgi_app(SCOPE | {"type": kind}, Client().receive, Client().send))
    assert wsgi_app.environs == []


@pytest.mark.parametrize("fails", [False, True])
def test_response_iterable_is_closed_once(asgi_app, wsgi_app, fails):
    wsgi_app.fails = fails
    try:
        request(asgi_app)
    except LookupError:
        assert fails
    assert wsgi_app.closed == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_calls_follow_the_wsgi_specification(method):
    def wsgi_app(environ, start_response):
        read = environ["wsgi.input"].read(100)
        start_response("299 Fine", [("X-Name", "é"), ("Content-Type", "text/plain")])
        return [b"", read]

    headers = [(b"content-type", b"image/png"), (b"content-length", b"7"), (b"host", b"localhost")]  # on GET, too
    asgi_app = make(validator(wsgi_app))
    assert request(asgi_app, *chunks(b"picture"), method=method, headers=headers) == b"picture"


REQUESTS = {
    "GET": {"method": "GET", "path": "/"},
    "query": {"method": "GET", "path": "/api/network", "query_string": "a=1&b=%20%C3%A9&c=+;/?"},
    "query beyond ASCII": {"method": "GET", "path": "/", "query_string": "é=7"},
    "path beyond ASCII": {"method": "GET", "path": "/é/中"},
    "JSON": {"path": "/api", "data": b'{"image": "aGVsbG8="}', "content_type": "wsgi_app/json"},
    "empty body": {"path": "/api", "data": b"", "content_type": "image/png"},
    "form": {"path": "/api", "data": {"image": "aGVsbG8="}},
    "prefix": {"method": "GET", "path": "/docs", "base_url": "http://localhost/digits/"},
    "https": {"method": "GET", "path": "/", "base_url": "https://localhost/"},
    "headers": {
        "path": "/api",
        "data": b"picture",
        "headers": {"Accept": "text/html, */*;q=0.1", "X-Request-ID": "a-1", "X-Forwarded-For": "1.2.3.4", "X-E": "é"},
    },
}
# Keys that are not in PEP 3333, or describe the connection.
CONNECTION_KEYS = {"REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST", "REQUEST_URI", "RAW_URI"}


def as_scope(environ: dict) -> dict:
    """Convert the request of a WSGI environ to the ASGI scope of the same request."""
    root, path = (environ[name].encode("latin-1").decode() for name in ("SCRIPT_NAME", "PATH_INFO"))
    headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in EnvironBuilder.from_environ(environ).headers]
    return {
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "root_path": root,
        "path": root + path,
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": headers,
    }


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_environ_equals_that_of_werkzeug(asgi_app, wsgi_app, request_):
    """The oracle is Werkzeug's EnvironBuilder."""
    arguments = {"method": "POST", "headers": Headers()} | request_
    expected = EnvironBuilder(**arguments).get_environ()
    body = expected["wsgi.input"].read()
    expected["wsgi.input"].seek(0)
    scope = as_scope(expected)
    assert request(asgi_app, *chunks(body), **scope) == b"answer:" + body
    (environ,) = wsgi_app.environs
    of_request = {
        name: value
        for name, value in expected.items()
        if isinstance(value, str) and name not in CONNECTION_KEYS and not name.startswith("werkzeug.")
    }
    if arguments["method"] == "POST":
        of_request["CONTENT_LENGTH"] = str(len(body))
    assert {name: environ.get(name) for name in of_request} == of_request
    assert {name for name in environ if name.startswith("HTTP_")} - CONNECTION_KEYS <= set(expected)


def test_headers_with_underscores_are_dropped(asgi_app, wsgi_app):
    """In an environ they would look like headers that a trusted proxy sets, such as X-Forwarded-For."""
    headers = [(b"x_forwarded_for", b"6.6.6.6"), (b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded_for", b"6.6.6.6")]
    request(asgi_app, headers=headers)
    assert wsgi_app.environs[0]["HTTP_X_FORWARDED_FOR"] == "1.2.3.4"
