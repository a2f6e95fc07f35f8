"""`python app.py` as a user starts it, for the tests of the program and of its page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Site:
    address: str
    process: subprocess.Popen


@contextmanager
def site(port: int = 0, workers: int = 1) -> Iterator[Site]:
    """The server on a free port, or on `port`; stopped at the end, unless it has ended already."""
    command = [sys.executable, "app.py", "--device", "cpu", "--port", str(port), "--workers", str(workers)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Site(re.search(r"http://\S+", process.stdout.readline())[0], process)
        finally:
            process.terminate()
