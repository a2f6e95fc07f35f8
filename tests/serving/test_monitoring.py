"""`digits.serving.monitoring`: log lines as text and as JSON, and metrics over all processes."""

import json
import logging
import logging.config
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from digits.serving import monitoring
from digits.serving.monitoring import (
    ACCESS_LINE,
    JsonLinesFormatter,
    Metrics,
    UtcFormatter,
    escape,
    forget_dead_processes,
    logging_config,
)

REQUEST = {
    "request_id": "a1",
    "method": "GET",
    "path": "/",
    "status": 200,
    "duration_ms": 1.234,
    "remote_addr": "127.0.0.1",
}
EPOCH = "1970-01-01T00:00:00.250Z"


def record(message: str, *args, level: int = logging.INFO, **extra) -> logging.LogRecord:
    made = logging.LogRecord("digits", level, "file.py", 1, message, args, extra.pop("exc_info", None))
    made.created, made.msecs = 0.25, 250.0
    made.__dict__.update(extra)
    return made


def access_record(**changes) -> logging.LogRecord:
    fields = REQUEST | changes
    return record(ACCESS_LINE, fields, **fields)


def error_record() -> logging.LogRecord:
    try:
        raise ValueError("broken")
    except ValueError:
        return record("A request failed.", level=logging.ERROR, exc_info=sys.exc_info())


# -- lines


def test_request_is_a_json_object_with_exactly_the_documented_fields():
    line = JsonLinesFormatter().format(access_record())
    assert "\n" not in line
    fields = json.loads(line)
    assert list(fields) == ["time", "level", "request_id", "method", "path", "status", "duration_ms", "remote_addr"]
    assert fields.pop("time")[:23].replace(",", ".") == EPOCH[:23]
    assert fields == {"level": "info"} | REQUEST


def test_other_record_is_a_json_object_with_time_level_and_message():
    line = JsonLinesFormatter().format(record("%s changed.", "mnist.pth", level=logging.WARNING))
    assert list(json.loads(line)) == ["time", "level", "message"]
    assert json.loads(line) | {"time": ""} == {"time": "", "level": "warning", "message": "mnist.pth changed."}


def test_traceback_is_a_field_of_the_json_object():
    line = JsonLinesFormatter().format(error_record())
    assert "\n" not in line
    fields = json.loads(line)
    assert list(fields) == ["time", "level", "message", "traceback"]
    assert fields["message"] == "A request failed."
    assert "ValueError: broken" in fields["traceback"]


def test_time_in_json_is_utc_with_its_zone():
    text = json.loads(JsonLinesFormatter().format(access_record()))["time"]
    assert datetime.fromisoformat(text) == datetime.fromtimestamp(0.25, UTC)


def test_request_is_one_line_of_text():
    assert UtcFormatter().format(access_record()) == f"{EPOCH} INFO 200 GET / 1.2 ms 127.0.0.1 a1"


