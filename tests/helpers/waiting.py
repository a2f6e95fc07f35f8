"""Wait for events in other processes."""

import threading
import time
from collections.abc import Callable

TIMEOUT_SECONDS = 40  # machines may be busy
POLL_SECONDS = 0.02


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until `condition` holds; fail after TIMEOUT_SECONDS."""
    deadline, pause = time.monotonic() + TIMEOUT_SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        pause.wait(POLL_SECONDS)
