"""`python app.py` as a user starts it, for the tests of the program and of its page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Site:
    address: str
    process: subprocess.Popen


@contextmanager
def site(port: int = 0, workers: int = 1, *more: str, log: int | None = None) -> Iterator[Site]:
    """The server on a free port, or on `port`, with `more` flags; stopped at the end, unless it has ended already.

    What it says on stderr goes to the file descriptor `log`, or where ours goes.
    """
    command = [sys.executable, "app.py", "--device", "cpu", "--port", str(port), "--workers", str(workers), *more]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            yield Site(re.search(r"http://\S+", process.stdout.readline())[0], process)
        finally:
            process.terminate()
