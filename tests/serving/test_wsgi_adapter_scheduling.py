"""`digits.serving.wsgi_adapter`: short and long requests take turns; overload is answered as busy."""

import asyncio
import threading

import pytest

from digits.serving import wsgi_adapter
from tests.helpers.asgi import (
    DISCONNECT,
    SCOPE,
    TIMEOUT_SECONDS,
    Client,
    chunks,
    make,
    request,
    run_pending_tasks,
    wait_for_start,
)


def test_short_requests_are_answered_while_a_long_one_runs(asgi_app, wsgi_app):
    async def scenario() -> None:
        slow = asyncio.create_task(Client(*chunks(b"slow")).request(asgi_app, path="/long"))
        assert await wait_for_start(wsgi_app)
        for _ in range(3):
            assert await Client(*chunks(b"quick")).request(asgi_app) == b"answer:quick"
        assert not slow.done()
        wsgi_app.go.set()
        await slow

    asyncio.run(scenario())


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_requests_other_than_post_do_not_queue(asgi_app, wsgi_app, queue_lengths, method):
    async def scenario() -> None:
        slow = asyncio.create_task(Client(*chunks(b"")).request(asgi_app, path="/long"))
        assert await wait_for_start(wsgi_app)
        async with asgi_app.short_lock:
            del queue_lengths[:]
            assert await Client(*chunks(b"")).request(asgi_app, method=method, path="/healthz") == b"answer:"
        wsgi_app.go.set()
        await slow

    asyncio.run(scenario())
    assert queue_lengths == []


def test_rejected_requests_do_not_queue(asgi_app):
    async def scenario() -> None:
        async with asgi_app.short_lock, asgi_app.long_lock:
            assert await Client(*chunks(bytes(101))).request(asgi_app) == b"answer:large"

    asyncio.run(scenario())


def test_long_requests_run_one_at_a_time(asgi_app, wsgi_app):
    async def scenario() -> None:
        tasks = [asyncio.create_task(Client(*chunks(b"")).request(asgi_app, path=f"/long/{i}")) for i in range(2)]
        assert await wait_for_start(wsgi_app)
        await run_pending_tasks()
        assert wsgi_app.paths == ["/long/0"]
        wsgi_app.go.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    assert wsgi_app.paths == ["/long/0", "/long/1"]


def test_long_requests_do_not_run_on_the_event_loop(asgi_app, wsgi_app):
    threads = []
    wsgi_app.go.set()
    asgi_app.wsgi = lambda *call: threads.append(threading.current_thread()) or wsgi_app(*call)
    for path in ("/long", "/api"):
        request(asgi_app, path=path)
    assert [thread is threading.main_thread() for thread in threads] == [False, True]


def test_short_requests_are_answered_in_order_of_arrival(asgi_app, wsgi_app):
    async def scenario() -> None:
        async with asgi_app.short_lock:
            tasks = []
            for number in range(8):
                tasks.append(asyncio.create_task(Client(*chunks(b"")).request(asgi_app, path=f"/{number}")))
                await run_pending_tasks()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    assert wsgi_app.paths == [f"/{number}" for number in range(8)]


def test_event_loop_is_free_between_two_short_requests(asgi_app, wsgi_app):
    """Health checks are answered and bodies are received while many requests are queued."""
    seen = []
    asgi_app.wsgi = lambda *call: seen.append(call[0]["PATH_INFO"]) or wsgi_app(*call)

    async def scenario() -> None:
        tasks = [asyncio.create_task(Client(*chunks(b"")).request(asgi_app)) for _ in range(5)]
        await asyncio.sleep(0)
        await Client(*chunks(b"")).request(asgi_app, method="GET", path="/healthz")
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    assert seen.index("/healthz") < 2


@pytest.mark.parametrize("path", ["/api", "/long"])
def test_request_that_waits_too_long_is_answered_as_busy(wsgi_app, queue_lengths, path):
    asgi_app = make(wsgi_app, max_wait=0.01, on_queue_change=queue_lengths.append)

    async def scenario() -> None:
        async with asgi_app.short_lock, asgi_app.long_lock:
            assert await Client(*chunks(b"late")).request(asgi_app, path=path) == b"answer:busy"
        wsgi_app.go.set()
        assert await Client(*chunks(b"next")).request(asgi_app, path=path) == b"answer:next"

    asyncio.run(scenario())
    assert queue_lengths == [1, 0, 1, 0]


