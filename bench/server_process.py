"""`python app.py`, or another server, as a child process, for benchmarks and tests."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class ServerProcess:
    address: str  # as it was announced, http://127.0.0.1:5000 say
    process: subprocess.Popen
    startup_seconds: float  # from the start to the announcement

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def worker_pids(self) -> set[int]:
        """The ids of its worker processes (Linux)."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return {int(child) for task in tasks for child in task.read_text().split()}

    def memory_mb(self) -> dict[int, float]:
        """MB of each of its processes, with what they share counted once (PSS; Linux)."""
        found = {}
        for pid in (self.process.pid, *self.worker_pids()):
            with suppress(OSError):  # one that has just ended
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                found[pid] = int(re.search(r"^Pss: +(\d+)", text, re.MULTILINE)[1]) / 1000
        return found


@contextmanager
def run_server(*command: str, log: int | None = None) -> Iterator[ServerProcess]:
    """The server that `python command` starts, once it has announced its address; stopped at the end.

    log: file descriptor for its stderr; by default ours.
    """
    began = time.monotonic()
    command = (sys.executable, *command)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            announced = next(filter(None, (re.search(r"(https?://|unix:)\S+", line) for line in process.stdout)), None)
            assert announced, f"the server ended with {process.wait()} before it announced an address"
            yield ServerProcess(announced[0], process, time.monotonic() - began)
        finally:
            process.terminate()


def run_app(port: int = 0, workers: int = 1, *flags: str, log: int | None = None):
    """Our server on a free port, or on `port`, with more `flags`."""
    return run_server("app.py", "--device", "cpu", "--port", str(port), "--workers", str(workers), *flags, log=log)
