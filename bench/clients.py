"""Clients that notice what servers do to them: which answers are right, wrong, refused, cut, or never come.

On one asyncio loop, as hundreds of them take too many threads. HTTP is parsed here: libraries try again by
themselves and hide that a connection broke.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.bodies import Known

HOST = "127.0.0.1"
LONG = 30  # seconds without an answer that count as none; servers give up on a client before
PAUSE = 0.05  # seconds before a client that was refused knocks again


class BrokenError(Exception):
    """The connection ended before a whole answer; whether some of it had come."""

    def __init__(self, began: bool):
        super().__init__("the connection ended before a whole answer")
        self.began = began


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    size: int  # bytes of all of it


def parsed(received: bytes | bytearray, ended: bool) -> Answer | None:
    """The answer at the start of what was `received`, if it is whole. Without a length it is so when the line ends."""
    head, gap, rest = bytes(received).partition(b"\r\n\r\n")
    if not gap:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status, start = int(first.split()[1]), len(head) + 4
    if headers.get("transfer-encoding", "").lower() == "chunked":
        content, size = unchunked(rest)
        return Answer(status, headers, content, start + size) if size else None
    if "content-length" not in headers:
        return Answer(status, headers, rest, len(received)) if ended else None
    length = int(headers["content-length"])
    return Answer(status, headers, rest[:length], start + length) if len(rest) >= length else None


def unchunked(rest: bytes) -> tuple[bytes, int]:
    """What chunks hold and how many bytes they took: 0 if the last is not there."""
    content, at = b"", 0
    while (end := rest.find(b"\r\n", at)) >= 0:
        length, start = int(rest[at:end].partition(b";")[0], 16), end + 2
        if len(rest) < start + length + 2:
            break
        content, at = content + rest[start : start + length], start + length + 2
        if length == 0:
            return content, at
    return b"", 0


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self):
        self.received, self.ended = bytearray(), False
        self.changed: asyncio.Future | None = None
        self.answered = 0  # answers that came

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.port = transport, transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self.changed and not self.changed.done():
            self.changed.set_result(None)

    async def answer(self, patience: float = LONG) -> Answer:
        """The next answer. Errors: BrokenError; TimeoutError when there is none for `patience` seconds."""
        async with asyncio.timeout(patience):
            while (answer := parsed(self.received, self.ended)) is None:
                if self.ended:
                    raise BrokenError(bool(self.received))
                self.changed = asyncio.get_running_loop().create_future()
                await self.changed
        del self.received[: answer.size]
        self.answered += 1
        return answer

    async def ask(self, request: bytes) -> Answer:
        if not self.ended:
            self.transport.write(request)
        return await self.answer()


async def connect(port: int) -> Line:
    """A new connection. Errors: OSError."""
    return (await asyncio.get_running_loop().create_connection(Line, HOST, port))[1]


class Outcome(NamedTuple):
    """How one request ended: "right", "busy" (503 that says when to come again), "wrong" (any other answer),
    "broken", "silent" (no answer for long), "refused", or "unaccepted" (connected to a server that then closed its
    door before it took the connection).
    """

    ended: float  # time.perf_counter()
    kind: str
    status: int = 0
    port: int = 0  # the client's
    kept: bool = False  # whether answers had come on this connection before
    began: bool = False  # whether some of the answer came
    took: float = 0.0  # seconds since the request was sent


@dataclass
class Load:
    """What clients that send good requests all the time have seen so far."""

    outcomes: list[Outcome] = field(default_factory=list)
    going: bool = True

    def rate(self, since: float, until: float) -> float:
        """Right answers a second between two times."""
        right = sum(since <= outcome.ended < until for outcome in self.outcomes if outcome.kind == "right")
        return right / (until - since)

    def counts(self) -> dict[str, int]:
        return dict(Counter(outcome.kind for outcome in self.outcomes))

    def amiss(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.kind != "right"]


@asynccontextmanager
async def load(port: int, known: Sequence[Known], connections: int, renew: int = 0) -> AsyncIterator[Load]:
    """`connections` clients, each sending the next request as soon as it has an answer, till the block ends.

    After `renew` answers a client takes a new connection; 0: it keeps the one it has.
    """
    seen = Load()
    clients = [asyncio.create_task(_client(port, known, number, renew, seen)) for number in range(connections)]
    try:
        yield seen
    finally:
        seen.going = False
        await asyncio.gather(*clients)


async def _client(port: int, known: Sequence[Known], number: int, renew: int, seen: Load) -> None:
    line = None
    while seen.going:
        number += 1
        try:
            if line is None or line.ended or (renew and line.answered >= renew):
                if line:
                    line.transport.close()
                line = await connect(port)
        except OSError:
            seen.outcomes.append(Outcome(time.perf_counter(), "refused"))
            await asyncio.sleep(PAUSE)
            continue
        outcome, closes = await _asked(line, known[number % len(known)], port)
        seen.outcomes.append(outcome)
        if closes:
            line.transport.close()
            line = None
    if line:
        line.transport.close()


async def _asked(line: Line, request: Known, port: int) -> tuple[Outcome, bool]:
    """How a request ended, and whether its connection is done with."""
    kept, began = line.answered > 0, time.perf_counter()
    try:
        answer = await line.ask(request.request)
    except TimeoutError:
        ended = time.perf_counter()
        return Outcome(ended, "silent", 0, line.port, kept, bool(line.received), ended - began), True
    except BrokenError as error:
        ended = time.perf_counter()
        unaccepted = not kept and not error.began and await closed(port)
        kind = "unaccepted" if unaccepted else "broken"
        return Outcome(ended, kind, 0, line.port, kept, error.began, ended - began), True
    ended, closes = time.perf_counter(), answer.headers.get("connection", "").lower() == "close"
    kind = kind_of(answer, request.text)
    return Outcome(ended, kind, answer.status, line.port, kept, True, ended - began), closes


def kind_of(answer: Answer, text: str) -> str:
    if answer.status == 503 and answer.headers.get("retry-after"):
        return "busy"
    if answer.status != 200:
        return "wrong"
    try:
        return "right" if json.loads(answer.body)["text"] == text else "wrong"
    except (ValueError, TypeError, KeyError):
        return "wrong"


async def closed(port: int) -> bool:
    """Whether nobody listens any more."""
    try:
        (await connect(port)).transport.close()
    except OSError:
        return True
    return False
