"""A connection to the server: what came of its request, whether that is all, and refusals as they go over the line.

Where a request ends is in RFC 9112: after its head, after as many bytes as Content-Length says, or after the chunk
of no bytes. All else of it is left to gunicorn's parser.
"""

import functools
import json
import re
import socket
import time
from dataclasses import dataclass, field

MAX_HEAD = 32 * 1024  # bytes of a request's head; browsers stay below 8 kB
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
CODINGS = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection:[^\r\n]*close", re.IGNORECASE)
LENGTHS = re.compile(rb"\r\ncontent-length[ \t]*:", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

RETRY_AFTER = 1  # s; by then the queue, which holds less than a second of work, is another one
REFUSALS = {  # status: (its name in RFC 9110 and RFC 6585, our code, what to do)
    400: ("Bad Request", "http", "This is no HTTP request that makes sense: use an HTTP library, and see /docs."),
    408: ("Request Timeout", "slow", "The request did not arrive in time: send it again, in one go."),
    413: ("Content Too Large", "large", "The body is too large: send a smaller picture."),
    431: ("Request Header Fields Too Large", "head", "The request's head is over 32 kB: send fewer headers."),
    503: ("Service Unavailable", "busy", "There is more to read than can be: try again after Retry-After seconds."),
}


@dataclass(eq=False, slots=True)
class Line:
    """A connection: what came and was not answered yet, what is still to be sent."""

    sock: socket.socket
    address: tuple
    since: float  # s, monotonic: when the request in `buffer` began, or the line fell silent
    watched: int = 0  # what the loop waits for on it: EVENT_READ, EVENT_WRITE or nothing
    buffer: bytearray = field(default_factory=bytearray)
    body: int = -1  # where the body begins in `buffer`; -1 while the head is not whole
    need: int = -1  # bytes of the request in all; -1 while they are not known
    expects: bool = False  # the client waits for leave to send the body
    chunks: list[tuple[int, int]] | None = None  # of a body in chunks: where each begins, how long it is
    scanned: int = 0  # where the next chunk of the body begins
    dropped: int = 0  # bytes of a body that is too large
    arrived: float = 0.0  # when the request was whole
    busy: bool = False  # its request waits for its turn, or is being answered
    last: bool = False  # to be closed after the answer
    urgent: bool = False  # asked by whoever watches the server: it waits for nobody
    gone: bool = False  # the client hung up
    closing: bool = False  # the answer is sent: what still comes is dropped
    out: bytes = b""  # of the answer, what the client did not take yet

    def content(self) -> bytes:
        """The body of a request that is whole."""
        if self.chunks is None:
            return bytes(memoryview(self.buffer)[self.body : self.need])
        return b"".join(self.buffer[start : start + size] for start, size in self.chunks)

    def lasts(self) -> bool:
        """Whether a refusal may leave the connection open: where that is so is left to gunicorn in answers."""
        first, _, rest = bytes(self.buffer[: max(0, self.body)]).partition(b"\r\n")
        usual = first.startswith((b"POST ", b"GET ")) and first.endswith(b" HTTP/1.1")
        return usual and not CLOSES.search(b"\r\n" + rest)

    def next_request(self) -> None:
        del self.buffer[: max(0, self.need)]
        self.body = self.need = -1
        self.scanned = self.dropped = 0
        self.chunks, self.urgent = None, False
        self.busy, self.since = False, time.monotonic()


class Sink:
    """Stands for a socket where gunicorn writes an answer."""

    def __init__(self):
        self.parts: list[bytes] = []
        self.sendall = self.send = self.parts.append

    def content(self) -> bytes:
        return b"".join(part for part in self.parts if part != CONTINUE)  # that was said before


def measured(line: Line) -> bool:
    """Whether the head of the request is whole; then its body's place is noted, and its size, if the head says it.

    Errors: ValueError where the head says the size in a way that others may understand otherwise.
    """
    end = line.buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        return False
    line.body = line.scanned = end + 4
    head = bytes(line.buffer[: line.body])
    line.expects = bool(EXPECTS.search(head))
    lengths, codings = LENGTHS.findall(head), CODINGS.findall(head)
    if codings:
        line.chunks = []
        if lengths or len(codings) > 1 or not CHUNKED.search(head):
            raise ValueError
    else:
        length = LENGTH.search(head)
        if len(lengths) != bool(length):
            raise ValueError
        line.need = line.body + (int(length[1]) if length else 0)
    return True


def scan(line: Line) -> bool:
    """Whether a body in chunks is whole; then `line.need` is known.

    Errors: ValueError when it makes no sense.
    """
    while line.scanned < len(line.buffer):
        if line.scanned > line.body and line.buffer[line.scanned - 2 : line.scanned] != b"\r\n":
            raise ValueError
        chunk = CHUNK.match(line.buffer, line.scanned)
        if not chunk:
            if len(line.buffer) - line.scanned > 1024 or b"\n" in line.buffer[line.scanned :]:
                raise ValueError
            return False
        if size := int(chunk[1], 16):
            line.chunks.append((chunk.end(), size))
            line.scanned = chunk.end() + size + 2
            continue
        end = line.buffer.find(b"\r\n\r\n", chunk.end() - 2)  # the last chunk, and perhaps trailers
        if end < 0 and len(line.buffer) - line.scanned > MAX_HEAD:
            raise ValueError
        if end >= 0:
            line.need = end + 4
        return end >= 0
    return False


@functools.cache
def refusal(status: int, end: bool) -> bytes:
    """One of REFUSALS as it goes over the line."""
    name, code, message = REFUSALS[status]
    body = json.dumps({"error": {"code": code, "message": message}}) + "\n"
    lines = [f"HTTP/1.1 {status} {name}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["X-Content-Type-Options: nosniff", "Connection: close" if end else "Connection: keep-alive"]
    if status == 503:
        lines.append(f"Retry-After: {RETRY_AFTER}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
