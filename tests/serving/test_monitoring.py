"""`digits.serving.monitoring`: log lines as text and as JSON."""

import json
import logging
import logging.config
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from digits.serving.monitoring import (
    ACCESS_LINE,
    JsonLinesFormatter,
    UtcFormatter,
    escape,
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
        from digits.recognition.pillow_decoding import suppress_stderr
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
