"""`python app.py` as a program: starts that cannot work, clients of a real server, the stop."""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import torch

from tests.helpers.api import encoded
from tests.helpers.server_process import site

SAMPLE = Path("input/test-7.png")


@pytest.fixture(scope="module")
def address():
    with site() as served:
        yield served.address


def test_the_server_answers_many_at_once_and_stops_when_told():
    body = json.dumps({"image": encoded(SAMPLE.read_bytes())}).encode()
    with site(workers=2) as served:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: urlopen(Request(f"{served.address}/api", body)).read(), range(64)))
        assert urlopen(f"{served.address}/").headers["Server"] == "gunicorn"  # no development server
    assert {json.loads(answer)["text"] for answer in answers} == {"7"}
    assert served.process.returncode == 0


def chunks():
    yield from (b"A" * 1_000_000 for _ in range(21))


@pytest.mark.parametrize("body", [b"A" * 20_000_000, chunks()], ids=["known length", "chunked"])
def test_a_client_that_sends_too_much_hears_so(address, body):
    """Once the server closed the line while 20 MB were still coming: clients saw a broken pipe, no answer."""
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(f"{address}/api", body))
    assert caught.value.code == 413
    assert json.load(caught.value)["error"]["code"] == "large"


def test_a_body_in_chunks_that_make_no_sense_is_the_clients_fault(address):
    host, port = address.removeprefix("http://").split(":")
    head = b"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((host, int(port))) as line:
        line.sendall(head + b"zzz\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_stalls_does_not_hold_up_the_stop():
    with site() as served:
        host, port = served.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            served.process.terminate()
            assert served.process.wait(timeout=30) == 0


def test_no_control_socket_is_left_open(address):
    """gunicorn 25.1 and later opens one in the home folder, the same for every server, if not told otherwise."""
    for folder in (Path.home() / ".gunicorn", Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))):
        assert not (folder / "gunicorn.ctl").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--weights", "none.pth"], "train it with"),
        (["--port", "99999"], "choose another port"),
        (["--host", "no.such.host.invalid"], "with --host"),
        (["--workers", "0"], "at least 1"),
        (["--device", "cuda"], "--device auto"),
    ],
)
def test_a_start_that_cannot_work_ends_with_one_sentence(flags, words):
    if flags[-1] == "cuda" and torch.cuda.is_available():
        flags = ["--device", "mps"]
    result = subprocess.run([sys.executable, "app.py", *flags], check=False, capture_output=True, text=True)
    assert result.returncode in (1, 2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_said_with_another_to_try():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "app.py", "--port", str(port)], check=False, capture_output=True, text=True
        )
    assert result.returncode == 1
    assert f"127.0.0.1 port {port}" in result.stderr
    assert "--port" in result.stderr
