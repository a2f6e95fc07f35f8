"""`python app.py` as a process: invalid settings, and clients of a real server."""

import errno
import gzip
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import torch

import app
from bench.server_process import ServerProcess
from digits import UserError
from digits.config import parse
from digits.serving import listen_address, server
from tests.helpers import python_process
from tests.helpers.api import to_base64
from tests.helpers.running_server import run_app

pytestmark = pytest.mark.slow

SAMPLE = Path("input/test-7.png").read_bytes()
BODY = json.dumps({"image": to_base64(SAMPLE)}).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Started as users start it, by a new interpreter."""
    with (
        (tmp_path_factory.mktemp("server") / "log").open("w") as log,
        run_app(0, 2, log=log.fileno(), popen=subprocess.Popen) as served,
    ):
        yield served


def exchange(port: int, request: bytes) -> bytes:
    """Send a request. Returns: everything that the server sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


def test_concurrent_clients_are_answered(served):
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: urlopen(Request(f"{served.address}/api", BODY)).read(), range(64)))
    assert {json.loads(answer)["text"] for answer in answers} == {"7"}


def test_connection_is_reused_for_several_requests(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.connect()
    kept = connection.sock
    for path, content in (("/healthz", None), ("/api", BODY), ("/nothing", None), ("/api", b"no picture")):
        connection.request("POST" if content else "GET", path, content)
        json.load(connection.getresponse())
        assert connection.sock is kept
    connection.close()


@pytest.mark.parametrize("size", [1, 700, 100_000])
def test_body_in_chunks_is_read(served, size):
    chunks = (BODY[start : start + size] for start in range(0, len(BODY), size))
    with urlopen(Request(f"{served.address}/api", chunks)) as response:
        assert json.load(response)["text"] == "7"


def test_compressed_body_and_answer_are_read(served):
    headers = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip", "Content-Type": "application/json"}
    with urlopen(Request(f"{served.address}/api/explain", gzip.compress(BODY), headers)) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(response.read()))["reading"]["text"] == "7"


def chunks():
    yield from (b"A" * 1_000_000 for _ in range(21))


@pytest.mark.parametrize("body", [lambda: b"A" * 20_000_000, chunks], ids=["known length", "chunked"])
def test_client_that_sends_too_much_receives_413(served, body):
    """The server once closed the connection while 20 MB were still arriving: clients got a broken pipe instead."""
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(f"{served.address}/api", body()))
    assert caught.value.code == 413
    assert json.load(caught.value)["error"]["code"] == "large"


@pytest.mark.parametrize(
    "body",
    [b"zzz\r\n", b"5\r\nabcdeXX\r\n", b"fffffffffffffffff\r\n", b"-1\r\n", b"5\r\nabc"],
    ids=["no size", "no end", "overflow", "negative", "cut off"],
)
def test_malformed_chunks_are_a_client_error(served, body):
    head = b"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(head + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").readline() == b"HTTP/1.1 400 Bad Request\r\n"


END = b"Host: x\r\nConnection: close\r\n\r\n"
ODD = {
    "query beyond ASCII": (b"GET /healthz?\xc3\xa9 HTTP/1.1\r\n" + END, (200, 400)),
    "query that is not UTF-8": (b"GET /healthz?\xff HTTP/1.1\r\n" + END, (200, 400)),
    "path beyond ASCII": (b"GET /\xc3\xa9 HTTP/1.1\r\n" + END, (404, 400)),
    "escaped path that is not UTF-8": (b"GET /%ff%00%0d%0a HTTP/1.1\r\n" + END, (404,)),
    "header beyond ASCII": (b"GET /healthz HTTP/1.1\r\nX-Request-ID: \xe9\xff\r\n" + END, (200,)),
    "two hosts": (b"GET /healthz HTTP/1.1\r\nHost: y\r\n" + END, (200, 400)),
    "no host": (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", (200, 400)),
    "host with markup": (b"GET /healthz HTTP/1.1\r\nHost: <script>\r\nConnection: close\r\n\r\n", (200, 400)),
    "whole URL": (b"GET http://x/healthz HTTP/1.1\r\n" + END, (200,)),
    "no path": (b"OPTIONS * HTTP/1.1\r\n" + END, (200, 404)),
    "CONNECT": (b"CONNECT x:1 HTTP/1.1\r\n" + END, (400, 404, 405)),
    "made-up method": (b"FOO /healthz HTTP/1.1\r\n" + END, (405,)),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", (200,)),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", (400,)),
    "folder": (b"GET /static/ HTTP/1.1\r\n" + END, (404,)),
    "folder above": (b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\n" + END, (404,)),
    "two lengths": (b"POST /api HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n" + END + b"abcde", (400,)),
    "negative length": (b"POST /api HTTP/1.1\r\nContent-Length: -3\r\n" + END + b"abc", (400,)),
    "length and chunks": (
        b"POST /api HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n" + END + b"3\r\nabc\r\n0\r\n\r\n",
        (400,),
    ),
    "many headers": (b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 300 + END, (200, 431)),
    "no HTTP": (b"hello\r\n\r\n", (400,)),
    "body with GET": (b"GET /healthz HTTP/1.1\r\nContent-Length: 5\r\n" + END + b"hello", (200,)),
}


@pytest.mark.parametrize("name", ODD)
def test_unusual_requests_never_cause_a_server_error(served, name):
    request, statuses = ODD[name]
    answer = exchange(served.port, request)
    assert int(re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)[1]) in statuses
    assert urlopen(f"{served.address}/healthz").status == 200


