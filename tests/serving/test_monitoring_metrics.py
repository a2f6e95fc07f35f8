"""`digits.serving.monitoring`: metrics over all processes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from digits.serving import monitoring
from digits.serving.monitoring import (
    Metrics,
    forget_dead_processes,
)


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
