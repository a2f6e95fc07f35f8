"""What the server says of itself: a line for each request, and figures for Prometheus.

No line and no figure holds anything of a picture.
"""

import json
import logging
import os
import secrets
import time
from collections import Counter as Counting
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

# s; a small picture takes about 1 ms, a photo 200, and who waits longer than 0.8 s is refused
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
METHODS = ("GET", "HEAD", "POST", "OPTIONS")  # all others are one series
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where several processes keep their figures; it must be set before the import


class Json(logging.Formatter):
    """A log record as lines of JSON: one, or one for each of its `requests`."""

    def format(self, record: logging.LogRecord) -> str:
        head = {"time": stamp(record), "level": record.levelname.lower()}
        lines = [head | said for said in record.__dict__.get("requests", ())] or [
            head | {"message": record.getMessage()}
        ]
        if record.exc_info:
            lines[-1]["traceback"] = self.formatException(record.exc_info)
        return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


class Text(logging.Formatter):
    """A log record as lines for people: one, or one for each of its `requests`."""

    def format(self, record: logging.LogRecord) -> str:
        form = "{status} {method} {path} {ms:.1f} ms {address} {id}"
        said = [form.format(**said) for said in record.__dict__.get("requests", ())]
        lines = said or [f"{record.levelname.lower()}: {record.getMessage()}"]
        if record.exc_info:
            lines[-1] += "\n" + self.formatException(record.exc_info)
        when = stamp(record)
        return "\n".join(f"{when} {line}" for line in lines)


def stamp(record: logging.LogRecord) -> str:
    """When it was, as ISO 8601 in UTC with milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


def log_to_stderr(form: str) -> None:
    """Send what our loggers, Flask's and gunicorn's have to say to stderr, as "text" or "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if form == "json" else Text())
    for name, level in (("digits", logging.INFO), ("app", logging.INFO), ("gunicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


class Journal:
    """Counts and writes down requests, and what was read in them."""

    def __init__(self, version: str):
        self.registry = registry = CollectorRegistry()
        self.log = logging.getLogger("digits.requests")
        self.requests = Counter(
            "digits_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "digits_request_seconds",
            "From a whole request to its answer.",
            ["route"],
            registry=registry,
            buckets=BUCKETS,
        )
        self.pictures = Counter("digits_pictures", "Pictures read.", registry=registry)
        self.digits = Counter("digits_digits", "Digits read in them.", registry=registry)
        self.uncertain = Counter("digits_uncertain", "Pictures that a person should look at.", registry=registry)
        self.queue = Gauge(
            "digits_queue", "Requests that wait for their turn.", registry=registry, multiprocess_mode="livesum"
        )
        self.model = Gauge(
            "digits_model_info",
            "1 for the weights in use, by the first digits of their SHA-256.",
            ["sha256"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.model.labels(version).set(1)
        self.known: dict[tuple, tuple[Counter, Histogram]] = {}
        self.pending: list[dict] = []

    def request(self, route: str, said: dict) -> None:
        """Count and write down a request: `said` has id, method, path, status, ms and address.

        `route` is a path of ours, or "other", so that nobody can make up new series.
        """
        counter, histogram = self.series(route, said["method"], said["status"])
        counter.inc()
        histogram.observe(said["ms"] / 1000)
        self.write([said])

    def series(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        """What counts and times requests of a kind; kept, as looking them up takes longer than counting."""
        key = (route, method if method in METHODS else "other", status)
        if key not in self.known:
            self.known[key] = self.requests.labels(*key), self.seconds.labels(route)
        return self.known[key]

    def write(self, requests: list[dict]) -> None:
        if self.log.isEnabledFor(logging.INFO):
            record = logging.LogRecord(self.log.name, logging.INFO, "", 0, "", None, None)
            record.requests = requests
            self.log.handle(record)

    def refused(self, head: bytes, address: tuple, status: int, seconds: float) -> None:
        """Take down a request that was refused before it was looked at, of which `head` is there at most.

        It is counted and written by `flush`: in a crowd there are thousands a second.
        """
        method, path, *_ = [*head.partition(b"\r\n")[0].decode("latin-1").split(" "), "", ""]
        if method not in METHODS or not path.startswith("/"):  # anything at all, a part of a picture even
            method, path = "-", "-"
        said = {"id": secrets.token_hex(8), "method": method, "path": self.printable(path.partition("?")[0][:200])}
        self.pending.append(said | {"status": status, "ms": round(1000 * seconds, 2), "address": address[0]})

    def flush(self) -> None:
        """Count and write what was refused."""
        pending, self.pending = self.pending, []
        for (method, status), count in Counting((said["method"], said["status"]) for said in pending).items():
            self.series("other", method, status)[0].inc(count)
        if pending:
            self.write(pending)

    @staticmethod
    def printable(path: str) -> str:
        """`path` as it may stand in a log: it makes no lines of its own."""
        return path if path.isprintable() else path.encode("unicode_escape").decode()

    def reading(self, digits: int, certain: bool) -> None:
        """Count a picture that was read."""
        self.pictures.inc()
        self.digits.inc(digits)
        if not certain:
            self.uncertain.inc()

    def exposition(self) -> bytes:
        """All figures, of all processes, in Prometheus' text format."""
        registry = self.registry
        if folder := os.environ.get(FOLDER):
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, path=folder)
        return generate_latest(registry)


def forget(process: int) -> None:
    """Drop the gauges of a process that ended; its counters stay counted."""
    if Path(os.environ.get(FOLDER, "/nonexistent")).is_dir():
        multiprocess.mark_process_dead(process)
