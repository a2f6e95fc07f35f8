"""What happens around every request: headers, other origins, rates, names and lines."""

import functools
import re
from pathlib import Path

import app
from tests.helpers.api import assert_refused, encoded

SAMPLE = Path("input/test-7.png")


def test_every_answer_forbids_what_a_page_of_ours_does_not_do(client):
    for path in ("/", "/api", "/healthz", "/nothing"):
        headers = client.get(path, buffered=True).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_pages_of_another_origin_may_ask_where_it_is_allowed():
    client = app.create_app(settings=app.Settings(cors="https://example.org")).test_client()
    preflight = client.options("/api", headers={"Origin": "https://example.org"})
    assert preflight.status_code == 204
    for answer in (preflight, client.get("/healthz")):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.org"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]


def test_who_asks_too_often_is_told_when_to_come_again():
    client = app.create_app(settings=app.Settings(rate_limit=2, proxies=1)).test_client()
    ask = functools.partial(client.post, "/api", json={"image": "zzz"})
    assert [ask().status_code for _ in range(3)] == [400, 400, 429]
    assert_refused(last := ask(), 429, "too_many_requests")
    assert 1 <= int(last.headers["Retry-After"]) <= 60
    assert ask(headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 400
    assert client.get("/healthz").status_code == 200


def test_every_request_has_one_line_with_its_name_and_nothing_of_its_picture(client, caplog):
    caplog.set_level("INFO", "digits.requests")
    image = encoded(SAMPLE.read_bytes())
    own = client.post("/api?secret=1", json={"image": image}, headers={"X-Request-ID": "mine-1"})
    assert own.headers["X-Request-ID"] == "mine-1"
    other = client.get("/nothing", headers={"X-Request-ID": "a b\t<script>"})
    first, second = (record.requests[0] for record in caplog.records)
    assert (first["id"], first["method"], first["path"], first["status"]) == ("mine-1", "POST", "/api", 200)
    assert first["ms"] > 0
    assert second["id"] == other.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", second["id"])
    assert image[:50] not in caplog.text
