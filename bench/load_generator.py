"""Clients that check every answer: threads that post pictures whose reading is known, over kept connections."""

import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

import torch

import model
from bench.images import encode_image
from digits.data import synthetic
from digits.recognition import decoding
from digits.recognition.reader import Reader

AT_ONCE = 0.05  # s; a request that a server had accepted is lost later, as it waits there for its turn
RAW = {"Content-Type": "application/octet-stream"}  # the body is the picture itself


@dataclass(frozen=True)
class Outcome:
    """How a request ended.

    kind: right, wrong, busy (503 with Retry-After), lost (the connection broke) or refused (it could not be made).
    crossed: the request was lost at once on a connection that had been used before, without a byte of an answer: as
        RFC 9112 (9.3.1) has it, it may have crossed the server's closing of that connection.
    """

    kind: str
    ended: float  # time.monotonic()
    seconds: float
    crossed: bool = False


@dataclass
class Load:
    """What the clients of a server saw."""

    outcomes: list[Outcome] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def count(self, since: float = 0.0) -> Counter:
        return Counter(o.kind for o in list(self.outcomes) if o.ended >= since)

    def rate(self, since: float, until: float) -> float:
        """Right answers a second."""
        right = sum(o.kind == "right" and since <= o.ended < until for o in list(self.outcomes))
        return right / (until - since)

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the requests ended."""
        seconds = sorted(o.seconds for o in self.outcomes)
        return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0

    def median(self) -> float:
        return statistics.median(o.seconds for o in self.outcomes)


def known_pictures(count: int) -> list[tuple[bytes, str]]:
    """Synthetic digits as 28×28 PNG files, each with what our reader reads in it."""
    reader = Reader(model.load("mnist.pth"))
    files = [
        encode_image(image[0].numpy())
        for image in synthetic.synthetic_digits(count, torch.Generator().manual_seed(count)).images
    ]
    return [(file, reader.read(decoding.decode(file)).text) for file in files]


@contextmanager
def load(port: int, pictures: Sequence[tuple[bytes, str]], clients: int, timeout: float = 30) -> Iterator[Load]:
    """Let `clients` send one picture after the other until the block ends. `pictures`: files and their readings."""
    seen = Load()
    threads = [
        threading.Thread(target=_send, args=(port, pictures[number:] + pictures[:number], timeout, seen), daemon=True)
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen.stop.set()
        for thread in threads:
            thread.join()


def _send(port: int, pictures: Sequence[tuple[bytes, str]], timeout: float, seen: Load) -> None:
    connection, used, number = None, False, 0
    while not seen.stop.is_set():
        content, text = pictures[number % len(pictures)]
        number += 1
        began, kind, crossed = time.monotonic(), "refused", False
        try:
            if connection is None:
                connection, used = HTTPConnection("127.0.0.1", port, timeout=timeout), False
                connection.connect()
            kind, crossed = "lost", used
            connection.request("POST", "/api", content, RAW)
            response = connection.getresponse()
            crossed = False
            kind = _kind(response.status, response.headers.get("Retry-After"), response.read(), text)
            used = True
            if response.will_close:
                connection.close()
                connection = None
        except (OSError, HTTPException):
            connection.close()
            connection = None
            seen.stop.wait(0.01)
        ended = time.monotonic()
        crossed = crossed and kind == "lost" and ended - began < AT_ONCE
        seen.outcomes.append(Outcome(kind, ended, ended - began, crossed))
    if connection:
        connection.close()


def _kind(status: int, retry_after: str | None, body: bytes, text: str) -> str:
    if status == 503 and retry_after:
        return "busy"
    return "right" if status == 200 and json.loads(body)["text"] == text else "wrong"
