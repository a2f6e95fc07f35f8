"""Waiting for something to happen in another process."""

import threading
import time
from collections.abc import Callable

DEADLINE = 40  # s; machines may be busy


def until(happened: Callable[[], bool]) -> None:
    """Look again and again whether it `happened`."""
    deadline, pause = time.monotonic() + DEADLINE, threading.Event()
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)
