"""Runs a WSGI application (Flask) on an ASGI server, one request at a time, each after its whole body has arrived.

Bodies are buffered, so a client that sends slowly costs only memory. Reading a small picture takes a millisecond or
two of arithmetic and runs on the event loop itself, because a thread in between costs throughput
(docs/deployment.md, "Which server"). Longer requests run in one thread. A request that waits too long for its turn is
answered with an error.

Sources: the ASGI specification (asgi.readthedocs.io) and PEP 3333. a2wsgi builds the WSGI environ.
"""

import asyncio
import contextlib
import io
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# a2wsgi.WSGIMiddleware would run each request in a thread, so only this function is used. It is not in a2wsgi's
# documented interface: requirements.txt bounds the version.
from a2wsgi.wsgi import build_environ

from digits import UserError

ERROR_KEY = "digits.error"  # environ key: the UserError to answer with instead of calling the view
ARRIVED_KEY = "digits.arrived"  # environ key: time.monotonic() when the body was complete
# Times max_body: the rest of a body that is too large is received, so that its sender gets the answer.
MAX_DISCARDED = 4
MAX_BUFFERED = 256 * 1024 * 1024  # bytes of bodies per process: 16 of the largest, thousands of usual ones
SMALL_BODY = 64 * 1024  # bytes; a body up to this is accepted beyond MAX_BUFFERED, so that large ones do not block it
# Connections stay with the worker that accepted them, so some must close: else a new worker would get none.
ANSWERS_PER_CONNECTION = 50  # on average
# Queued requests per process. In longer queues, requests of clients that have disconnected are dropped.
MIN_QUEUE_TO_WATCH = 64
SLOW_MESSAGE = "The request did not arrive in time: send it again, in one go."
BROKEN_MESSAGE = "The body broke off or is malformed: send it again."
LARGE_MESSAGE = "The body is over {:g} MB: send a smaller picture."
BUSY_MESSAGE = "The server is overloaded: try again after Retry-After seconds."

Receive = Callable[[], Awaitable[dict]]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]  # status, headers, body