def test_busy_answer_does_not_wait_for_the_running_long_request(wsgi_app):
    asgi_app = make(wsgi_app, max_wait=0.01)

    async def scenario() -> None:
        slow = asyncio.create_task(Client(*chunks(b"")).request(asgi_app, path="/long"))
        assert await wait_for_start(wsgi_app)
        assert await Client(*chunks(b"")).request(asgi_app, path="/long") == b"answer:busy"
        assert not slow.done()
        wsgi_app.go.set()
        await slow

    asyncio.run(scenario())


def test_queued_requests_are_counted(asgi_app, queue_lengths):
    async def scenario() -> None:
        async with asgi_app.short_lock:
            tasks = [asyncio.create_task(Client(*chunks(b"")).request(asgi_app)) for _ in range(3)]
            await run_pending_tasks()
            assert queue_lengths == [1, 2, 3]
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    assert queue_lengths == [1, 2, 3, 2, 1, 0]


@pytest.mark.parametrize("path", ["/api", "/long"])
def test_failed_request_releases_its_turn(asgi_app, wsgi_app, queue_lengths, path):
    wsgi_app.go.set()
    wsgi_app.fails = True
    with pytest.raises(LookupError):
        request(asgi_app, path=path)
    wsgi_app.fails = False
    assert request(asgi_app, *chunks(b"next"), path=path) == b"answer:next"
    assert queue_lengths[-1] == 0


def test_canceled_request_leaves_the_queue(asgi_app, queue_lengths):
    async def scenario() -> None:
        async with asgi_app.short_lock:
            task = asyncio.create_task(Client(*chunks(b"")).request(asgi_app))
            await run_pending_tasks()
            task.cancel()
            await run_pending_tasks()
        assert await Client(*chunks(b"next")).request(asgi_app) == b"answer:next"

    asyncio.run(scenario())
    assert queue_lengths == [1, 0, 1, 0]


def test_requests_of_disconnected_clients_are_dropped_from_a_long_queue(asgi_app, wsgi_app, queue_lengths, monkeypatch):
    monkeypatch.setattr(wsgi_adapter, "MIN_QUEUE_TO_WATCH", 1)
    gone, there = Client(*chunks(b"gone"), DISCONNECT), Client(*chunks(b"there"))

    async def scenario() -> None:
        async with asgi_app.short_lock:
            tasks = [asyncio.create_task(Client(*chunks(b"")).request(asgi_app, path="/first"))]
            await run_pending_tasks()
            tasks.append(asyncio.create_task(asgi_app(SCOPE | {"path": "/gone"}, gone.receive, gone.send)))
            tasks.append(asyncio.create_task(there.request(asgi_app, path="/there")))
            await run_pending_tasks()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    assert wsgi_app.paths == ["/first", "/there"]
    assert gone.sent == []
    assert queue_lengths[-1] == 0


@pytest.mark.parametrize("end", ["answer", "busy", "disconnect", "cancel"])
def test_no_task_remains_after_a_long_queue(wsgi_app, monkeypatch, end):
    """A task per queued request watches for the disconnect of its client."""
    monkeypatch.setattr(wsgi_adapter, "MIN_QUEUE_TO_WATCH", 0)
    asgi_app = make(wsgi_app, max_wait=0.01 if end == "busy" else TIMEOUT_SECONDS)
    client = Client(*chunks(b"picture"), *[DISCONNECT][: end == "disconnect"])

    async def scenario() -> None:
        async with asgi_app.short_lock:
            task = asyncio.create_task(asgi_app(SCOPE, client.receive, client.send))
            await run_pending_tasks()
            if end == "busy":
                await task
            elif end == "cancel":
                task.cancel()
            await run_pending_tasks()
        await asyncio.wait([task])
        await run_pending_tasks()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())
    assert len(client.sent) == (2 if end in ("answer", "busy") else 0)
