"""`digits.serving.server`: addresses and certificates, signals, new weights and metrics of a server with processes."""

import asyncio
import contextlib
import errno
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import app
import model
from bench.images import draw_number, encode_image, to_image
from bench.load_generator import known_pictures, load
from bench.server_process import run_app, run_server
from digits import UserError
from digits.serving import monitoring, server
from tests.helpers.images import tiff_with_damaged_strip
from tests.helpers.waiting import wait_until

SAMPLE = Path("input/test-7.png").read_bytes()
# In a session of its own, as a shell starts a program: signals to its process group reach nobody else.
AS_A_GROUP = (
    "-c",
    "import os, runpy, sys; os.setsid(); sys.argv[0] = 'app.py'; runpy.run_path('app.py', run_name='__main__')",
    *("--device", "cpu", "--port", "0"),
)
CERTIFICATE = ("-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")


@pytest.fixture
def log(tmp_path):
    """A file for the log of a server."""
    with (tmp_path / "log").open("w") as file:
        yield file


def text_of(log) -> str:
    return Path(log.name).read_text()


def read_text(address: str, content: bytes = SAMPLE) -> str:
    """POST a picture to /api. Returns: the text of the reading. Raises: HTTPError for any other answer."""
    with urlopen(Request(f"{address}/api", content)) as response:
        return json.load(response)["text"]


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


# -- addresses


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("localhost", "127.0.0.1"),
        ("::", "::"),
        ("[::]", "::"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
    ],
)
def test_host_may_be_an_ip_address(host, address):
    assert server.parse_host(host) == (address, None)


@pytest.mark.parametrize(
    "host", ["", "no.such.host.invalid", "127.0.0.1:5000", "http://127.0.0.1", "1.2.3", "[", "[::1]:5000", "unix"]
)
def test_host_that_is_no_address_is_refused_with_examples(host):
    with pytest.raises(UserError, match=r"no address of this machine: name one, 127\.0\.0\.1"):
        server.parse_host(host)


def test_host_may_be_a_unix_socket_in_a_folder_that_exists(tmp_path):
    assert server.parse_host(f"unix:{tmp_path}/socket") == ("", tmp_path / "socket")
    for path in (tmp_path, tmp_path / "none" / "socket"):
        with pytest.raises(UserError, match="name a file in a folder"):
            server.parse_host(f"unix:{path}")


@needs_ipv6
def test_server_on_all_addresses_is_reached_by_ipv4_and_ipv6(log):
    with run_app(0, 1, "--host", "::", log=log.fileno()) as served:
        assert served.address == f"http://[::]:{served.port}"
        for host in ("127.0.0.1", "[::1]"):
            assert read_text(f"http://{host}:{served.port}") == "7"
    assert text_of(log).count("Every machine") == 1


@needs_ipv6
def test_server_on_an_ipv6_address_announces_it_as_urls_have_it(log):
    with run_app(0, 1, "--host", "[::1]", log=log.fileno()) as served:
        assert served.address == f"http://[::1]:{served.port}"
        assert read_text(served.address) == "7"
    assert "Every machine" not in text_of(log)


def ask_unix(path: Path) -> str:
    """GET /healthz on a Unix domain socket."""
    connection = http.client.HTTPConnection("localhost")
    with contextlib.closing(connection), socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.connect(str(path))
        connection.request("GET", "/healthz")
        return json.load(connection.getresponse())["status"]


def test_server_answers_on_a_unix_socket_that_an_ended_server_left(tmp_path, log):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with run_app(0, 1, "--host", f"unix:{path}", log=log.fileno()) as served:
        assert served.address == f"unix:{path}"
        assert ask_unix(path) == "alive"
    assert served.process.returncode == 0


def test_unix_socket_of_another_server_and_other_files_are_left_alone(tmp_path):
    path, file, free = tmp_path / "socket", tmp_path / "file", tmp_path / "free"
    file.touch()
    asyncio.run(server.remove_stale_socket(free))
    with pytest.raises(UserError, match=f"{file} is there already"):
        asyncio.run(server.remove_stale_socket(file))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(UserError, match="Another server listens"):
            asyncio.run(server.remove_stale_socket(path))
    assert (path.is_socket(), file.is_file()) == (True, True)
    asyncio.run(server.remove_stale_socket(path))  # as nobody listens any more
    assert not path.exists()


