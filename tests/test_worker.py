"""The server's loop, with a made-up application: requests in any pieces, in turn, refused when they must be."""

import http.client
import json
import socket
from types import SimpleNamespace

import pytest

from digits import worker
from digits.line import MAX_HEAD
from digits.worker import ASIDE
from tests.looping import Lasting, Served, chunked, request, told


@pytest.fixture
def serve(monkeypatch):
    served: list[Served] = []

    def start(**settings):
        served.append(Served(monkeypatch, **settings))
        return served[-1]

    yield start
    for one in served:
        one.end()


WHOLE = [
    (request("/a", b"12345"), b"/a 5"),
    (request("/b"), b"/b 0"),
    (chunked("/c", b"1234", b"0\r\n\r\n"), b"/c 9"),
    (chunked("/d", trailer=b"X-Sum: 1\r\n"), b"/d 0"),
    (b"GET /e HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"/e 0"),
]


@pytest.mark.parametrize(("sent", "answer"), WHOLE)
def test_a_request_may_come_in_any_pieces(serve, sent, answer):
    line = serve().line()
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for place in range(len(sent)):
        line.sendall(sent[place : place + 1])
    assert told(line)[:2] == (200, answer)
    line.sendall(sent)
    assert told(line)[:2] == (200, answer)


def test_requests_that_come_at_once_are_answered_in_their_order(serve):
    line = serve().line()
    line.sendall(b"".join(sent for sent, _ in WHOLE[:4]))
    reader = line.makefile("rb")
    for _, answer in WHOLE[:4]:
        response = http.client.HTTPResponse(SimpleNamespace(makefile=lambda mode: Lasting(reader)))
        response.begin()
        assert response.read() == answer


def test_who_waits_for_leave_to_send_a_body_gets_it(serve):
    line = serve().line()
    sent = request("/a", b"12345", "Expect: 100-continue")
    line.sendall(sent[:-5])
    assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.sendall(sent[-5:])
    assert told(line)[:2] == (200, b"/a 5")


def assert_refused(line: socket.socket, status: int) -> None:
    answered, body, response = told(line)
    assert answered == status
    assert set(json.loads(body)["error"]) == {"code", "message"}
    assert response.headers["Connection"] == "close"
    assert line.recv(1) == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\xff\xfe\x00\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nContent-Length: 0000000000000000005\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nContent-Length : 5\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1234567890\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2000,
    ],
    ids=lambda sent: sent[:60].decode("latin-1").encode("unicode_escape").decode(),
)
def test_what_makes_no_sense_is_refused_and_the_line_closed(serve, sent):
    line = serve().line()
    line.sendall(sent)
    assert_refused(line, 400)


def test_a_head_without_end_is_refused(serve):
    line = serve().line()
    line.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD)
    assert_refused(line, 431)


@pytest.mark.parametrize(
    "sent", [request("/a", bytes(5_000_000)), chunked("/a", *[bytes(100_000)] * 50)], ids=["length", "chunks"]
)
def test_a_body_that_is_too_large_is_refused_when_all_of_it_came(serve, sent):
    line = serve().line()
    line.sendall(sent)
    assert_refused(line, 413)


def test_requests_that_together_hold_too_much_make_room_for_others(serve, monkeypatch):
    monkeypatch.setattr(worker, "HELD", 150_000)
    served = serve()
    small, large = served.line(), served.line()
    small.sendall(request("/a", bytes(1000))[:-1])
    large.sendall(request("/a", bytes(190_000))[:-1])
    assert_refused(large, 503)
    small.sendall(b"\0")
    assert told(small)[:2] == (200, b"/a 1000")


def test_a_request_that_does_not_end_is_refused_in_time_and_a_silent_line_closed(serve):
    served = serve()
    slow, silent = served.line(), served.line()
    slow.sendall(request("/a", b"12345")[:-1])
    slow.settimeout(0.2)
    with pytest.raises(TimeoutError):
        slow.recv(1)
    slow.settimeout(30)
    served.clock.ahead += 31
    assert_refused(slow, 408)
    assert silent.recv(1) == b""
    assert served.refused == [408]


def behind(served: Served, last: bytes) -> tuple[socket.socket, socket.socket]:
    """A request that makes ten seconds pass and, behind it, a `last` one, both waiting as one by one is answered."""
    first, second, third = (served.line() for _ in range(3))
    first.sendall(request("/hold"))
    assert served.held.wait(30)
    second.sendall(request("/jump"))
    third.sendall(last)
    served.hold.set()
    assert told(first)[:2] == (200, b"/hold 0")
    return second, third


def test_who_waits_too_long_for_a_turn_is_told_to_come_again_and_may(serve, monkeypatch):
    monkeypatch.setattr(worker, "TOGETHER", 1)
    served = serve()
    second, third = behind(served, request("/late"))
    assert told(second)[:2] == (200, b"/jump 0")
    late = told(third)
    assert late[0] == 503
    assert int(late[2].headers["Retry-After"]) >= 1
    third.sendall(request("/again"))
    assert told(third)[:2] == (200, b"/again 0")
    assert served.refused == [503]


