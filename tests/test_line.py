"""A request on its way: where it ends."""

import json

import pytest

from digits.line import REFUSALS, Line, measured, refusal, scan
from tests.looping import chunked, request


@pytest.mark.parametrize(
    ("sent", "need"),
    [
        (b"", None),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", None),
        (b"GET / HTTP/1.1\r\n\r\n", 18),
        (request("/", b"12345"), len(request("/", b"12345"))),
        (request("/", b"12345")[:-5], len(request("/", b"12345"))),
        (request("/", b"12345").replace(b"Content-Length", b"cONTENT-lENGTH"), len(request("/", b"12345"))),
        (chunked("/", b"12345"), -1),
    ],
)
def test_the_head_says_how_long_a_request_is(sent, need):
    line = Line(None, (), 0.0, buffer=bytearray(sent))
    assert measured(line) is (need is not None)
    if need is not None:
        assert line.need == need


def test_chunks_are_looked_at_once_however_many_come():
    sent = chunked("/", *[b"ab"] * 1000)
    line = Line(None, (), 0.0, body=sent.index(b"\r\n\r\n") + 4)
    line.scanned, line.chunks, before = line.body, [], 0
    for place in range(0, len(sent), 7):
        line.buffer += sent[place : place + 7]
        whole = scan(line)
        assert before <= line.scanned
        before = line.scanned
    assert whole
    assert line.need == len(sent)
    assert line.content() == b"ab" * 1000


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_an_answer_of_http_in_the_one_form_of_errors(status):
    head, _, body = refusal(status, end=True).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert (b"Retry-After: 1" in head) is (status == 503)
    assert set(json.loads(body)["error"]) == {"code", "message"}
    assert b"Connection: keep-alive" in refusal(status, end=False)