# -- certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """A folder with self-signed certificates: rsa.crt and rsa.key, ec.crt and ec.key (SEC 1); locked.key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificates")
    for arguments in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.key"],
        ["req", *CERTIFICATE, "-key", "ec.key", "-out", "ec.crt"],
        ["req", *CERTIFICATE, "-newkey", "rsa:2048", "-keyout", "rsa.key", "-out", "rsa.crt"],
        ["rsa", "-aes128", "-passout", "pass:secret", "-in", "rsa.key", "-out", "locked.key"],
    ):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_https_is_spoken_with_a_certificate(certificates, log, kind):
    files = ("--tls-cert", f"{certificates}/{kind}.crt", "--tls-key", f"{certificates}/{kind}.key")
    with run_app(0, 1, *files, log=log.fileno()) as served:
        assert served.address == f"https://127.0.0.1:{served.port}"
        context = ssl.create_default_context(cafile=certificates / f"{kind}.crt")
        with urlopen(f"{served.address}/healthz", context=context) as response:
            assert json.load(response) == {"status": "alive"}
        old = ssl.create_default_context(cafile=certificates / f"{kind}.crt")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        with urlopen(f"{served.address}/healthz", context=old) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("cert", "key", "words"),
    [
        ("rsa.crt", "", "belong together"),
        ("", "rsa.key", "belong together"),
        ("none.crt", "rsa.key", "No such file"),
        ("rsa.crt", "none.key", "No such file"),
        ("rsa.crt", "ec.key", "match"),
        ("rsa.crt", "locked.key", "without a pass phrase"),
        ("rsa.key", "rsa.crt", "PEM files"),
        ("", "", None),
        ("rsa.crt", "rsa.key", None),
    ],
)
def test_certificates_are_checked_at_the_start(certificates, cert, key, words):
    files = [str(certificates / name) if name else "" for name in (cert, key)]
    if words is None:
        server.check_certificate(*files)
    else:
        with pytest.raises(UserError, match=words):
            server.check_certificate(*files)


# -- starts and ends


def test_hangup_ends_the_server_and_frees_its_port(log):
    """A terminal that is closed sends SIGHUP to the process group of what runs in it."""
    with run_server(*AS_A_GROUP, "--workers", "2", log=log.fileno()) as served:
        os.killpg(served.process.pid, signal.SIGHUP)
        assert served.process.wait(30) == 0
    with socket.create_server(("127.0.0.1", served.port)):
        pass


def test_ctrl_c_ends_the_server_without_a_word(log):
    with run_server(*AS_A_GROUP, "--workers", "2", log=log.fileno()) as served:
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.process.wait(30) == 0
    assert text_of(log) == ""


def test_hangup_is_ignored_under_nohup(log):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does it for what it starts
    try:
        with run_server(*AS_A_GROUP, "--workers", "2", log=log.fileno()) as served:
            workers = served.worker_pids()
            os.killpg(served.process.pid, signal.SIGHUP)
            assert read_text(served.address) == "7"
            assert served.worker_pids() == workers
            served.process.terminate()
            assert served.process.wait(30) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


class FakeServer:
    """In place of granian's: its runs end as `ends` say, one after the other."""

    ends: ClassVar[list[Callable]] = []
    interrupt_signal = False

    def __init__(self, *_, **__):
        pass

    def on_startup(self, _) -> None:
        pass

    def serve(self, target_loader, wrap_loader) -> None:
        """Workers count in the last argument of their function when they listen."""
        self.ends.pop(0)(self, target_loader.args[-1])


@pytest.fixture
def serve(monkeypatch) -> Callable:
    """Calls `server.serve` with fake runs; returns those that did not take place."""
    monkeypatch.setattr(server, "Server", FakeServer)
    monkeypatch.setattr(server, "increase_file_limit", int)

    def serve(*ends: Callable) -> list[Callable]:
        monkeypatch.setattr(FakeServer, "ends", list(ends))
        server.serve(lambda: None, app.ServerSettings(workers=2), 5000, {})
        return FakeServer.ends

    return serve


def workers_die_later(_, listening) -> None:
    """granian gives up when a worker dies twice within some seconds."""
    listening.value = 3  # of them one was a replacement
    raise SystemExit(1)


def workers_die_at_once(_, listening) -> None:
    listening.value = 1
    raise SystemExit(1)


def worker_dies_while_stopping(run: FakeServer, _) -> None:
    run.interrupt_signal = True
    raise SystemExit(1)


def stop(*_) -> None:
    """As after SIGTERM."""


def test_server_starts_again_when_its_workers_die(serve, caplog):
    assert serve(workers_die_later, workers_die_later, stop) == []
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.parametrize("before", [[], [workers_die_later]])
def test_server_whose_workers_cannot_start_ends_with_one_sentence(serve, before):
    with pytest.raises(UserError, match="as soon as they start: see the log"):
        serve(*before, workers_die_at_once, stop)


def test_worker_that_dies_while_the_server_stops_is_no_error(serve, caplog):
    assert serve(worker_dies_while_stopping, stop) == [stop]
    assert caplog.records == []


@pytest.mark.parametrize("error", [OSError(errno.EADDRINUSE, "in use"), RuntimeError("path too long\nbacktrace")])
def test_address_that_cannot_be_bound_is_an_error_with_advice(serve, error):
    def fail(*_):
        raise error

    with pytest.raises(UserError, match=r"Nothing can be served on http://127\.0\.0\.1:5000 \(") as caught:
        serve(fail)
    assert "backtrace" not in str(caught.value)


