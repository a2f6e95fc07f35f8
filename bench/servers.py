"""Servers as child processes: started, watched, stopped; for the benchmarks and the tests that break them.

What a server says goes to a file, so that no full pipe slows it down. Who its workers are, what memory they have and
which connections they hold stands in /proc, so on Linux alone.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from digits import UserError

ROOT = Path(__file__).parents[1]
APP = ("app.py", "--port", "0", "--device", "cpu")
PATIENCE = 60  # seconds in which a server must say where it is; a cold disk has PyTorch to read
STOP = 15  # seconds after which a server that was told to stop is killed
ENDED = ("06", "07")  # states of connections that nobody holds any more: TIME_WAIT, CLOSE


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen
    port: int

    def workers(self) -> set[int]:
        """The ids of its child processes."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return {int(child) for task in tasks for child in task.read_text().split()}

    def memory(self) -> float:
        """MB that it and its workers have, what they share counted once (PSS)."""
        kilobytes = 0
        for pid in (self.process.pid, *self.workers()):
            with suppress(OSError):  # a worker that has just ended
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                kilobytes += int(re.search(r"^Pss: +(\d+)", text, re.MULTILINE)[1])
        return kilobytes / 1000

    def held(self, pid: int) -> set[int]:
        """The clients' ports of the connections that process `pid` has open."""
        inodes = set()
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    inodes.add(os.readlink(descriptor).removeprefix("socket:[").rstrip("]"))
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return {
            port_of(there)
            for _, here, there, state, *rest in lines
            if port_of(here) == self.port and state not in ENDED and rest[5] in inodes and port_of(there)
        }


def port_of(address: str) -> int:
    """The port in an address of /proc/net/tcp, as "0100007F:1F90"."""
    return int(address.partition(":")[2], 16)


@contextmanager
def serving(*command: str, **settings: object) -> Iterator[Server]:
    """The server that `python command` starts, once it listens; each of `settings` is a DIGITS_<NAME> of its own.

    Errors: UserError, with what it said, when it ends or says no address.
    """
    environment = os.environ | {f"DIGITS_{name.upper()}": str(value) for name, value in settings.items()}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=log, stderr=log)
        server = Server(process, 0)
        try:
            server = Server(process, _listening(process, log.fileno()))
            yield server
        finally:
            _stop(server)


def _listening(process: subprocess.Popen, log: int) -> int:
    """The port that the server names in its `log`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        said = os.pread(log, 65_536, 0).decode(errors="replace")  # pread: the offset is the server's, too
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", said):
            return int(found[1])
        if process.poll() is not None:
            raise UserError(f"The server ended ({process.returncode}) before it listened:\n{said[-2000:]}")
        time.sleep(0.01)
    raise UserError(f"The server said no address within {PATIENCE} s.")


def _stop(server: Server) -> None:
    """End it; by force, and its workers with it, where it does not end when told."""
    if server.process.poll() is not None:
        return
    workers = server.workers()
    server.process.terminate()
    try:
        server.process.wait(STOP)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
        for worker in workers:  # they end by themselves when their parent is gone, unless they hang
            with suppress(ProcessLookupError):
                os.kill(worker, 9)
