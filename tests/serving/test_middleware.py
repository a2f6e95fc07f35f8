"""`digits.serving.middleware`: security headers, compression, path prefixes and the access log."""

import asyncio
import gc
import gzip
import json
import re
import weakref
from pathlib import Path

import pytest

from digits import UserError
from tests.helpers import asgi
from tests.helpers.api import assert_error, client_of, to_base64

SAMPLE = Path("input/test-7.png").read_bytes()
RAW = {"data": SAMPLE, "content_type": "image/png"}
COURSE, OTHER = "https://course.example.org", "https://other.example.org"


# -- security headers


@pytest.mark.parametrize("path", ["/", "/api", "/healthz", "/nothing", "/static/js/main.js", "/docs"])
def test_every_response_has_security_headers(client, path):
    headers = client.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("setting", "ancestors"),
    [("", "'none'"), (f"{COURSE}/", COURSE), (f"{COURSE},{OTHER}", f"{COURSE} {OTHER}"), ("*", "*")],
)
def test_frame_ancestors_are_in_the_content_security_policy(setting, ancestors):
    policy = client_of(frame_ancestors=setting).get("/").headers["Content-Security-Policy"]
    assert policy.endswith(f"; frame-ancestors {ancestors}")


# -- compression


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate", "deflate;q=0.5, gzip;q=1.0"])
def test_explanation_is_compressed_for_clients_that_accept_it(client, accepted):
    plain = client.post("/api/explain", **RAW)
    packed = client.post("/api/explain", headers={"Accept-Encoding": accepted}, **RAW)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.vary
    assert json.loads(gzip.decompress(packed.data)) == plain.json
    assert len(packed.data) == int(packed.headers["Content-Length"]) < len(plain.data) / 5


@pytest.mark.parametrize("accepted", [None, "identity", "compress"])
def test_explanation_is_not_compressed_for_other_clients(client, accepted):
    headers = {"Accept-Encoding": accepted} if accepted else {}
    response = client.post("/api/explain", headers=headers, **RAW)
    assert "Content-Encoding" not in response.headers
    assert response.json["reading"]["text"] == "7"
    assert "Accept-Encoding" in response.vary  # a cache must not send this to every client


@pytest.mark.parametrize(
    "path", ["/", "/static/js/main.js", "/docs/js/swagger-ui-bundle.js", "/openapi.json", "/metrics"]
)
@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br, zstd"], ids=["program", "browser"])
def test_text_responses_are_compressed(client, path, accepted):
    response = client.get(path, headers={"Accept-Encoding": accepted}, buffered=True)
    assert response.headers["Content-Encoding"] in accepted.split(", ")
    assert int(response.headers["Content-Length"]) == len(response.data)


@pytest.mark.parametrize("accepted", ["", "gzip"])
def test_range_request_gets_the_whole_file(client, accepted):
    """A range would be compressed as if it were the whole file."""
    headers = {"Range": "bytes=0-99", "Accept-Encoding": accepted}
    response = client.get("/static/js/main.js", headers=headers, buffered=True)
    assert response.status_code == 200
    content = gzip.decompress(response.data) if accepted else response.data
    assert content == Path("static/js/main.js").read_bytes()


def test_readings_are_too_short_to_be_compressed(client):
    response = client.post("/api", headers={"Accept-Encoding": "gzip"}, **RAW)
    assert "Content-Encoding" not in response.headers


# -- proxies and prefixes


@pytest.mark.parametrize(
    "request_",
    [
        {"headers": {"X-Forwarded-Prefix": "/digits"}},
        {"headers": {"X-Forwarded-Prefix": "/digits/"}},
        {"environ_overrides": {"SCRIPT_NAME": "/digits"}},
    ],
    ids=["X-Forwarded-Prefix", "with a slash", "SCRIPT_NAME"],
)
def test_path_prefix_is_in_the_openapi_document_and_in_links(request_):
    client = client_of(proxies=1)
    assert client.get("/openapi.json", **request_).json["servers"] == [{"url": "/digits"}]
    headers = request_.get("headers", {}) | {"Accept": "text/html"}
    missing = client.get("/nothing", **request_ | {"headers": headers})
    links = re.findall(r'(?:href|src)="([^"]+)"', missing.text)
    assert {"/digits/", "/digits/docs"} < set(links)
    for link in links:
        assert link.startswith("/digits/")
        assert client.get(link.removeprefix("/digits"), **request_, buffered=True).status_code == 200


def test_prefix_in_the_environment_may_be_part_of_the_path_or_not(monkeypatch):
    monkeypatch.setenv("SCRIPT_NAME", "/digits/")
    client = client_of()
    assert client.get("/openapi.json").status_code == 200
    assert client.get("/digits/openapi.json").json["servers"] == [{"url": "/digits"}]
    assert client.post("/digits/api", **RAW).json["text"] == "7"


