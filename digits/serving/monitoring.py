"""Logging and metrics: an access log line for each request, and Prometheus metrics over all worker processes.

No line and no metric contains any part of a picture.
"""

import contextlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess, values
from pythonjsonlogger.json import JsonFormatter

from digits import UserError

# s; a small picture takes about 1 ms, a photo 200, and a request may wait 8 s for its turn
DURATION_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
METHODS = ("GET", "HEAD", "POST", "OPTIONS")  # all others are counted as "other"
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # names the folder in which processes keep their metrics
MAX_LOGGED_CHARACTERS = 300  # of a path
ACCESS_LOG = logging.getLogger("digits.access")
ACCESS_LINE = "%(status)d %(method)s %(path)s %(duration_ms).1f ms %(remote_addr)s %(request_id)s"


class UtcFormatter(logging.Formatter):
    """Formats log records as lines for people."""

    def __init__(self):
        super().__init__("{asctime}.{msecs:03.0f}Z {levelname} {message}", "%Y-%m-%dT%H:%M:%S", style="{")
        self.converter = time.gmtime


class JsonLinesFormatter(JsonFormatter):
    """Formats log records as lines of JSON; access records have the fields of a request and no message."""

    def __init__(self):
        super().__init__("{levelname}{message}", style="{", timestamp="time", rename_fields={"exc_info": "traceback"})

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        fields = {"time": log_data.pop("time"), "level": log_data.pop("levelname").lower()}
        if "status" in log_data:
            log_data.pop("message")
        return fields | log_data


class StderrHandler(logging.StreamHandler):
    """Writes to a duplicate of file descriptor 2, which is silenced while decoders that print to it work."""

    def __init__(self):
        super().__init__(os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace"))


def logging_config(log_format: str) -> dict:
    """Return a configuration for `logging.config.dictConfig` that writes to stderr, as "text" or "json"."""
    formatter = {"text": UtcFormatter, "json": JsonLinesFormatter}[log_format]
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
        self.durations = Histogram(
            "digits_request_duration_seconds",
            "From the complete request to its answer.",
            ["route"],
            registry=registry,
            buckets=DURATION_BUCKETS,
        )
        self.pictures = Counter("digits_pictures", "Pictures read.", registry=registry)
        self.digits = Counter("digits_digits", "Digits read in them.", registry=registry)
        self.uncertain = Counter(
            "digits_uncertain_pictures", "Pictures that a person should look at.", registry=registry
        )
        self.queued = Gauge(
            "digits_queued_requests",
            "Requests that wait for their turn.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.queued.set(0)
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
        """Count a request. `route` is one of our URL rules or "other", so that clients cannot create series."""
        key = (route, method if method in METHODS else "other", status)
        if key not in self.series:  # cached, as the lookup takes longer than counting
            self.series[key] = self.requests.labels(*key), self.durations.labels(route)
        counter, histogram = self.series[key]
        counter.inc()
        histogram.observe(seconds)

    def count_reading(self, digit_count: int, certain: bool) -> None:
        """Count a picture that was read, and its digits."""
        self.pictures.inc()
        self.digits.inc(digit_count)
        if not certain:
            self.uncertain.inc()

    def set_model_info(self, sha256: str) -> None:
        """Record which weights this process uses."""
        if self.sha256:
            self.model.labels(self.sha256).set(0)
        self.model.labels(sha256).set(1)
        self.sha256 = sha256

    def exposition(self) -> bytes:
        """Return the metrics of all processes in the text format of Prometheus."""
        folder = os.environ.get(FOLDER_VARIABLE)
        if not folder:
            return generate_latest(self.registry)
        forget_dead_processes(Path(folder))
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=folder)
        return generate_latest(registry)


def init_app(app: Flask) -> None:
    """Create the metrics of `app`."""
    app.extensions["metrics"] = Metrics()


@contextlib.contextmanager
def shared_metrics_folder() -> Generator[None]:
    """Share the metrics that this process and its forks create inside of the block, in a temporary folder.

    Raises: UserError: when there is no place for temporary files.
    """
    try:
        folder, owner = tempfile.mkdtemp(prefix="digits-"), os.getpid()
    except OSError:
        raise UserError(
            "There is no folder for temporary files: mount one at /tmp (docker run --tmpfs /tmp) or set TMPDIR."
        ) from None
    # prometheus_client chooses its class of values by the variable when it is imported, which is before this. It has
    # no public function to choose later: requirements.txt bounds its version.
    os.environ[FOLDER_VARIABLE] = folder
    in_memory, values.ValueClass = values.ValueClass, values.MultiProcessValue()
    try:
        yield
    finally:
        del os.environ[FOLDER_VARIABLE]
        values.ValueClass = in_memory
        if os.getpid() == owner:  # workers are forked inside this block
            shutil.rmtree(folder, ignore_errors=True)


def forget_dead_processes(folder: Path) -> None:
    """Remove the gauges of processes that have ended; their counters stay."""
    for process in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}:
        try:
            os.kill(process, 0)
        except (ProcessLookupError, PermissionError):  # PermissionError: its ID belongs to another user's process now
            with contextlib.suppress(FileNotFoundError):  # another worker may remove it at the same time
                multiprocess.mark_process_dead(process, folder)


def escape(text: str) -> str:
    """Escape a path or an address for the log: one word of bounded length, so that it cannot forge lines or fields."""
    return quote(text[:MAX_LOGGED_CHARACTERS], safe="/:@!$&'()*+,;=[]", errors="replace")
