"""`digits.serving.server`: signals, workers that die, addresses and limits."""

import asyncio
import errno
import os
import resource
import signal
import socket
from collections.abc import Callable
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import ClassVar

import pytest

from digits import UserError
from digits.serving import server
from tests.helpers.python_process import CONTEXT
from tests.helpers.running_server import read_log, read_text, run_app, run_server
from tests.helpers.waiting import wait_until

SAMPLE = Path("input/test-7.png").read_bytes()
# In its own session, as a shell starts a program, so that signals to its process group reach no other process. The
# tests themselves may run under nohup, which ignores SIGHUP.
RUN_AS_A_GROUP = """
import os, runpy, signal, sys
os.setsid()
signal.signal(signal.SIGHUP, signal.{handler})
sys.argv[0] = "app.py"
runpy.run_path("app.py", run_name="__main__")
"""
FLAGS = ("--device", "cpu", "--port", "0", "--workers", "2")
AS_A_GROUP = ("-c", RUN_AS_A_GROUP.format(handler="SIG_DFL"), *FLAGS)
UNDER_NOHUP = ("-c", RUN_AS_A_GROUP.format(handler="SIG_IGN"), *FLAGS)

# -- starts and ends


def test_sighup_stops_the_server_and_frees_its_port(server_log):
    """A terminal that is closed sends SIGHUP to the process group of its programs."""
    with run_server(*AS_A_GROUP, log=server_log.fileno()) as served:
        os.killpg(served.process.pid, signal.SIGHUP)
        assert served.process.wait(30) == 0
    with socket.create_server(("127.0.0.1", served.port)):
        pass


def test_ctrl_c_stops_the_server_without_output(server_log):
    with run_server(*AS_A_GROUP, log=server_log.fileno()) as served:
        os.killpg(served.process.pid, signal.SIGINT)
        assert served.process.wait(30) == 0
    assert read_log(server_log) == ""


def test_sighup_is_ignored_under_nohup(server_log):
    with run_server(*UNDER_NOHUP, log=server_log.fileno()) as served:
        workers = served.worker_pids()
        os.killpg(served.process.pid, signal.SIGHUP)
        assert read_text(served.address) == "7"
        assert served.worker_pids() == workers
        served.process.terminate()
        assert served.process.wait(30) == 0


class FakeServer:
    """Replaces granian's server: each run ends as the next function in `ends` does."""

    ends: ClassVar[list[Callable]] = []
    interrupt_signal = False

    def __init__(self, *_, **__):
        pass

    def on_startup(self, _) -> None:
        pass

    def serve(self, target_loader, wrap_loader) -> None:
        """Run once. The last argument of the loader is the semaphore that the last worker to listen takes."""
        self.ends.pop(0)(self, target_loader.args[-1])


@pytest.fixture
def serve(monkeypatch) -> Callable:
    """A function that calls `server.serve` with fake runs, and returns those that did not take place."""
    monkeypatch.setattr(server, "Granian", FakeServer)
    monkeypatch.setattr(server, "increase_file_limit", int)

    def serve(*ends: Callable) -> list[Callable]:
        monkeypatch.setattr(FakeServer, "ends", list(ends))
        options = server.ServerOptions("127.0.0.1", 5000, 2, 100, 20.0, "", "")
        server.serve(lambda: None, options, {})
        return FakeServer.ends

    return serve


def workers_die_later(_, announcement) -> None:
    """granian exits when a worker dies twice within seconds."""
    assert announcement.acquire(block=False)
    raise SystemExit(1)


def workers_die_at_once(*_) -> None:
    raise SystemExit(1)


def worker_dies_while_stopping(run: FakeServer, _) -> None:
    run.interrupt_signal = True
    raise SystemExit(1)


def stop(*_) -> None:
    """As after SIGTERM."""


def test_server_restarts_when_its_workers_die(serve, caplog):
    assert serve(workers_die_later, workers_die_later, stop) == []
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.parametrize("before", [[], [workers_die_later]])
def test_server_whose_workers_cannot_start_raises(serve, before):
    with pytest.raises(UserError, match="as soon as they start: see the log"):
        serve(*before, workers_die_at_once, stop)


def test_worker_death_during_shutdown_is_not_an_error(serve, caplog):
    assert serve(worker_dies_while_stopping, stop) == [stop]
    assert caplog.records == []


def run_worker(others: Semaphore, announcement: Semaphore, is_killed: bool) -> None:
    """Start a worker, which may be killed while it announces that the server listens."""
    if is_killed:
        server.print = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server.start_worker(dict, "the address", others, announcement)
    loop.call_soon(loop.stop)
    loop.run_forever()


@pytest.mark.slow
def test_worker_killed_while_it_announces_does_not_block_its_replacement():
    """It held a lock for which its replacement waited on the event loop, accepting connections but answering none."""
    others, announcement = CONTEXT.Semaphore(0), CONTEXT.Semaphore(1)
    for is_killed, status in ((True, -signal.SIGKILL), (False, 0)):
        worker = CONTEXT.Process(target=run_worker, args=(others, announcement, is_killed), daemon=True)
        worker.start()
        worker.join(60)
        assert worker.exitcode == status


@pytest.mark.parametrize("error", [OSError(errno.EADDRINUSE, "in use"), RuntimeError("path too long\nbacktrace")])
def test_unavailable_address_raises_with_advice(serve, error):
    def fail(*_):
        raise error

    with pytest.raises(UserError, match=r"Nothing can be served on http://127\.0\.0\.1:5000 \(") as caught:
        serve(fail)
    assert "backtrace" not in str(caught.value)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_end_when_their_parent_is_killed(server_log, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # the metrics folder is left there
    with run_app(0, 2, log=server_log.fileno()) as served:
        workers = served.worker_pids()
        assert len(workers) == 2
        served.process.kill()
        wait_until(lambda: not any(map(is_running, workers)))
    with socket.create_server(("127.0.0.1", served.port)):
        pass


def test_file_limit_is_raised_up_to_the_hard_limit(monkeypatch):
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
