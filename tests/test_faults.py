"""The server in trouble: the faults of `bench.faults`, smaller; and the clients that notice what it does."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from bench import bodies, clients, trouble
from bench.servers import APP, Server, serving

pytestmark = pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="workers are watched in /proc: Linux")


@pytest.fixture(scope="module")
def known() -> list[bodies.Known]:
    return bodies.known(50)


@pytest.fixture(scope="module")
def lasting():
    """A server for the faults that leave it as it was."""
    with serving(*APP, "--workers", "2", read_timeout=1) as server:
        yield server


def met(make: Callable[[Server], Coroutine]) -> dict:
    """What a fault does to a server of its own."""
    with serving(*APP, "--workers", "2") as server:
        return asyncio.run(make(server))


def test_faulty_requests_are_refused_and_good_ones_beside_them_are_read(lasting, known):
    seen = asyncio.run(trouble.storm(lasting, known, bodies.faults(400)))
    assert seen["sent"] == 400
    assert seen["failed"] == 0
    assert seen["unanswered"] == {}
    assert seen["workers_kept"]
    assert set(seen["good"]) == {"right"}


def test_memory_stays_flat(lasting, known):
    seen = asyncio.run(trouble.memory(lasting, known, requests=2000, warm=500))
    assert set(seen["good"]) == {"right"}
    assert abs(seen["change"]) <= 0.05, seen["megabytes"]


def test_slow_clients_are_sent_away_and_hold_up_nobody(lasting, known):
    seen = asyncio.run(trouble.slow(lasting, known, clients=20, read_timeout=1, rounds=1))
    assert set(seen["good"]) == {"right"}
    assert set(seen["ends"]) <= {"408", "closed"}
    assert seen["shares"][0] > 0.2  # that it is 0.9 is for the benchmark to say: machines are noisy


def test_a_killed_worker_harms_its_own_connections_alone_and_is_replaced(known):
    seen = met(lambda server: trouble.killed(server, known, before=1, after=8))
    assert seen["harmed"] <= seen["held"]
    assert seen["harmed_elsewhere"] == 0
    assert seen["workers"] == (2, 2)
    assert seen["replaced"] is not None


def test_a_server_that_is_told_to_stop_answers_all_that_it_accepted(known):
    seen = met(lambda server: trouble.stopped(server, known, before=1))
    assert seen["exit"] == 0
    assert seen["lost"] == 0
    assert seen["answered_after"] > 0


def test_faults_are_of_all_kinds_and_the_same_each_time():
    first, again = list(bodies.faults(1000)), list(bodies.faults(1000))
    assert first == again
    assert len({fault.kind for fault in first}) >= 18
    assert max(len(fault.request) for fault in first) > 16 * 1024**2
    assert len({fault.request for fault in first}) > 700


@pytest.mark.parametrize(
    ("received", "ended", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", False, b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 400", False, b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", True, None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", True, None),
        (b"HTTP/1.0 200 OK\r\n\r\nhi", False, None),
        (b"HTTP/1.0 200 OK\r\n\r\nhi", True, b"hi"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1;x\r\ni\r\n0\r\n\r\n", False, b"hi"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n", True, None),
    ],
)
def test_an_answer_is_taken_when_it_is_whole(received, ended, body):
    answer = clients.parsed(received, ended)
    assert (answer and answer.body) == body


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (200, {}, b'{"text": "7"}', "right"),
        (200, {}, b'{"text": "1"}', "wrong"),
        (200, {}, b'{"text": "7"', "wrong"),
        (503, {"retry-after": "2"}, b"", "busy"),
        (503, {}, b"", "wrong"),
        (400, {}, b"", "wrong"),
    ],
)
def test_only_the_right_text_is_right_and_only_503_with_a_time_is_busy(status, headers, body, kind):
    assert clients.kind_of(clients.Answer(status, headers, body, 0), "7") == kind
