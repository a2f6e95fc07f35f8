"""`python app.py`, or another server, as a child process, for benchmarks and tests."""

import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class ServerProcess:
    """A running server.

    address: as the server announced it, for example http://127.0.0.1:5000.
    startup_seconds: from the start of the process to the announcement.
    """

    address: str
    process: subprocess.Popen
    startup_seconds: float

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def worker_pids(self) -> set[int]:
        """Return the process IDs of the workers (Linux)."""
        pids: set[int] = set()
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with suppress(OSError):  # the thread has just ended
                pids |= set(map(int, children.read_text().split()))
        return pids

    def memory_mb(self) -> dict[int, float]:
        """Return the memory of each process, by its ID: PSS, in which shared pages count once (Linux)."""
        sizes = {}
        for pid in (self.process.pid, *self.worker_pids()):
            with suppress(OSError):  # the process has just ended
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                pss = re.search(r"^Pss: +(\d+)", text, re.MULTILINE)
                assert pss
                sizes[pid] = int(pss[1]) / 1000
        return sizes


@contextmanager
def run_server(
    *command: str, log: int | None = None, popen: type[subprocess.Popen] = subprocess.Popen
) -> Generator[ServerProcess]:
    """Start `python command`, wait until it announces an address, and terminate it at the end.

    log: file descriptor for its stderr; by default that of this process.
    popen: what starts the process; the tests have a faster one.
    """
    start = time.monotonic()
    command = (sys.executable, *command)
    with popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            assert process.stdout
            matches = (re.search(r"(https?://|unix:)\S+", line) for line in process.stdout)
            announced = next(filter(None, matches), None)
            assert announced, f"the server ended with {process.wait()} before it announced an address"
            yield ServerProcess(announced[0], process, time.monotonic() - start)
        finally:
            process.terminate()


def run_app(port: int = 0, workers: int = 1, *flags: str, **options: Any) -> AbstractContextManager[ServerProcess]:
    """Run `app.py` on the CPU with more `flags` and the `options` of `run_server`; port 0 takes a free one."""
    return run_server("app.py", "--device", "cpu", "--port", str(port), "--workers", str(workers), *flags, **options)