def test_whoever_watches_the_server_waits_for_nobody(serve, monkeypatch):
    monkeypatch.setattr(worker, "TOGETHER", 1)
    second, third = behind(serve(), b"GET /healthz HTTP/1.1\r\n\r\n")
    assert told(third)[:2] == (200, b"/healthz 0")
    assert told(second)[:2] == (200, b"/jump 0")


def test_large_requests_wait_for_each_other_no_longer_than_others(serve):
    served = serve()
    first, second = served.line(), served.line()
    first.sendall(request("/hold", bytes(ASIDE)))
    assert served.held.wait(30)
    second.sendall(request("/a", bytes(ASIDE)))
    second.settimeout(0.2)
    with pytest.raises(TimeoutError):
        second.recv(1)
    second.settimeout(30)
    served.clock.ahead += 1
    assert told(second)[0] == 503
    served.hold.set()
    assert told(first)[:2] == (200, b"/hold %d" % ASIDE)


def test_what_turns_out_to_be_long_is_answered_beside_the_others(serve):
    served = serve()
    long, other = served.line(), served.line()
    long.sendall(request("/later"))
    assert served.held.wait(30)
    other.sendall(request("/a"))
    assert told(other)[:2] == (200, b"/a 0")
    served.hold.set()
    assert told(long)[:2] == (200, b"/later 0")


@pytest.mark.parametrize("head", [b"HEAD / HTTP/1.1", b"GET / HTTP/1.0", b"GET / HTTP/1.1\r\nConnection: close"])
def test_a_refusal_ends_the_line_where_the_next_request_may_be_misunderstood(serve, head, monkeypatch):
    served = serve(max_wait=-1)
    line = served.line()
    line.sendall(head + b"\r\n\r\n")
    assert b"Connection: close" in line.recv(1000)


def test_many_small_chunks_cost_little(serve):
    line = serve().line()
    line.sendall(chunked("/a", *[b"x"] * 20_000))
    assert told(line)[:2] == (200, b"/a 20000")


def test_a_large_request_is_answered_beside_the_small_ones(serve):
    served = serve()
    large, small = served.line(), served.line()
    large.sendall(request("/hold", bytes(ASIDE)))
    assert served.held.wait(30)
    small.sendall(request("/a"))
    assert told(small)[:2] == (200, b"/a 0")
    served.hold.set()
    assert told(large)[:2] == (200, b"/hold %d" % ASIDE)
    large.sendall(request("/b"))
    assert told(large)[:2] == (200, b"/b 0")


def test_the_stop_waits_for_what_was_accepted_and_takes_no_more(serve):
    served = serve()
    large, idle = served.line(), served.line()
    large.sendall(request("/hold", bytes(ASIDE)))
    assert served.held.wait(30)
    idle.sendall(request("/a"))
    told(idle)
    served.stop()
    idle.sendall(request("/last"))
    status, body, response = told(idle)
    assert (status, body, response.headers["Connection"]) == (200, b"/last 0", "close")
    with pytest.raises(ConnectionError):
        socket.create_connection(served.address, 30)
    served.hold.set()
    assert told(large)[:2] == (200, b"/hold %d" % ASIDE)
    for line in (large, idle):
        line.close()
    served.thread.join(30)
    assert not served.thread.is_alive()


def test_who_does_not_take_his_answer_holds_up_nobody(serve):
    served = serve()
    greedy, other = served.line(), served.line()
    greedy.sendall(request("/long"))
    other.sendall(request("/a"))
    assert told(other)[:2] == (200, b"/a 0")
    status, body, _ = told(greedy)
    assert (status, len(body)) == (200, 20_000_000)


def test_who_hangs_up_harms_nobody(serve):
    served = serve()
    for sent in (b"", b"PO", request("/a", b"12345")[:-2], request("/long"), request("/a")):
        line = served.line()
        line.sendall(sent)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
        line.close()
    half = served.line()
    half.sendall(request("/half"))
    half.shutdown(socket.SHUT_WR)
    assert told(half)[:2] == (200, b"/half 0")


def test_beyond_the_limit_the_line_that_was_silent_longest_goes(serve):
    served = serve(most=3)
    lines = [served.line() for _ in range(3)]
    for line in lines[::-1]:
        line.sendall(request("/a"))
        told(line)
    fourth = served.line()
    fourth.sendall(request("/b"))
    assert told(fourth)[:2] == (200, b"/b 0")
    assert lines[2].recv(1) == b""
    lines[0].sendall(request("/a"))
    assert told(lines[0])[0] == 200


def test_a_fault_of_the_application_is_a_503_and_the_next_request_is_answered(serve):
    line = serve().line()
    line.sendall(request("/fault"))
    assert told(line)[0] == 503
    line.sendall(request("/a"))
    assert told(line)[:2] == (200, b"/a 0")