class WsgiToAsgi:
    """An ASGI application that buffers requests and runs `wsgi` on them.

    max_body: bytes of a body; a larger one is answered with a UserError of code "large", a broken one with "body".
    read_timeout: seconds in which a body must arrive, else code "slow".
    max_wait: seconds that a request may wait for its turn, else code "busy".
    is_short: tells from the path and the body of a POST whether it may run on the event loop.
    on_queue_change: called with the number of queued requests whenever it changes.
    """

    def __init__(
        self,
        wsgi: Callable[[dict, Callable], Iterable[bytes]],
        *,
        max_body: int,
        read_timeout: float,
        max_wait: float,
        is_short: Callable[[str, bytes], bool],
        on_queue_change: Callable[[int], object] = lambda count: None,
    ):
        self.wsgi, self.is_short, self.on_queue_change = wsgi, is_short, on_queue_change
        self.max_body, self.read_timeout, self.max_wait = max_body, read_timeout, max_wait
        self.short_lock, self.long_lock = asyncio.Lock(), asyncio.Lock()
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="long-request")
        self.queued = self.buffered = self.answered = 0

    async def __call__(self, scope: dict, receive: Receive, send: Callable) -> None:
        """Answer one HTTP request.

        Raises: ValueError: for other protocols, as the ASGI specification asks.
        """
        if scope["type"] != "http":
            raise ValueError(f"{scope['type']} is not supported")
        chunks: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(self.read_timeout):
                    error = await self.read_body(receive, content_length(scope), chunks)
            except TimeoutError:
                error = UserError(SLOW_MESSAGE, "slow")
            answer = await self.answer(scope, b"".join(chunks), error, receive)
        finally:
            self.buffered -= sum(map(len, chunks))
        if answer:
            self.answered += 1
            closing = [] if self.answered % ANSWERS_PER_CONNECTION else [(b"connection", b"close")]
            await send({"type": "http.response.start", "status": answer[0], "headers": answer[1] + closing})
            await send({"type": "http.response.body", "body": answer[2]})

    async def read_body(self, receive: Receive, length: int | None, chunks: list[bytes]) -> UserError | None:
        """Receive a body into `chunks`.

        length: bytes of the body; None if it is not known.
        Returns: the error to answer with, or None.
        """
        size, error = 0, None
        # The message after the last byte is not awaited: it would cost one more round trip to granian's thread.
        while size != length and size <= MAX_DISCARDED * self.max_body:
            message = await receive()
            if message["type"] == "http.disconnect":  # granian also sends it for malformed chunks: a client may listen
                return UserError(BROKEN_MESSAGE, "body")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self.max_body:
                error = UserError(LARGE_MESSAGE.format(self.max_body / 2**20), "large")
            elif size > SMALL_BODY and self.buffered + len(chunk) > MAX_BUFFERED:
                error = UserError(BUSY_MESSAGE, "busy")
            if not error:  # else the rest is discarded: a client that is still sending would not read an answer
                chunks.append(chunk)
                self.buffered += len(chunk)
            if not message.get("more_body"):
                break
        return error

    async def answer(self, scope: dict, body: bytes, error: UserError | None, receive: Receive) -> Answer | None:
        """Run the application, queueing POST requests. Returns: None if the client disconnected in a long queue."""
        environ = make_environ(scope, body, error)
        # Errors and health checks do not queue: a busy server is not an unhealthy one.
        if error or scope["method"] != "POST":
            return self.run(environ)
        disconnected = None
        if self.queued >= MIN_QUEUE_TO_WATCH:
            disconnected = asyncio.ensure_future(wait_for_disconnect(receive))
        try:
            return await self.run_in_turn(environ, self.is_short(scope["path"], body), disconnected)
        finally:
            if disconnected:
                disconnected.cancel()

    async def run_in_turn(self, environ: dict, is_short: bool, disconnected: asyncio.Future | None) -> Answer | None:
        """Run the application when no other request of the same kind runs, or answer that the server is busy.

        Returns: None if the client has disconnected by then.
        """
        lock = self.short_lock if is_short else self.long_lock
        self.change_queue(1)
        try:
            async with asyncio.timeout(self.max_wait):
                await lock.acquire()
        except TimeoutError:
            environ, lock = environ | {ERROR_KEY: UserError(BUSY_MESSAGE, "busy")}, None
        finally:
            self.change_queue(-1)
        try:
            if disconnected and disconnected.done():
                return None
            if lock and not is_short:
                return await asyncio.get_running_loop().run_in_executor(self.executor, self.run, environ)
            await asyncio.sleep(0)  # between two requests, others can arrive and health checks are answered
            return self.run(environ)
        finally:
            if lock:
                lock.release()

    def change_queue(self, change: int) -> None:
        self.queued += change
        self.on_queue_change(self.queued)

    def run(self, environ: dict) -> Answer:
        """Call the WSGI application."""
        started: list[tuple[str, list[tuple[str, str]]]] = []
        with contextlib.ExitStack() as stack:
            chunks = self.wsgi(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
            stack.callback(getattr(chunks, "close", lambda: None))
            content = b"".join(chunks)
        status, headers = started[-1]
        return int(status[:3]), [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers], content


def make_environ(scope: dict, body: bytes, error: UserError | None) -> dict:
    """Build the WSGI environ of a request; with an `error`, the application answers with it."""
    # In an environ X_Forwarded_For would look like X-Forwarded-For, which a trusted proxy sets. a2wsgi accepts ASCII
    # queries only, and takes SCRIPT_NAME from the environment, which is for middleware.py to do.
    headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
    adapted_scope: Any = scope | {"headers": headers, "query_string": b""}
    body_file: Any = io.BytesIO(b"" if error else body)  # a2wsgi expects its own class, of which Flask uses `read`
    environ: dict[str, Any] = {**build_environ(adapted_scope, body_file)}
    environ |= {"SCRIPT_NAME": scope.get("root_path", ""), "QUERY_STRING": scope["query_string"].decode("latin-1")}
    environ |= {"wsgi.input_terminated": True, ARRIVED_KEY: time.monotonic()}
    return environ | ({ERROR_KEY: error} if error else {"CONTENT_LENGTH": str(len(body))})


async def wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def content_length(scope: dict) -> int | None:
    """Return the bytes of the body, or None if the request does not state them, as one in chunks."""
    if not scope["http_version"].startswith("1"):
        return None
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() and b"transfer-encoding" not in headers else None
