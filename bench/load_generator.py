"""Clients that check every answer: threads that post pictures whose reading is known, over keep-alive connections."""

import json
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

import torch

import model
from bench.sample_images import encode_image
from digits.data import synthetic
from digits.recognition import image_decoding
from digits.recognition.reader import Reader

# s; a request that the server had accepted takes longer to be lost, because it waits there for its turn.
MAX_CROSSING_SECONDS = 0.05
RAW_HEADERS = {"Content-Type": "application/octet-stream"}  # the body is the picture itself

Picture = tuple[bytes, str]  # a file and its reading


@dataclass(frozen=True)
class Outcome:
    """The end of a request.

    kind: "correct", "wrong", "busy" (503 with Retry-After), "lost" (the connection broke) or "refused" (no connection).
    ended: time.monotonic().
    crossed: whether the request was lost at once, on a reused connection, without a byte of an answer. Then it may have
        been sent while the server closed the connection (RFC 9112, 9.3.1), and the server never accepted it.
    """

    kind: str
    ended: float
    seconds: float
    crossed: bool = False


@dataclass
class Load:
    """The outcomes of all requests of the clients, in order of their ends."""

    outcomes: list[Outcome] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def count(self) -> Counter:
        """Count the outcomes by kind."""
        return Counter(outcome.kind for outcome in list(self.outcomes))

    def failures(self) -> int:
        """Count the outcomes that are not correct."""
        return sum(count for kind, count in self.count().items() if kind != "correct")

    def throughput(self, start: float, end: float) -> float:
        """Return the correct answers per second in [start, end), in seconds of time.monotonic()."""
        correct = sum(outcome.kind == "correct" and start <= outcome.ended < end for outcome in list(self.outcomes))
        return correct / (end - start)

    def percentile(self, fraction: float) -> float:
        """Return the seconds within which this fraction of the requests ended; 0 without requests."""
        seconds = sorted(outcome.seconds for outcome in self.outcomes)
        return seconds[min(len(seconds) - 1, int(fraction * len(seconds)))] if seconds else 0.0


def labeled_pictures(count: int) -> list[Picture]:
    """Draw synthetic digits as PNG files of 28×28 pixels, and read each with the network that ships."""
    reader = Reader(model.load("mnist.pth"), line_network=model.load_line_reader())
    images = synthetic.synthetic_digits(count, torch.Generator().manual_seed(count)).images
    files = [encode_image(image[0].numpy()) for image in images]
    return [(file, reader.read(image_decoding.decode(file)).text) for file in files]


@contextmanager
def generate_load(port: int, pictures: list[Picture], clients: int, timeout: float = 30) -> Generator[Load]:
    """Let each of the `clients` post one picture after the other until the block ends.

    timeout: seconds that a client waits for the server.
    """
    load = Load()
    threads = [
        threading.Thread(target=_post_pictures, args=(port, pictures[i:] + pictures[:i], timeout, load), daemon=True)
        for i in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()


def _post_pictures(port: int, pictures: Sequence[Picture], timeout: float, load: Load) -> None:
    """Run one client: post the pictures in turn, and record the outcomes."""
    connection, reused, number = None, False, 0
    while not load.stop.is_set():
        content, text = pictures[number % len(pictures)]
        number += 1
        start, kind, crossed = time.monotonic(), "refused", False
        try:
            if connection is None:
                connection, reused = HTTPConnection("127.0.0.1", port, timeout=timeout), False
                connection.connect()
            kind, crossed = "lost", reused
            connection.request("POST", "/api", content, RAW_HEADERS)
            response = connection.getresponse()
            crossed = False
            kind = _classify(response.status, response.headers.get("Retry-After"), response.read(), text)
            reused = True
            if response.will_close:
                connection.close()
                connection = None
        except (OSError, HTTPException):
            if connection:
                connection.close()
            connection = None
            load.stop.wait(0.01)
        end = time.monotonic()
        crossed = crossed and kind == "lost" and end - start < MAX_CROSSING_SECONDS
        load.outcomes.append(Outcome(kind, end, end - start, crossed))
    if connection:
        connection.close()


def _classify(status: int, retry_after: str | None, body: bytes, text: str) -> str:
    if status == 503 and retry_after:
        return "busy"
    return "correct" if status == 200 and json.loads(body)["text"] == text else "wrong"
