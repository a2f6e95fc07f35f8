"""The processes of the server: new weights while it runs, one line a request, a stop."""

import json
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

import model
from digits.serving import server
from digits.client import read
from tests.helpers.server_process import site

DEADLINE = 20  # seconds for something to happen in other processes


def version(address: str) -> set[str]:
    return set(re.findall(r'digits_model_info{sha256="(\w+)"} 1', urlopen(f"{address}/metrics").read().decode()))


def until(happened) -> None:
    deadline, pause = time.monotonic() + DEADLINE, threading.Event()
    while not happened():
        assert time.monotonic() < deadline
        pause.wait(0.02)


def test_new_weights_are_loaded_when_told_and_broken_ones_refused(tmp_path):
    weights, log = tmp_path / "w.pth", tmp_path / "log"
    shutil.copy("mnist.pth", weights)
    with (
        log.open("w") as said,
        site(0, 2, "--weights", str(weights), "--log-format", "json", log=said.fileno()) as served,
    ):
        (old,) = version(served.address)
        assert read("input/test-7.png", served.address)["text"] == "7"

        weights.write_bytes(b"no weights")
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "The weights stay as they were" in log.read_text())
        assert read("input/test-7.png", served.address)["text"] == "7"

        model.save(model.Softmax(), weights)
        served.process.send_signal(signal.SIGHUP)
        until(lambda: version(served.address).isdisjoint({old}))
        assert len(version(served.address)) == 1
    assert served.process.returncode == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]  # each is JSON, gunicorn's too
    asked = [line for line in lines if line.get("path") == "/api"]
    assert all({"time", "level", "id", "method", "path", "status", "ms", "address"} == set(line) for line in asked)
    assert len(asked) == 2
    assert not list(tmp_path.glob("digits-*"))


def test_the_figures_are_those_of_all_processes():
    with site(0, 2) as served:
        for _ in range(6):
            read("input/test-7.png", served.address)
        figures = urlopen(f"{served.address}/metrics").read().decode()
    assert 'digits_requests_total{method="POST",route="/api",status="200"} 6.0' in figures
    assert "digits_pictures_total 6.0" in figures


@pytest.mark.parametrize(("host", "said"), [("0.0.0.0", 1), ("127.0.0.1", 0)])
def test_letting_other_machines_in_is_said(tmp_path, host, said):
    with (tmp_path / "log").open("w") as log, site(0, 1, "--host", host, log=log.fileno()):
        pass
    assert (tmp_path / "log").read_text().count("Every machine") == said


def test_the_folder_of_the_figures_is_gone_afterwards(monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    with server.figures():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        assert folder.is_dir()
    assert not folder.exists()
