"""`digits.serving.asgi`: bodies are buffered with limits, requests take turns, and WSGI gets a correct environ."""

import asyncio
import threading
from collections.abc import Iterator
from wsgiref.validate import validator

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from digits import UserError
from digits.serving import asgi
from digits.serving.asgi import ARRIVED_KEY, ERROR_KEY, MAX_DISCARDED, WsgiToAsgi

SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/api",
    "root_path": "",
    "query_string": b"",
    "headers": [(b"transfer-encoding", b"chunked")],
    "server": ("localhost", 80),
    "client": ("127.0.0.1", 1234),
}
DISCONNECT = {"type": "http.disconnect"}
WAIT = 30  # s: longer than any of these tests lasts


class Application:
    """A WSGI application that keeps what it was called with and echoes the body, or tells the error's code.

    Requests for paths that begin with /long stop until `go` is set.
    """

    def __init__(self):
        self.environs, self.paths, self.closed, self.fails = [], [], 0, False
        self.started, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, environ, start_response):
        self.environs.append(environ)
        self.paths.append(environ["PATH_INFO"])
        if environ["PATH_INFO"].startswith("/long") and ERROR_KEY not in environ:
            self.started.release()
            assert self.go.wait(WAIT)
        start_response("299 Fine", [("X-Name", "é"), ("Content-Type", "text/plain")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        if self.fails:
            raise LookupError("broken")
        environ = self.environs[-1]
        yield b"answer:"
        yield environ[ERROR_KEY].code.encode() if ERROR_KEY in environ else environ["wsgi.input"].read()

    def close(self):
        self.closed += 1


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def waiting() -> list[int]:
    """The numbers that `on_queue_change` is called with."""
    return []


@pytest.fixture
def adapted(application, waiting) -> WsgiToAsgi:
    return make(application, on_queue_change=waiting.append)


def make(application, **options) -> WsgiToAsgi:
    limits = {"max_body": 100, "read_timeout": WAIT, "max_wait": WAIT}
    return WsgiToAsgi(application, is_short=lambda path, size: not path.startswith("/long"), **limits | options)


class Client:
    """Sends `messages` and then stalls; keeps what it gets."""

    def __init__(self, *messages: dict):
        self.messages, self.sent = list(messages), []

    async def receive(self) -> dict:
        if not self.messages:
            await asyncio.Event().wait()  # for ever
        return self.messages.pop(0)

    async def send(self, message: dict) -> None:
        self.sent.append(message)

    async def ask(self, adapted: WsgiToAsgi, **scope) -> bytes:
        """Returns the body of the answer."""
        await adapted(SCOPE | scope, self.receive, self.send)
        start, body = self.sent
        assert (start["type"], start["status"]) == ("http.response.start", 299)
        assert start["headers"] == [(b"x-name", "é".encode("latin-1")), (b"content-type", b"text/plain")]
        assert (body["type"], body.get("more_body", False)) == ("http.response.body", False)
        return body["body"]


def chunks(*contents: bytes) -> list[dict]:
    """The messages of a whole body."""
    messages = [{"type": "http.request", "body": content, "more_body": True} for content in contents]
    return [*messages[:-1], messages[-1] | {"more_body": False}]


def known_length(messages: list[dict]) -> list[tuple[bytes, bytes]]:
    """The header of a body that is not sent in chunks."""
    return [(b"content-length", str(sum(len(one.get("body", b"")) for one in messages)).encode())]


def ask(adapted: WsgiToAsgi, *messages: dict, **scope) -> bytes:
    return asyncio.run(Client(*messages or chunks(b"")).ask(adapted, **scope))


async def settle() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(10):
        await asyncio.sleep(0)


async def has_started(application: Application) -> bool:
    """Wait until a long request has reached the application."""
    return await asyncio.to_thread(application.started.acquire, timeout=WAIT)


# -- bodies


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
def test_body_reaches_the_application_whole(adapted, application, messages, chunked):
    headers = SCOPE["headers"] if chunked else known_length(messages)
    assert ask(adapted, *messages, headers=headers) == b"answer:picture"
    (environ,) = application.environs
    assert environ["CONTENT_LENGTH"] == "7"
    assert environ["wsgi.input_terminated"] is True
    assert environ[ARRIVED_KEY] > 0
    assert adapted.buffered == 0


def test_body_of_known_length_is_not_waited_for_after_its_last_byte(adapted):
    """One more message would be one more wait for the server's thread."""
    messages = chunks(b"pic", b"ture", b"")[:2]
    assert ask(adapted, *messages, headers=known_length(messages)) == b"answer:picture"


@pytest.mark.parametrize(
    "headers",
    [
        *([(b"content-length", length)] for length in (b"", b"x", b"-1", b"7, 7", b"1e1")),
        [(b"content-length", b"3"), (b"transfer-encoding", b"chunked")],
    ],
    ids=str,
)
def test_body_is_received_to_its_end_when_its_length_is_not_known(adapted, headers):
    """Servers refuse most of these themselves; chunks go before a length (RFC 9112, 6.3)."""
    assert ask(adapted, *chunks(b"pic", b"ture"), headers=headers) == b"answer:picture"


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")]], ids=["no length", "length 0"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_request_without_a_body_is_not_waited_for(adapted, method, headers):
    assert asyncio.run(Client().ask(adapted, method=method, headers=headers)) == b"answer:"


def test_application_is_not_called_before_the_body_is_complete(adapted, application):
    async def stall() -> None:
        task = asyncio.create_task(Client(*chunks(b"pic", b"ture")[:1]).ask(adapted))
        await settle()
        assert (application.environs, adapted.buffered) == ([], 3)
        task.cancel()

    asyncio.run(stall())
    assert adapted.buffered == 0


@pytest.mark.parametrize("sizes", [[101], [60, 41], [100, 1], [50] * 8], ids=str)
@pytest.mark.parametrize("chunked", [True, False])
def test_body_over_the_limit_is_refused_after_all_of_it_was_received(adapted, application, sizes, chunked):
    client = Client(*chunks(*map(bytes, sizes)))
    headers = SCOPE["headers"] if chunked else known_length(client.messages)
    assert asyncio.run(client.ask(adapted, headers=headers)) == b"answer:large"
    assert client.messages == []
    (environ,) = application.environs
    assert isinstance(environ[ERROR_KEY], UserError)
    assert environ["wsgi.input"].read() == b""
    assert adapted.buffered == 0


def test_body_of_exactly_the_limit_is_accepted(adapted):
    assert ask(adapted, *chunks(bytes(60), bytes(40))) == b"answer:" + bytes(100)


def test_body_far_over_the_limit_is_refused_without_receiving_its_rest(adapted):
    client = Client(*chunks(*[bytes(100)] * (MAX_DISCARDED + 10)))
    assert asyncio.run(client.ask(adapted)) == b"answer:large"
    assert len(client.messages) == 9


def test_large_body_is_not_kept_while_it_arrives(adapted):
    async def stall() -> None:
        task = asyncio.create_task(Client(*chunks(bytes(100), bytes(100), b"")[:2]).ask(adapted))
        await settle()
        assert adapted.buffered == 100
        task.cancel()

    asyncio.run(stall())


@pytest.mark.parametrize("messages", [[], chunks(b"pic", b"ture")[:1]], ids=["nothing", "a part"])
def test_body_that_stalls_is_refused_after_the_read_timeout(application, messages):
    adapted = make(application, read_timeout=0.01)
    assert asyncio.run(Client(*messages).ask(adapted)) == b"answer:slow"
    assert adapted.buffered == 0


@pytest.mark.parametrize("messages", [[DISCONNECT], [*chunks(b"pic", b"ture")[:1], DISCONNECT]], ids=["none", "part"])
def test_body_that_breaks_off_is_an_error_of_the_client(adapted, application, messages):
    """granian also reports malformed chunks as a disconnect, and answers 500 when nothing is sent."""
    assert ask(adapted, *messages) == b"answer:body"
    assert adapted.buffered == 0


@pytest.mark.parametrize("is_complete", [False, True])
def test_bodies_over_the_memory_limit_are_refused(adapted, application, monkeypatch, is_complete):
    """Bodies that arrive and those that wait for their turn are counted. Small ones are taken all the same."""
    monkeypatch.setattr(asgi, "MAX_BUFFERED", 150)
    monkeypatch.setattr(asgi, "SMALL_BODY", 55)
    application.go.set()

    async def crowd() -> None:
        async with adapted.long_lock:
            large = Client(*chunks(bytes(100), b"")[: 1 + is_complete])
            first = asyncio.create_task(large.ask(adapted, path="/long"))
            await settle()
            for size in (30, 55):
                assert await Client(*chunks(bytes(size), b"")).ask(adapted) == b"answer:" + bytes(size)
            client = Client(*chunks(bytes(30), bytes(30), b""))
            assert await client.ask(adapted) == b"answer:busy"
            assert client.messages == []  # all was received, or its sender would not get to the answer
            assert adapted.buffered == 100
            first.cancel()
            await settle()
            assert await Client(*chunks(bytes(60), b"")).ask(adapted) == b"answer:" + bytes(60)

    asyncio.run(crowd())
    assert adapted.buffered == 0


def test_path_and_body_decide_whether_a_request_is_short(adapted):
    calls = []
    adapted.is_short = lambda *call: calls.append(call) or True
    ask(adapted, *chunks(b"pic", b"ture"), path="/api")
    ask(adapted, *chunks(bytes(101)), path="/api")
    ask(adapted, method="GET", path="/healthz")
    assert calls == [("/api", b"picture")]


# -- turns


def test_short_requests_are_answered_while_a_long_one_runs(adapted, application):
    async def mixed() -> None:
        slow = asyncio.create_task(Client(*chunks(b"slow")).ask(adapted, path="/long"))
        assert await has_started(application)
        for _ in range(3):
            assert await Client(*chunks(b"quick")).ask(adapted) == b"answer:quick"
        assert not slow.done()
        application.go.set()
        await slow

    asyncio.run(mixed())


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_requests_without_a_picture_do_not_queue(adapted, application, waiting, method):
    async def mixed() -> None:
        slow = asyncio.create_task(Client(*chunks(b"")).ask(adapted, path="/long"))
        assert await has_started(application)
        async with adapted.short_lock:
            del waiting[:]
            assert await Client(*chunks(b"")).ask(adapted, method=method, path="/healthz") == b"answer:"
        application.go.set()
        await slow

    asyncio.run(mixed())
    assert waiting == []


def test_refused_requests_do_not_queue(adapted):
    async def crowd() -> None:
        async with adapted.short_lock, adapted.long_lock:
            assert await Client(*chunks(bytes(101))).ask(adapted) == b"answer:large"

    asyncio.run(crowd())


def test_long_requests_run_one_after_the_other(adapted, application):
    async def two() -> None:
        tasks = [asyncio.create_task(Client(*chunks(b"")).ask(adapted, path=f"/long/{i}")) for i in range(2)]
        assert await has_started(application)
        await settle()
        assert application.paths == ["/long/0"]
        application.go.set()
        await asyncio.gather(*tasks)

    asyncio.run(two())
    assert application.paths == ["/long/0", "/long/1"]


def test_long_requests_do_not_run_on_the_event_loop(adapted, application):
    threads = []
    application.go.set()
    adapted.wsgi = lambda *call: threads.append(threading.current_thread()) or application(*call)
    for path in ("/long", "/api"):
        ask(adapted, path=path)
    assert [thread is threading.main_thread() for thread in threads] == [False, True]


def test_short_requests_are_answered_in_the_order_of_their_arrival(adapted, application):
    async def crowd() -> None:
        async with adapted.short_lock:
            tasks = []
            for number in range(8):
                tasks.append(asyncio.create_task(Client(*chunks(b"")).ask(adapted, path=f"/{number}")))
                await settle()
        await asyncio.gather(*tasks)

    asyncio.run(crowd())
    assert application.paths == [f"/{number}" for number in range(8)]


def test_event_loop_is_free_between_two_short_requests(adapted, application):
    """Health checks are answered and bodies are received although many requests wait."""
    seen = []
    adapted.wsgi = lambda *call: seen.append(call[0]["PATH_INFO"]) or application(*call)

    async def crowd() -> None:
        tasks = [asyncio.create_task(Client(*chunks(b"")).ask(adapted)) for _ in range(5)]
        await asyncio.sleep(0)
        await Client(*chunks(b"")).ask(adapted, method="GET", path="/healthz")
        await asyncio.gather(*tasks)

    asyncio.run(crowd())
    assert seen.index("/healthz") < 2


@pytest.mark.parametrize("path", ["/api", "/long"])
def test_request_that_waits_too_long_is_refused_as_busy(application, waiting, path):
    adapted = make(application, max_wait=0.01, on_queue_change=waiting.append)

    async def crowd() -> None:
        async with adapted.short_lock, adapted.long_lock:
            assert await Client(*chunks(b"late")).ask(adapted, path=path) == b"answer:busy"
        application.go.set()
        assert await Client(*chunks(b"next")).ask(adapted, path=path) == b"answer:next"

    asyncio.run(crowd())
    assert waiting == [1, 0, 1, 0]


def test_refusal_does_not_wait_for_the_long_request_that_runs(application):
    adapted = make(application, max_wait=0.01)

    async def crowd() -> None:
        slow = asyncio.create_task(Client(*chunks(b"")).ask(adapted, path="/long"))
        assert await has_started(application)
        assert await Client(*chunks(b"")).ask(adapted, path="/long") == b"answer:busy"
        assert not slow.done()
        application.go.set()
        await slow

    asyncio.run(crowd())


def test_waiting_requests_are_counted(adapted, waiting):
    async def crowd() -> None:
        async with adapted.short_lock:
            tasks = [asyncio.create_task(Client(*chunks(b"")).ask(adapted)) for _ in range(3)]
            await settle()
            assert waiting == [1, 2, 3]
        await asyncio.gather(*tasks)

    asyncio.run(crowd())
    assert waiting == [1, 2, 3, 2, 1, 0]


@pytest.mark.parametrize("path", ["/api", "/long"])
def test_request_that_fails_frees_its_turn(adapted, application, waiting, path):
    application.go.set()
    application.fails = True
    with pytest.raises(LookupError):
        ask(adapted, path=path)
    application.fails = False
    assert ask(adapted, *chunks(b"next"), path=path) == b"answer:next"
    assert waiting[-1] == 0


def test_cancelled_request_frees_its_place_in_the_queue(adapted, waiting):
    async def crowd() -> None:
        async with adapted.short_lock:
            task = asyncio.create_task(Client(*chunks(b"")).ask(adapted))
            await settle()
            task.cancel()
            await settle()
        assert await Client(*chunks(b"next")).ask(adapted) == b"answer:next"

    asyncio.run(crowd())
    assert waiting == [1, 0, 1, 0]


def test_requests_of_disconnected_clients_are_dropped_in_a_crowd(adapted, application, waiting, monkeypatch):
    monkeypatch.setattr(asgi, "MIN_QUEUE_TO_WATCH", 1)
    gone, there = Client(*chunks(b"gone"), DISCONNECT), Client(*chunks(b"there"))

    async def crowd() -> None:
        async with adapted.short_lock:
            tasks = [asyncio.create_task(Client(*chunks(b"")).ask(adapted, path="/first"))]
            await settle()
            tasks.append(asyncio.create_task(adapted(SCOPE | {"path": "/gone"}, gone.receive, gone.send)))
            tasks.append(asyncio.create_task(there.ask(adapted, path="/there")))
            await settle()
        await asyncio.gather(*tasks)

    asyncio.run(crowd())
    assert application.paths == ["/first", "/there"]
    assert gone.sent == []
    assert waiting[-1] == 0


@pytest.mark.parametrize("end", ["answer", "busy", "disconnect", "cancel"])
def test_no_task_is_left_behind_in_a_crowd(application, monkeypatch, end):
    """Clients that disconnect are watched for meanwhile."""
    monkeypatch.setattr(asgi, "MIN_QUEUE_TO_WATCH", 0)
    adapted = make(application, max_wait=0.01 if end == "busy" else WAIT)
    client = Client(*chunks(b"picture"), *[DISCONNECT][: end == "disconnect"])

    async def crowd() -> None:
        async with adapted.short_lock:
            task = asyncio.create_task(adapted(SCOPE, client.receive, client.send))
            await settle()
            if end == "busy":
                await task
            elif end == "cancel":
                task.cancel()
            await settle()
        await asyncio.wait([task])
        await settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(crowd())
    assert len(client.sent) == (2 if end in ("answer", "busy") else 0)


# -- the specifications


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_are_not_supported(adapted, application, kind):
    with pytest.raises(ValueError, match=kind):
        asyncio.run(adapted(SCOPE | {"type": kind}, Client().receive, Client().send))
    assert application.environs == []


@pytest.mark.parametrize("fails", [False, True])
def test_iterable_of_the_application_is_closed_once(adapted, application, fails):
    application.fails = fails
    try:
        ask(adapted)
    except LookupError:
        assert fails
    assert application.closed == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_calls_follow_the_wsgi_specification(method):
    def application(environ, start_response):
        read = environ["wsgi.input"].read(100)
        start_response("299 Fine", [("X-Name", "é"), ("Content-Type", "text/plain")])
        return [b"", read]

    headers = [(b"content-type", b"image/png"), (b"content-length", b"7"), (b"host", b"localhost")]  # on GET, too
    adapted = make(validator(application))
    assert ask(adapted, *chunks(b"picture"), method=method, headers=headers) == b"picture"


REQUESTS = {
    "GET": {"method": "GET", "path": "/"},
    "query": {"method": "GET", "path": "/api/network", "query_string": "a=1&b=%20%C3%A9&c=+;/?"},
    "query beyond ASCII": {"method": "GET", "path": "/", "query_string": "é=7"},
    "path beyond ASCII": {"method": "GET", "path": "/é/中"},
    "JSON": {"path": "/api", "data": b'{"image": "aGVsbG8="}', "content_type": "application/json"},
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
# Not in PEP 3333, or about the connection.
OF_SERVERS = {"REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST", "REQUEST_URI", "RAW_URI"}


def as_scope(environ: dict) -> dict:
    """What an ASGI server makes of the request of an environ."""
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
def test_environ_is_the_one_of_another_wsgi_server(adapted, application, request_):
    """The oracle is Werkzeug's builder of environs."""
    arguments = {"method": "POST", "headers": Headers()} | request_
    expected = EnvironBuilder(**arguments).get_environ()
    body = expected["wsgi.input"].read()
    expected["wsgi.input"].seek(0)
    scope = as_scope(expected)
    assert ask(adapted, *chunks(body), **scope) == b"answer:" + body
    (environ,) = application.environs
    of_request = {
        name: value
        for name, value in expected.items()
        if isinstance(value, str) and name not in OF_SERVERS and not name.startswith("werkzeug.")
    }
    if arguments["method"] == "POST":
        of_request["CONTENT_LENGTH"] = str(len(body))
    assert {name: environ.get(name) for name in of_request} == of_request
    assert {name for name in environ if name.startswith("HTTP_")} - OF_SERVERS <= set(expected)


def test_headers_with_underscores_are_dropped(adapted, application):
    """In an environ they cannot be told from those that a proxy sets, X-Forwarded-For say."""
    headers = [(b"x_forwarded_for", b"6.6.6.6"), (b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded_for", b"6.6.6.6")]
    ask(adapted, headers=headers)
    assert application.environs[0]["HTTP_X_FORWARDED_FOR"] == "1.2.3.4"
