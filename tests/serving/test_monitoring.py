"""The journal: lines for people and for programs, figures that stay few."""

import json
import logging
import sys

import pytest

from digits.serving.monitoring import Journal, Json, Text

SAID = {"id": "a1", "method": "GET", "path": "/", "status": 200, "ms": 1.234, "address": "127.0.0.1"}


def record(**more) -> logging.LogRecord:
    made = logging.LogRecord("digits", logging.INFO, "", 0, "said %s", ("so",), None)
    made.created, made.msecs = 0.25, 250.0
    made.__dict__.update(more)
    return made


def test_a_request_is_one_line_of_json():
    line = Json().format(record(requests=[SAID]))
    assert "\n" not in line
    assert json.loads(line) == {"time": "1970-01-01T00:00:00.250Z", "level": "info"} | SAID


def test_a_request_is_one_line_for_people():
    assert Text().format(record(requests=[SAID])) == "1970-01-01T00:00:00.250Z 200 GET / 1.2 ms 127.0.0.1 a1"


@pytest.mark.parametrize("form", [Json(), Text()])
def test_a_fault_is_told_with_where_it_was(form):
    try:
        raise ValueError("broken")
    except ValueError:
        line = form.format(record(exc_info=sys.exc_info()))
    assert "said so" in line
    assert "ValueError: broken" in line


def test_what_was_no_request_is_counted_and_made_up_methods_are_one_series():
    journal = Journal("abc")
    for head in (b"", b"\xff\xff", b"GET /x?secret HTTP/1.1\r\n", b"MADE1 / HTTP/1.1", b"MADE2 / HTTP/1.1"):
        journal.refused(head, ("127.0.0.1", 1), 400, 0.1)
    journal.flush()
    figures = journal.exposition().decode()
    assert 'digits_requests_total{method="other",route="other",status="400"} 4.0' in figures
    assert 'digits_requests_total{method="GET",route="other",status="400"} 1.0' in figures
    assert 'digits_model_info{sha256="abc"} 1.0' in figures
    assert len(journal.known) == 2


@pytest.mark.parametrize("form", [Json(), Text()])
def test_requests_that_were_refused_are_a_line_each(form):
    lines = form.format(record(requests=[SAID, SAID | {"id": "b2"}])).splitlines()
    assert ["a1" in lines[0], "b2" in lines[1], len(lines)] == [True, True, 2]