def test_https_on_the_http_port_is_closed_immediately(served):
    context = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", served.port)) as connection,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(connection, server_hostname="localhost")


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--data-binary", "@input/test-7.png"],
        ["--data-binary", "@input/test-7.png", "-H", "Content-Type:"],
        ["-T", "input/test-7.png", "-X", "POST"],
        ["-T", "input/test-7.png", "-X", "POST", "-H", "Transfer-Encoding: chunked"],
        ["-F", "image=@input/test-7.png"],
        ["-F", "upload=@input/test-7.png"],
        ["--data-urlencode", f"image={to_base64(SAMPLE)}"],
        ["--json", BODY.decode()],
        ["--data-binary", "@input/test-7.png", "-H", "Expect: 100-continue", "--compressed"],
    ],
    ids=["own type", "no type", "upload", "chunked upload", "form", "other field", "urlencoded", "json", "expect"],
)
def test_pictures_are_read_as_curl_sends_them(served, arguments):
    command = ["curl", "-sS", *arguments, f"{served.address}/api"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(answer)["text"] == "7"


def test_second_server_on_a_port_fails_with_advice(served: ServerProcess):
    result = python_process.run("app.py", "--device", "cpu", "--port", served.port)
    assert result.returncode == 1
    assert re.fullmatch(rf"app\.py: .*127\.0\.0\.1 port {served.port} .*--port.*\n", result.stderr)
    assert result.stdout == ""
    assert urlopen(f"{served.address}/healthz").status == 200


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--weights", "none.pth"], r"Train weights with `python train\.py`"),
        (["--device", "cuda"], "--device auto"),
        (["--host", "no.such.host.invalid"], "name one"),
        (["--host", "192.0.2.1"], "with --host"),
        (["--host", "unix:/nonexistent/socket"], "is not a folder"),
        (["--host", "unix:README.md"], "not a socket"),
        (["--cors", "https://a.org,null"], "--cors null is not an origin"),
        (["--frame-ancestors", "a.org"], "--frame-ancestors a.org is not an origin"),
        (["--tls-cert", "README.md"], "belong together"),
        (["--tls-cert", "README.md", "--tls-key", "README.md"], "PEM files"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_invalid_settings_raise_before_the_server_starts(monkeypatch, flags, words):
    if flags[-1] == "cuda" and torch.cuda.is_available():
        flags = ["--device", "mps"]
    for name in ("PROMETHEUS_MULTIPROC_DIR", "PYTORCH_NVML_BASED_CUDA_CHECK"):
        monkeypatch.setenv(name, "")  # restored after the test
    monkeypatch.setattr(server, "serve", lambda *_: pytest.fail("started"))
    with pytest.raises(UserError, match=words):
        app.main(parse(app.ServerSettings, ["--port", "0", *flags]))


def test_privileged_port_is_rejected_with_advice():
    error = listen_address.binding_error("127.0.0.1 port 80", PermissionError(errno.EACCES, "Permission denied"))
    assert "127.0.0.1 port 80 (Permission denied)" in str(error)
    assert "above with --port" in str(error)


@pytest.mark.parametrize(("flag", "value"), [("--port", "99999"), ("--workers", "0"), ("--read-timeout", "0")])
def test_settings_out_of_range_print_the_usage(capsys, flag, value):
    with pytest.raises(SystemExit) as ended:
        parse(app.ServerSettings, [flag, value])
    assert ended.value.code == 2
    assert f"{flag} (DIGITS_{flag[2:].replace('-', '_').upper()}) is {value!r}" in capsys.readouterr().err
