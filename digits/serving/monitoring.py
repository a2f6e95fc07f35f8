"""Logging and metrics: a line for each request, and counters for Prometheus over all processes.

No line and no metric holds anything of a picture.
"""

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from pythonjsonlogger.json import JsonFormatter

# s; a small picture takes about 1 ms, a photo 200, and a request may wait 8 s for its turn
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
METHODS = ("GET", "HEAD", "POST", "OPTIONS")  # all others are one series
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where processes keep their metrics; it must be set before the import above
MAX_LOGGED = 300  # characters of a path
ACCESS = logging.getLogger("digits.access")
ACCESS_LINE = "%(status)d %(method)s %(path)s %(ms).1f ms %(address)s %(id)s"


class UtcFormatter(logging.Formatter):
    """Log records as lines for people."""

    def __init__(self):
        super().__init__("{asctime}.{msecs:03.0f}Z {levelname} {message}", "%Y-%m-%dT%H:%M:%S", style="{")
        self.converter = time.gmtime


class JsonLinesFormatter(JsonFormatter):
    """Log records as lines of JSON; access records have the fields of a request and no message."""

    def __init__(self):
        super().__init__("{levelname}{message}", style="{", timestamp="time", rename_fields={"exc_info": "traceback"})

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        fields = {"time": log_data.pop("time"), "level": log_data.pop("levelname").lower()}
        if "status" in log_data:
            log_data.pop("message")
        return fields | log_data


class StderrHandler(logging.StreamHandler):
    """Writes to a descriptor of its own, as decoders that print to descriptor 2 are silenced while they work."""

    def __init__(self):
        super().__init__(os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace"))


def logging_config(form: str) -> dict:
    """The configuration of logging, for `logging.config.dictConfig`: stderr, as "text" or "json"."""
    formatter = {"text": UtcFormatter, "json": JsonLinesFormatter}[form]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"()": StderrHandler, "formatter": "line"}},
        "loggers": {
            "": {"handlers": ["stderr"], "level": "WARNING"},
            "digits": {"level": "INFO"},
            "_granian": {"level": "WARNING"},
        },
    }


class Metrics:
    """Prometheus metrics of requests and readings."""

    def __init__(self):
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "digits_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "digits_request_seconds",
            "From the complete request to its answer.",
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
        self.queue.set(0)
        self.model = Gauge(
            "digits_model_info",
            "1 for the weights in use, by the first digits of their SHA-256.",
            ["sha256"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.sha256 = ""
        self.series: dict[tuple, tuple[Counter, Histogram]] = {}

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request. `route` is a path of ours, or "other", so that clients cannot make up new series."""
        key = (route, method if method in METHODS else "other", status)
        if key not in self.series:  # kept, as looking them up takes longer than counting
            self.series[key] = self.requests.labels(*key), self.seconds.labels(route)
        counter, histogram = self.series[key]
        counter.inc()
        histogram.observe(seconds)

    def count_reading(self, digits: int, certain: bool) -> None:
        self.pictures.inc()
        self.digits.inc(digits)
        if not certain:
            self.uncertain.inc()

    def set_model_info(self, sha256: str) -> None:
        """Tell which weights this process uses."""
        if self.sha256:
            self.model.labels(self.sha256).set(0)
        self.model.labels(sha256).set(1)
        self.sha256 = sha256

    def exposition(self) -> bytes:
        """All metrics, of all processes, in Prometheus' text format."""
        folder = os.environ.get(FOLDER)
        if not folder:
            return generate_latest(self.registry)
        forget_dead_processes(Path(folder))
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=folder)
        return generate_latest(registry)


def forget_dead_processes(folder: Path) -> None:
    """Drop the gauges of processes that have ended; their counters stay counted."""
    for process in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}:
        try:
            os.kill(process, 0)
        except (ProcessLookupError, PermissionError):  # another user has its number now
            with contextlib.suppress(FileNotFoundError):  # another process does it, too
                multiprocess.mark_process_dead(process, folder)


def escape(text: str) -> str:
    """A path or an address as it may stand in a log: of one word and bounded, so that it forges no lines or fields."""
    return quote(text[:MAX_LOGGED], safe="/:@!$&'()*+,;=[]", errors="replace")