def test_traceback_follows_the_line_of_text():
    first, *others = UtcFormatter().format(error_record()).splitlines()
    assert first == f"{EPOCH} ERROR A request failed."
    assert others[-1] == "ValueError: broken"


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_log_lines_have_utc_in_every_time_zone(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert UtcFormatter().format(access_record()).startswith(EPOCH)
        assert "1970-01-01T00:00:00" in JsonLinesFormatter().format(access_record())
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("path", "escaped"),
    [
        ("/api", "/api"),
        ("/é/中", "/%C3%A9/%E4%B8%AD"),
        ("/a b", "/a%20b"),
        ("/a\nINFO 200 GET /", "/a%0AINFO%20200%20GET%20/"),
        ("/a\r\x1b[31m", "/a%0D%1B[31m"),
        ("/\u2028\u202e", "/%E2%80%A8%E2%80%AE"),
        ("/\ud83d", "/%3F"),
        ("/" + "a" * 1000, "/" + "a" * 299),
    ],
)
def test_escaped_path_stays_on_one_log_line(path, escaped):
    assert escape(path) == escaped
    for formatter in (UtcFormatter(), JsonLinesFormatter()):
        assert len(formatter.format(access_record(path=escape(path))).splitlines()) == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_logging_configuration_writes_to_stderr_even_while_descriptor_2_is_silenced(form):
    """Descriptor 2 is silenced while decoders work. In another process, as the configuration is global."""
    code = f"""if True:
        import logging, logging.config
        from digits.recognition.image_decoding import suppress_stderr
        from digits.serving.monitoring import ACCESS_LOG, ACCESS_LINE, logging_config
        logging.config.dictConfig(logging_config({form!r}))
        with suppress_stderr():
            ACCESS_LOG.info(ACCESS_LINE, {REQUEST!r}, extra={REQUEST!r})
        logging.getLogger("digits").info("loaded")
        logging.getLogger("elsewhere").info("not shown")
        logging.getLogger("elsewhere").warning("shown")
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 3
    assert "loaded" in result.stderr
    assert "not shown" not in result.stderr
    if form == "json":
        assert all(json.loads(line)["time"] for line in result.stderr.splitlines())


def test_unknown_log_format_raises():
    with pytest.raises(KeyError):
        logging_config("xml")


# -- metrics


@pytest.fixture
def one_process(monkeypatch):
    monkeypatch.delenv(monitoring.FOLDER_VARIABLE, raising=False)


def samples(exposition: bytes) -> dict[tuple, float]:
    """Parse an exposition: values by name and labels."""
    families = text_string_to_metric_families(exposition.decode())
    return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}


@pytest.mark.usefixtures("one_process")
def test_requests_are_counted_by_route_method_and_status():
    metrics = Metrics()
    for status, seconds in ((200, 0.003), (200, 0.03), (503, 6.0)):
        metrics.count_request("/api", "POST", status, seconds)
    found = samples(metrics.exposition())
    labels = (("method", "POST"), ("route", "/api"))
    assert found["digits_requests_total", *labels, ("status", "200")] == 2
    assert found["digits_requests_total", *labels, ("status", "503")] == 1
    assert found["digits_request_duration_seconds_count", ("route", "/api")] == 3
    assert found["digits_request_duration_seconds_sum", ("route", "/api")] == pytest.approx(6.033)
    assert found["digits_request_duration_seconds_bucket", ("le", "0.05"), ("route", "/api")] == 2


@pytest.mark.usefixtures("one_process")
def test_unknown_methods_are_one_series():
    metrics = Metrics()
    for method in ("MADE1", "MADE2", "get", ""):
        metrics.count_request("other", method, 405, 0.001)
    found = samples(metrics.exposition())
    assert [key for key in found if key[0] == "digits_requests_total"] == [
        ("digits_requests_total", ("method", "other"), ("route", "other"), ("status", "405"))
    ]


@pytest.mark.usefixtures("one_process")
def test_readings_are_counted_with_their_digits():
    metrics = Metrics()
    metrics.count_reading(3, certain=True)
    metrics.count_reading(1, certain=False)
    found = samples(metrics.exposition())
    names = ("digits_pictures_total", "digits_digits_total", "digits_uncertain_pictures_total")
    assert [found[name,] for name in names] == [2, 4, 1]


@pytest.mark.usefixtures("one_process")
def test_only_the_weights_in_use_have_the_value_1():
    metrics = Metrics()
    for sha256 in ("a", "b", "b"):
        metrics.set_model_info(sha256)
    found = samples(metrics.exposition())
    assert found["digits_model_info", ("sha256", "a")] == 0
    assert found["digits_model_info", ("sha256", "b")] == 1


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A metrics folder shared by processes."""
    monkeypatch.setenv(monitoring.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


WRITER = """
import sys
from digits.serving.monitoring import Metrics
metrics = Metrics()
metrics.set_model_info(sys.argv[1])
metrics.queued.set(int(sys.argv[2]))
metrics.count_request("/api", "POST", 200, 0.01)
print("ready", flush=True)
sys.stdin.read()
"""
READER = """
import sys
from digits.serving.monitoring import Metrics
sys.stdout.buffer.write(Metrics().exposition())
"""


@pytest.mark.slow
def test_exposition_has_counters_of_all_processes_and_gauges_of_living_ones(folder):
    """Counters of a process that has ended stay; its gauges do not."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", WRITER]
    with (
        subprocess.Popen([*command, "old", "5"], **pipes) as first,
        subprocess.Popen([*command, "new", "2"], **pipes) as second,
    ):
        for process in (first, second):
            assert process.stdout.readline() == b"ready\n"
        both = subprocess.run([sys.executable, "-c", READER], stdout=subprocess.PIPE, check=True).stdout
        first.communicate()
        one = subprocess.run([sys.executable, "-c", READER], stdout=subprocess.PIPE, check=True).stdout
        second.communicate()
    key = ("digits_requests_total", ("method", "POST"), ("route", "/api"), ("status", "200"))
    before, after = samples(both), samples(one)
    assert (before[key], after[key]) == (2, 2)
    assert (before["digits_queued_requests",], after["digits_queued_requests",]) == (7, 2)
    assert before["digits_model_info", ("sha256", "old")] == 1
    assert ("digits_model_info", ("sha256", "old")) not in after
    assert after["digits_model_info", ("sha256", "new")] == 1


def test_gauges_of_dead_processes_are_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    files = [f"{kind}_{pid}.db" for kind in ("gauge_livesum", "gauge_livemax") for pid in (dead.pid, os.getpid())]
    files += [f"counter_{dead.pid}.db", f"histogram_{dead.pid}.db"]
    for name in files:
        (tmp_path / name).touch()
    forget_dead_processes(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {name for name in files if not (name.startswith("gauge") and str(dead.pid) in name)}


def test_process_id_reused_by_another_user_counts_as_dead(tmp_path, monkeypatch):
    """Workers run as one user, which may send signals to all of them."""

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    (tmp_path / "gauge_livesum_1.db").touch()
    monkeypatch.setattr(os, "kill", refuse)
    forget_dead_processes(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_concurrent_removal_of_a_dead_process_is_tolerated(tmp_path, monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f"gauge_livesum_{dead.pid}.db").touch()

    def too_late(process: int, folder: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(monitoring.multiprocess, "mark_process_dead", too_late)
    forget_dead_processes(tmp_path)


@pytest.mark.usefixtures("one_process")
def test_threads_count_every_request():
    metrics = Metrics()
    threads = [
        threading.Thread(target=lambda: [metrics.count_request("/api", "POST", 200, 0.01) for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    key = ("digits_requests_total", ("method", "POST"), ("route", "/api"), ("status", "200"))
    assert samples(metrics.exposition())[key] == 800
