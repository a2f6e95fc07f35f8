"""A recording WSGI application and an ASGI client, to test `digits.serving.wsgi_adapter` without a server."""

import asyncio
import threading
from collections.abc import Iterator

from digits.serving.wsgi_adapter import ERROR_KEY, WsgiToAsgi

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
TIMEOUT_SECONDS = 30  # longer than any of these tests takes


class Application:
    """A WSGI application that records its calls and echoes the body, or answers with the code of the error.

    Requests for paths that begin with /long block until `go` is set.
    """

    def __init__(self):
        self.environs, self.paths, self.closed, self.fails = [], [], 0, False
        self.started, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, environ, start_response):
        self.environs.append(environ)
        self.paths.append(environ["PATH_INFO"])
        if environ["PATH_INFO"].startswith("/long") and ERROR_KEY not in environ:
            self.started.release()
            assert self.go.wait(TIMEOUT_SECONDS)
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


def make(application, **options) -> WsgiToAsgi:
    limits = {"max_body": 100, "read_timeout": TIMEOUT_SECONDS, "max_wait": TIMEOUT_SECONDS}
    return WsgiToAsgi(application, is_short=lambda path, size: not path.startswith("/long"), **limits | options)


class Client:
    """An ASGI client that sends `messages` and then stalls; records what it receives."""

    def __init__(self, *messages: dict):
        self.messages, self.sent = list(messages), []

    async def receive(self) -> dict:
        if not self.messages:
            await asyncio.Event().wait()  # forever
        return self.messages.pop(0)

    async def send(self, message: dict) -> None:
        self.sent.append(message)

    async def request(self, asgi_app: WsgiToAsgi, **scope) -> bytes:
        """Send the request, and return the body of the answer."""
        await asgi_app(SCOPE | scope, self.receive, self.send)
        start, body = self.sent
        assert (start["type"], start["status"]) == ("http.response.start", 299)
        assert start["headers"] == [(b"x-name", "é".encode("latin-1")), (b"content-type", b"text/plain")]
        assert (body["type"], body.get("more_body", False)) == ("http.response.body", False)
        return body["body"]


def chunks(*contents: bytes) -> list[dict]:
    """The ASGI messages of a complete body."""
    messages = [{"type": "http.request", "body": content, "more_body": True} for content in contents]
    return [*messages[:-1], messages[-1] | {"more_body": False}]


def known_length(messages: list[dict]) -> list[tuple[bytes, bytes]]:
    """The Content-Length header of a body."""
    return [(b"content-length", str(sum(len(one.get("body", b"")) for one in messages)).encode())]


def request(asgi_app: WsgiToAsgi, *messages: dict, **scope) -> bytes:
    """Send a request whose body arrives in `messages`, empty without any, and return the body of the answer."""
    return asyncio.run(Client(*messages or chunks(b"")).request(asgi_app, **scope))


async def run_pending_tasks() -> None:
    """Let all tasks run until each waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


async def wait_for_start(application: Application) -> bool:
    """Wait until a long request has reached the application; False after the timeout."""
    return await asyncio.to_thread(application.started.acquire, timeout=TIMEOUT_SECONDS)