def test_prefix_of_a_client_is_ignored_without_proxies(client):
    headers = {"X-Forwarded-Prefix": "//evil.example.org", "Accept": "text/html"}
    assert client.get("/openapi.json", headers=headers).json["servers"] == [{"url": "/"}]
    assert "evil" not in client.get("/nothing", headers=headers).text


def test_pages_link_relative_to_their_own_address(client):
    """So the pages work behind any path prefix, even if the proxy does not send it."""
    for path in ("/", "/docs"):
        for link in re.findall(r'(?:href|src|action)="([^"]+)"', client.get(path, buffered=True).text):
            assert not link.startswith(("/", "http")), link


@pytest.mark.parametrize(
    ("proxies", "address"), [(0, "127.0.0.1"), (1, "198.51.100.7"), (2, "203.0.113.9")], ids=["none", "one", "two"]
)
def test_access_log_has_the_client_address_from_trusted_proxies(caplog, proxies, address):
    caplog.set_level("INFO", "digits.access")
    headers = {"X-Forwarded-For": "10.0.0.1, 203.0.113.9, 198.51.100.7"}
    client_of(proxies=proxies).get("/healthz", headers=headers)
    assert [record.remote_addr for record in caplog.records if record.name == "digits.access"] == [address]


# -- access log


def test_request_is_one_log_record_without_picture_content(client, caplog):
    caplog.set_level("INFO", "digits.access")
    image = to_base64(SAMPLE)
    response = client.post("/api?secret=1", json={"image": image}, headers={"X-Request-ID": "mine-1"})
    assert response.headers["X-Request-ID"] == "mine-1"
    (record,) = caplog.records
    assert (record.request_id, record.method, record.path, record.status) == ("mine-1", "POST", "/api", 200)
    assert record.duration_ms > 0
    assert record.remote_addr == "127.0.0.1"
    assert re.fullmatch(r"200 POST /api [\d.]+ ms 127.0.0.1 mine-1", record.message)
    assert image[:50] not in caplog.text


@pytest.mark.parametrize("name", ["a b", "<script>", "", "x" * 65, "a\tb", "é"])
def test_unsafe_request_id_is_replaced(client, caplog, name):
    caplog.set_level("INFO", "digits.access")
    response = client.get("/nothing", headers={"X-Request-ID": name})
    assert re.fullmatch("[0-9a-f]{16}", response.headers["X-Request-ID"])
    assert [record.request_id for record in caplog.records] == [response.headers["X-Request-ID"]]


def test_path_cannot_forge_log_lines_or_fields(client, caplog):
    caplog.set_level("INFO", "digits.access")
    client.get("/a%0A200%20GET%20/%1B%5B31m")
    (record,) = caplog.records
    assert record.path == "/a%0A200%20GET%20/%1B[31m"
    assert len(record.message.splitlines()) == 1


@pytest.mark.parametrize("path", ["/", "/static/js/main.js", "/docs", "/api/network"])
@pytest.mark.parametrize("accepted", ["", "gzip"])
def test_unchanged_file_is_logged_with_the_status_of_its_response(client, caplog, path, accepted):
    """Flask-Compress once turned a 200 into a 304 after the 200 was logged."""
    headers = {"Accept-Encoding": accepted}
    caplog.set_level("INFO", "digits.access")
    headers["If-None-Match"] = client.get(path, headers=headers, buffered=True).headers["ETag"]
    assert client.get(path, headers=headers, buffered=True).status_code == 304
    assert [record.status for record in caplog.records] == [200, 304]


def test_requests_rejected_by_the_adapter_are_logged_and_counted(client, caplog):
    caplog.set_level("INFO", "digits.access")
    error = UserError("The request did not arrive in time: send it again.", "slow")
    response = client.post("/api", environ_overrides={"digits.error": error})
    assert_error(response, 408, "slow")
    assert [record.status for record in caplog.records] == [408]
    assert 'digits_requests_total{method="POST",route="/api",status="408"}' in client.get("/metrics").text


# -- errors that the ASGI adapter found


def test_a_request_whose_body_stalled_is_freed_at_once(client):
    """Until it is freed, granian keeps its connection open; in a reference cycle, that took minutes."""
    asgi_app = asgi.make(client.application, read_timeout=0.01)
    stalled = asgi.Client(*asgi.chunks(b"pic", b"ture")[:1])
    freed = weakref.ref(stalled)
    gc.disable()
    try:
        asyncio.run(asgi_app(asgi.SCOPE, stalled.receive, stalled.send))
        assert stalled.sent[0]["status"] == 408
        del stalled
        assert not freed()
    finally:
        gc.enable()