@needs_ipv6
def test_port_that_is_taken_on_ipv4_is_not_free_on_all_addresses():
    with socket.create_server(("0.0.0.0", 0)) as taken:
        with pytest.raises(UserError, match="--port"):
            asyncio.run(server.reserve_address("::", taken.getsockname()[1]))
        assert asyncio.run(server.reserve_address("::", 0)) != taken.getsockname()[1]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_end_when_their_parent_is_killed(log, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # as the folder of the metrics stays
    with run_app(0, 2, log=log.fileno()) as served:
        workers = served.worker_pids()
        assert len(workers) == 2
        served.process.kill()
        wait_until(lambda: not any(map(is_running, workers)))
    with socket.create_server(("127.0.0.1", served.port)):
        pass


def test_file_limit_is_raised_as_far_as_the_system_allows(monkeypatch):
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    assert server.increase_file_limit(2000) == 2000
    assert limits.pop() == (2000 + server.RESERVED_FILES, 4096)
    assert server.increase_file_limit(8000) == 4096 - server.RESERVED_FILES
    assert limits.pop() == (4096, 4096)
    assert server.increase_file_limit(10) == 10
    assert limits.pop() == (1024, 4096)
    limits[-1] = (64, 64)
    assert server.increase_file_limit(10) == 1


# -- weights, log and metrics


def versions(address: str) -> set[str]:
    """The weights that processes use. Any of them may answer /readyz, and so notice new ones."""
    urlopen(f"{address}/readyz").close()
    with urlopen(f"{address}/metrics") as response:
        return set(re.findall(r'digits_model_info{sha256="(\w+)"} 1', response.read().decode()))


def test_new_weights_are_used_without_a_failed_request_and_broken_ones_are_refused(tmp_path, log):
    weights = tmp_path / "w.pth"
    shutil.copy("mnist.pth", weights)
    other = model.load("mnist.pth")  # that reads the same
    other.fc2.bias.data += 0.01
    flags = ("--weights", str(weights), "--log-format", "json")
    with run_app(0, 2, *flags, log=log.fileno()) as served:
        (first,) = versions(served.address)
        with load(served.port, known_pictures(10), 2) as clients:
            model.save(other, weights)
            wait_until(lambda: len(versions(served.address) - {first}) == 1 and first not in versions(served.address))
            (second,) = versions(served.address)

            weights.write_bytes(b"no weights")
            wait_until(lambda: versions(served.address) and "What was loaded before stays in use" in text_of(log))
            assert versions(served.address) == {second}
            answered = len(clients.outcomes)
            wait_until(lambda: len(clients.outcomes) > answered + 20)
        assert {outcome.kind for outcome in clients.outcomes} == {"right"}
    assert served.process.returncode == 0
    lines = [json.loads(line) for line in text_of(log).splitlines()]
    assert {line["level"] for line in lines} == {"info", "warning", "error"}
    assert not [line for line in lines if line.get("status", 200) >= 400]


def test_log_has_a_line_for_each_request_and_nothing_else(log):
    """Also for pictures about which libtiff and Pillow have something to say, and for bodies that break off."""
    picture = to_image(draw_number("7"))
    damaged = tiff_with_damaged_strip(picture, "tiff_lzw")
    odd = encode_image(picture, exif=b"MM\0*\0\0\0\x08\0\x05")  # Pillow warns of "Corrupt EXIF data"
    with run_app(0, 1, "--log-format", "json", log=log.fileno()) as served:
        for content in (damaged, odd, SAMPLE):
            with contextlib.suppress(HTTPError):
                read_text(served.address, content)
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        wait_until(lambda: len(text_of(log).splitlines()) == 4)
    lines = [json.loads(line) for line in text_of(log).splitlines()]
    fields = {"time", "level", "request_id", "method", "path", "status", "duration_ms", "remote_addr"}
    assert [(set(line), line["path"], line["status"]) for line in lines] == [
        (fields, "/api", status) for status in (400, 200, 200, 400)
    ]


def test_metrics_are_those_of_all_processes_and_their_folder_is_removed(tmp_path, log, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with run_app(0, 2, log=log.fileno()) as served:
        (folder,) = tmp_path.glob("digits-*")
        wait_until(lambda: len(list(folder.glob("counter_*.db"))) == 2)  # both processes count
        for _ in range(12):
            read_text(served.address)
        with urlopen(f"{served.address}/metrics") as response:
            exposition = response.read().decode()
    assert 'digits_requests_total{method="POST",route="/api",status="200"} 12.0' in exposition
    assert "digits_pictures_total 12.0" in exposition
    assert not list(tmp_path.glob("digits-*"))


def test_metrics_folder_is_removed_after_an_error(monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    with contextlib.suppress(LookupError), monitoring.shared_metrics_folder():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        assert folder.is_dir()
        raise LookupError
    assert not folder.exists()


def test_missing_temporary_folder_is_an_error_with_advice(monkeypatch):
    def refuse(**_):
        raise FileNotFoundError("No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(monitoring.tempfile, "mkdtemp", refuse)
    with pytest.raises(UserError, match="TMPDIR"), monitoring.shared_metrics_folder():
        pytest.fail("entered")
