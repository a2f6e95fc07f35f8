"""The server with slow clients, overload, killed workers, SIGTERM: short forms of `python -m bench.throughput`."""

import json
import os
import shutil
import signal
import socket
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from bench.load_generator import generate_load, labeled_pictures
from bench.resilience import STALLED_REQUESTS
from tests.helpers.running_server import run_app
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.slow

SAMPLE = Path("input/test-7.png").read_bytes()


@pytest.fixture(scope="module")
def pictures():
    return labeled_pictures(20)


@pytest.fixture
def quiet():
    """A file descriptor that discards the log of a server."""
    with open(os.devnull, "w") as log:
        yield log.fileno()


def kinds(outcomes) -> set[str]:
    return {outcome.kind for outcome in outcomes}


def read(address: str) -> str:
    return json.load(urlopen(Request(f"{address}/api", SAMPLE, {"Content-Type": "image/png"})))["text"]


@pytest.mark.parametrize("start", STALLED_REQUESTS, ids=["body", "chunk", "head"])
def test_stalled_connections_are_closed_and_do_not_delay_others(quiet, start):
    with run_app(0, 1, "--read-timeout", "1", log=quiet) as server:
        stalled = []
        for _ in range(50):
            stalled.append(socket.create_connection(("127.0.0.1", server.port)))
            stalled[-1].sendall(start)  # at once: the server closes a connection on which nothing arrives
        assert read(server.address) == "7"
        assert urlopen(f"{server.address}/healthz").status == 200
        for client in stalled:
            with client:
                answer = client.makefile("rb").read()  # until the server closes the connection
            assert not answer or answer.startswith(b"HTTP/1.1 408 ")


def test_requests_that_wait_too_long_get_503_and_health_checks_do_not_queue(quiet, pictures):
    with (
        run_app(0, 1, "--max-wait", "0.02", log=quiet) as server,
        generate_load(server.port, pictures, 32) as clients,
    ):
        wait_until(lambda: {"correct", "busy"} <= kinds(clients.outcomes))
        assert urlopen(f"{server.address}/healthz").status == 200
        assert urlopen(f"{server.address}/readyz").status == 200
    assert kinds(clients.outcomes) == {"correct", "busy"}


def test_killed_worker_is_replaced_and_only_its_requests_are_lost(quiet, pictures):
    with run_app(0, 2, log=quiet) as server, generate_load(server.port, pictures, 8) as clients:
        wait_until(lambda: len(clients.outcomes) > 50)
        workers = server.worker_pids()
        os.kill(min(workers), signal.SIGKILL)
        wait_until(lambda: len(server.worker_pids() - workers) == 1)
        answered = len(clients.outcomes)
        wait_until(lambda: len(clients.outcomes) > answered + 50)
    assert clients.count()["lost"] <= 8
    assert kinds(clients.outcomes) <= {"correct", "lost"}
    assert server.process.returncode == 0


def test_server_survives_repeated_worker_deaths_while_the_weights_are_invalid(tmp_path, quiet):
    """granian exits when a worker dies twice within 5.5 s, and a worker needs valid weights to start."""
    weights = tmp_path / "weights.pth"
    shutil.copy("mnist.pth", weights)
    with run_app(0, 1, "--weights", str(weights), log=quiet) as server:
        weights.write_bytes(b"broken")
        for _ in range(2):
            (worker,) = server.worker_pids()
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: server.worker_pids() - {worker} and can_read(server.address))  # noqa: B023
        assert server.process.poll() is None
    assert server.process.returncode == 0


def can_read(address: str) -> bool:
    try:
        return read(address) == "7"
    except OSError:
        return False


def test_sigterm_under_load_loses_no_accepted_request(quiet, pictures):
    with run_app(0, 2, log=quiet) as server, generate_load(server.port, pictures, 8) as clients:
        wait_until(lambda: len(clients.outcomes) > 50)
        server.process.terminate()
        assert server.process.wait(30) == 0
    assert kinds(clients.outcomes) <= {"correct", "lost", "refused"}
    assert clients.count()["lost"] <= 2  # requests sent just as the server closed their connection; 8 were in progress


def test_batch_does_not_delay_small_pictures(quiet, pictures):
    """The batch takes long enough that small pictures are read while it runs in the other thread."""
    boundary = b"--x\r\n" + b'Content-Disposition: form-data; name="image"; filename="7"\r\n\r\n' + SAMPLE + b"\r\n"
    request = Request(
        "http://x/api/batch", boundary * 60 + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}
    )
    with run_app(0, 1, log=quiet) as server, generate_load(server.port, pictures, 2) as clients:
        request.full_url = f"{server.address}/api/batch"
        before = len(clients.outcomes)
        readings = json.load(urlopen(request))["readings"]
        assert [reading["text"] for reading in readings] == ["7"] * 60
        assert len(clients.outcomes) > before + 2
    assert kinds(clients.outcomes) == {"correct"}
