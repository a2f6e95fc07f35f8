"""A value that is loaded from a file, and reloaded when the file changes."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from digits import UserError

LOGGER = logging.getLogger("digits")
KEEPING_MESSAGE = "%s (What was loaded before stays in use.)"
CHECK_INTERVAL = 1.0  # s between two checks of the file

T = TypeVar("T")


class ReloadingFile(Generic[T]):
    """Calls `load` once, and again in `get` when the file at `path` was replaced or written to.

    A file that cannot be loaded is logged once, and the previous value stays in use.

    load: loads the value from the file, or from its argument: the content of an earlier version of the file.
    clock: returns seconds, as time.monotonic does.
    content: an earlier version of the file, loaded if the file cannot be loaded the first time.
    """

    def __init__(
        self,
        path: Path,
        load: Callable[..., T],
        clock: Callable[[], float] = time.monotonic,
        content: bytes | None = None,
    ):
        """Load the value.

        Raises: UserError: as `load` does, if there is no `content`.
        """
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
        """Return the value of the file as it was at most CHECK_INTERVAL ago."""
        if self.clock() - self.checked > CHECK_INTERVAL and self.lock.acquire(blocking=False):  # one thread checks
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
        except Exception:  # the file may contain anything
            LOGGER.exception(KEEPING_MESSAGE, f"{self.path} cannot be loaded.")
        else:
            LOGGER.warning("%s changed and was loaded again.", self.path)

    def read_state(self) -> tuple[int, int, int] | None:
        """Return modification time, size and inode, one of which changes with the file; None if there is no file."""
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
