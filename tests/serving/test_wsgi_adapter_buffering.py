"""`digits.serving.wsgi_adapter`: request bodies are buffered, with limits of size, time and memory."""

import asyncio

import pytest

from digits import UserError
from digits.serving import wsgi_adapter
from digits.serving.wsgi_adapter import ARRIVED_KEY, ERROR_KEY, MAX_DISCARDED
from tests.helpers.asgi import DISCONNECT, SCOPE, Client, chunks, known_length, make, request, run_pending_tasks


@pytest.mark.parametrize(
    "messages",
    [
        chunks(b"picture"),
        chunks(b"pic", b"", b"ture"),
        chunks(b"picture", b""),
        [{"type": "http.request", "body": b"picture"}],
        [{"type": "http.request", "more_body": True}, {"type": "http.request", "body": b"picture"}],
    ],
    ids=["one message", "several", "an empty last one", "no more_body", "no body"],
)
@pytest.mark.parametrize("chunked", [True, False])
def test_body_reaches_the_application_complete(asgi_app, wsgi_app, messages, chunked):
    headers = SCOPE["headers"] if chunked else known_length(messages)
    assert request(asgi_app, *messages, headers=headers) == b"answer:picture"
    (environ,) = wsgi_app.environs
    assert environ["CONTENT_LENGTH"] == "7"
    assert environ["wsgi.input_terminated"] is True
    assert environ[ARRIVED_KEY] > 0
    assert asgi_app.buffered == 0


def test_body_of_known_length_is_complete_after_its_last_byte(asgi_app):
    """Waiting for one more message would be one more round trip to the server's thread."""
    messages = chunks(b"pic", b"ture", b"")[:2]
    assert request(asgi_app, *messages, headers=known_length(messages)) == b"answer:picture"


@pytest.mark.parametrize(
    "headers",
    [
        *([(b"content-length", length)] for length in (b"", b"x", b"-1", b"7, 7", b"1e1")),
        [(b"content-length", b"3"), (b"transfer-encoding", b"chunked")],
    ],
    ids=str,
)
def test_body_of_unknown_length_is_received_to_its_end(asgi_app, headers):
    """Servers reject most of these themselves; chunked encoding overrides a length (RFC 9112, 6.3)."""
    assert request(asgi_app, *chunks(b"pic", b"ture"), headers=headers) == b"answer:picture"


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")]], ids=["no length", "length 0"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_request_without_a_body_is_answered_immediately(asgi_app, method, headers):
    assert asyncio.run(Client().request(asgi_app, method=method, headers=headers)) == b"answer:"


def test_application_is_not_called_before_the_body_is_complete(asgi_app, wsgi_app):
    async def scenario() -> None:
        task = asyncio.create_task(Client(*chunks(b"pic", b"ture")[:1]).request(asgi_app))
        await run_pending_tasks()
        assert (wsgi_app.environs, asgi_app.buffered) == ([], 3)
        task.cancel()

    asyncio.run(scenario())
    assert asgi_app.buffered == 0


@pytest.mark.parametrize("sizes", [[101], [60, 41], [100, 1], [50] * 8], ids=str)
@pytest.mark.parametrize("chunked", [True, False])
def test_body_over_the_limit_is_rejected_after_it_was_received(asgi_app, wsgi_app, sizes, chunked):
    client = Client(*chunks(*map(bytes, sizes)))
    headers = SCOPE["headers"] if chunked else known_length(client.messages)
    assert asyncio.run(client.request(asgi_app, headers=headers)) == b"answer:large"
    assert client.messages == []
    (environ,) = wsgi_app.environs
    assert isinstance(environ[ERROR_KEY], UserError)
    assert environ["wsgi.input"].read() == b""
    assert asgi_app.buffered == 0


def test_body_of_exactly_the_limit_is_accepted(asgi_app):
    assert request(asgi_app, *chunks(bytes(60), bytes(40))) == b"answer:" + bytes(100)


def test_body_far_over_the_limit_is_rejected_before_its_end(asgi_app):
    client = Client(*chunks(*[bytes(100)] * (MAX_DISCARDED + 10)))
    assert asyncio.run(client.request(asgi_app)) == b"answer:large"
    assert len(client.messages) == 9


def test_body_over_the_limit_is_not_buffered(asgi_app):
    async def scenario() -> None:
        task = asyncio.create_task(Client(*chunks(bytes(100), bytes(100), b"")[:2]).request(asgi_app))
        await run_pending_tasks()
        assert asgi_app.buffered == 100
        task.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize("messages", [[], chunks(b"pic", b"ture")[:1]], ids=["nothing", "part"])
def test_stalled_body_is_rejected_after_the_read_timeout(wsgi_app, messages):
    asgi_app = make(wsgi_app, read_timeout=0.01)
    assert asyncio.run(Client(*messages).request(asgi_app)) == b"answer:slow"
    assert asgi_app.buffered == 0


@pytest.mark.parametrize("messages", [[DISCONNECT], [*chunks(b"pic", b"ture")[:1], DISCONNECT]], ids=["none", "part"])
def test_truncated_body_is_a_client_error(asgi_app, wsgi_app, messages):
    """granian also reports malformed chunks as a disconnect, and answers 500 when nothing is sent."""
    assert request(asgi_app, *messages) == b"answer:body"
    assert asgi_app.buffered == 0


@pytest.mark.parametrize("is_complete", [False, True])
def test_bodies_over_the_memory_limit_are_rejected(asgi_app, wsgi_app, monkeypatch, is_complete):
    """Arriving and queued bodies count. Small ones are accepted even so."""
    monkeypatch.setattr(wsgi_adapter, "MAX_BUFFERED", 150)
    monkeypatch.setattr(wsgi_adapter, "SMALL_BODY", 55)
    wsgi_app.go.set()

    async def scenario() -> None:
        async with asgi_app.long_lock:
            large = Client(*chunks(bytes(100), b"")[: 1 + is_complete])
            first = asyncio.create_task(large.request(asgi_app, path="/long"))
            await run_pending_tasks()
            for size in (30, 55):
                assert await Client(*chunks(bytes(size), b"")).request(asgi_app) == b"answer:" + bytes(size)
            client = Client(*chunks(bytes(30), bytes(30), b""))
            assert await client.request(asgi_app) == b"answer:busy"
            assert client.messages == []  # the whole body was received: its sender reads the answer after sending
            assert asgi_app.buffered == 100
            first.cancel()
            await run_pending_tasks()
            assert await Client(*chunks(bytes(60), b"")).request(asgi_app) == b"answer:" + bytes(60)

    asyncio.run(scenario())
    assert asgi_app.buffered == 0


def test_path_and_body_decide_whether_a_request_is_short(asgi_app):
    calls = []
    asgi_app.is_short = lambda *call: calls.append(call) or True
    request(asgi_app, *chunks(b"pic", b"ture"), path="/api")
    request(asgi_app, *chunks(bytes(101)), path="/api")
    request(asgi_app, method="GET", path="/healthz")
    assert calls == [("/api", b"picture")]
