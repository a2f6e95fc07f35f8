"""Runs a WSGI application (Flask) on an ASGI server, one request at a time and only once its body has arrived whole.

A client that sends slowly costs memory and nothing else. Reading a small picture is a millisecond or two of arithmetic
and runs on the event loop itself, as a thread in between costs throughput (docs/deployment.md, "Which server").
Longer requests run in one thread. A request that waits too long for its turn is answered with an error.

Sources: the ASGI specification (asgi.readthedocs.io) and PEP 3333. a2wsgi builds the WSGI environ.
"""

import asyncio
import contextlib
import io
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from a2wsgi.wsgi import build_environ

from digits import UserError

ERROR_KEY = "digits.error"  # environ key: the UserError to answer with, before the request is looked at
ARRIVED_KEY = "digits.arrived"  # environ key: time.monotonic() when the body was complete
MAX_DISCARDED = 4  # times max_body: what is read of a body that is too large, so that its sender gets to the answer
MAX_BUFFERED = 256 * 1024 * 1024  # bytes of bodies per process: 16 of the largest, thousands of usual ones
SMALL_BODY = 64 * 1024  # bytes of a body that is taken even beyond MAX_BUFFERED, so that large ones shut nobody out
ANSWERS_PER_CONNECTION = 50  # on average; connections never move, so some must close or a new worker would get none
MIN_WAITING_TO_WATCH = (
    64  # waiting requests per process, from which on those of clients that have disconnected are dropped
)
SLOW = "The request did not arrive in time: send it again, in one go."
BROKEN = "The body broke off or is malformed: send it again."
LARGE = "The body is over {:g} MB: send a smaller picture."
BUSY = "There is more to read than can be: try again after Retry-After seconds."

Receive = Callable[[], Awaitable[dict]]


class WsgiToAsgi:
    """An ASGI application that buffers requests and runs `wsgi` on them.

    max_body: bytes of a body; a larger one is answered with a UserError of code "large", a broken one with "body".
    read_timeout: seconds in which a body must arrive, else code "slow".
    max_wait: seconds that a request may wait for its turn, else code "busy".
    is_fast: whether a POST (path, body) may run on the event loop.
    on_waiting: called with the number of requests that wait, whenever it changes.
    """

    def __init__(
        self, wsgi, *, max_body: int, read_timeout: float, max_wait: float, is_fast, on_waiting=lambda count: None
    ):
        self.wsgi, self.is_fast, self.on_waiting = wsgi, is_fast, on_waiting
        self.max_body, self.read_timeout, self.max_wait = max_body, read_timeout, max_wait
        self.fast_slot, self.slow_slot = asyncio.Lock(), asyncio.Lock()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="long-request")
        self.waiting = self.buffered = self.answered = 0

    async def __call__(self, scope: dict, receive: Receive, send: Callable) -> None:
        """Answer one HTTP request; for other kinds of connection, raise ValueError as the specification wants."""
        if scope["type"] != "http":
            raise ValueError(f"{scope['type']} is not supported")
        chunks: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(self.read_timeout):
                    error = await self.read_body(receive, content_length(scope), chunks)
            except TimeoutError:
                error = UserError(SLOW, "slow")
            answer = await self.answer(scope, b"".join(chunks), error, receive)
        finally:
            self.buffered -= sum(map(len, chunks))
        if answer:
            self.answered += 1
            closing = [] if self.answered % ANSWERS_PER_CONNECTION else [(b"connection", b"close")]
            await send({"type": "http.response.start", "status": answer[0], "headers": answer[1] + closing})
            await send({"type": "http.response.body", "body": answer[2]})

    async def read_body(self, receive: Receive, length: int | None, chunks: list[bytes]) -> UserError | None:
        """Receive the body, of `length` bytes if that is known, into `chunks`; what is wrong with it, if anything."""
        size, error = 0, None
        # Not asked for its end when it is complete: that would be one more wait for the server's thread.
        while size != length and size <= MAX_DISCARDED * self.max_body:
            message = await receive()
            if message["type"] == "http.disconnect":  # also for malformed chunks, whose sender still listens
                return UserError(BROKEN, "body")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self.max_body:
                error = UserError(LARGE.format(self.max_body / 2**20), "large")
            elif size > SMALL_BODY and self.buffered + len(chunk) > MAX_BUFFERED:
                error = UserError(BUSY, "busy")
            if not error:  # the rest is only discarded: a client that is still sending would not hear an answer
                chunks.append(chunk)
                self.buffered += len(chunk)
            if not message.get("more_body"):
                break
        return error

    async def answer(self, scope: dict, body: bytes, error: UserError | None, receive: Receive) -> tuple | None:
        """The application's answer, in turn; None when the client disconnects before, in a crowd."""
        environ = make_environ(scope, body, error)
        if error or scope["method"] != "POST":  # errors and health checks do not queue: a busy server is not ill
            return self.run(environ)
        disconnected = (
            asyncio.ensure_future(wait_for_disconnect(receive)) if self.waiting >= MIN_WAITING_TO_WATCH else None
        )
        try:
            return await self.run_in_slot(environ, self.is_fast(scope["path"], body), disconnected)
        finally:
            if disconnected:
                disconnected.cancel()

    async def run_in_slot(self, environ: dict, is_fast: bool, disconnected: asyncio.Future | None) -> tuple | None:
        """Run the application when it is this request's turn; None when its client has disconnected by then."""
        turn = self.fast_slot if is_fast else self.slow_slot
        self.change_waiting(1)
        try:
            async with asyncio.timeout(self.max_wait):
                await turn.acquire()
        except TimeoutError:
            environ, turn = environ | {ERROR_KEY: UserError(BUSY, "busy")}, None
        finally:
            self.change_waiting(-1)
        try:
            if disconnected and disconnected.done():
                return None
            if not is_fast and turn:
                return await asyncio.get_running_loop().run_in_executor(self.thread, self.run, environ)
            await asyncio.sleep(0)  # others arrive, and health checks are answered, between two requests
            return self.run(environ)
        finally:
            if turn:
                turn.release()

    def change_waiting(self, change: int) -> None:
        self.waiting += change
        self.on_waiting(self.waiting)

    def run(self, environ: dict) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Call the WSGI application; status, headers and body of its answer."""
        started: list[tuple[str, list[tuple[str, str]]]] = []
        with contextlib.ExitStack() as stack:
            chunks = self.wsgi(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
            stack.callback(getattr(chunks, "close", lambda: None))
            content = b"".join(chunks)
        status, headers = started[-1]
        return int(status[:3]), [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers], content


def make_environ(scope: dict, body: bytes, error: UserError | None) -> dict:
    """The WSGI environ of a request, with the `error` that is to be its answer, if any."""
    # X_Forwarded_For, say, could not be told from X-Forwarded-For, which a proxy sets. a2wsgi takes ASCII queries only
    # and SCRIPT_NAME from the environment, which middleware.py does.
    headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
    environ = build_environ(scope | {"headers": headers, "query_string": b""}, io.BytesIO(b"" if error else body))
    environ |= {"SCRIPT_NAME": scope.get("root_path", ""), "QUERY_STRING": scope["query_string"].decode("latin-1")}
    environ |= {"wsgi.input_terminated": True, ARRIVED_KEY: time.monotonic()}
    return environ | ({ERROR_KEY: error} if error else {"CONTENT_LENGTH": str(len(body))})


async def wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def content_length(scope: dict) -> int | None:
    """Bytes of the body; None where the request does not say, as for one in chunks."""
    if not scope["http_version"].startswith("1"):
        return None
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() and b"transfer-encoding" not in headers else None
