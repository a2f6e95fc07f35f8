"""Keeps a value that is loaded from a file, and reloads it when the file changes."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from digits import UserError

LOGGER = logging.getLogger("digits")
KEEPING_MESSAGE = "%s (What was loaded before stays in use.)"
INTERVAL = 1.0  # s between two looks at the file

T = TypeVar("T")


class ReloadingFile(Generic[T]):
    """Calls `load` at the start, and again in `get` when `path` was replaced or written to.

    A file that cannot be loaded is logged once, and the value from before stays in use; at the start that is
    `load(content)`, where there is `content` that the file had before.
    """

    def __init__(
        self,
        path: Path,
        load: Callable[..., T],
        clock: Callable[[], float] = time.monotonic,
        content: bytes | None = None,
    ):
        """Raises: UserError of `load`."""
        self.path, self.load, self.clock = path, load, clock
        self.lock = threading.Lock()
        self.state, self.checked = self.read_state(), clock()
        try:
            self.value = load()
        except UserError as error:
            if content is None:
                raise
            self.value = load(content)
            LOGGER.error(KEEPING_MESSAGE, error)

    def get(self) -> T:
        """The value of the file as it was at most INTERVAL ago."""
        if self.clock() - self.checked > INTERVAL and self.lock.acquire(blocking=False):  # one thread is enough
            try:
                self.reload_if_changed()
                self.checked = self.clock()
            finally:
                self.lock.release()
        return self.value

    def reload_if_changed(self) -> None:
        state = self.read_state()
        if state == self.state:
            return
        self.state = state
        try:
            self.value = self.load()
        except UserError as error:
            LOGGER.error(KEEPING_MESSAGE, error)
        except Exception:  # the file may hold anything at all
            LOGGER.exception(KEEPING_MESSAGE, f"{self.path} cannot be loaded.")
        else:
            LOGGER.warning("%s changed and was loaded again.", self.path)

    def read_state(self) -> tuple[int, int, int] | None:
        """What changes when the file does: modification time, size, inode; None where there is no file."""
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
