"""A value that is loaded from files, and reloaded when one of them changes."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from digits import UserError

LOGGER = logging.getLogger("digits")
KEEPING_MESSAGE = "%s (What was loaded before stays in use.)"
CHECK_INTERVAL = 1.0  # s between two checks of the files

T = TypeVar("T")


class ReloadingFiles(Generic[T]):
    """Calls `load` once, and again in `get` when a file of `paths` was replaced or written to.

    Files that cannot be loaded are logged once, and the previous value stays in use.

    load: loads the value from the files, or from its arguments: the contents of earlier versions of all of them.
    clock: returns seconds, as time.monotonic does.
    contents: earlier versions of the files, loaded if the files cannot be loaded the first time.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        load: Callable[..., T],
        clock: Callable[[], float] = time.monotonic,
        contents: Sequence[bytes | None] | None = None,
    ):
        """Load the value.

        Raises: UserError: as `load` does, if there are no `contents`.
        """
        self.paths, self.load, self.clock = paths, load, clock
        self.lock = threading.Lock()
        self.states, self.checked = self.read_states(), clock()
        try:
            self.value = load()
        except UserError as error:
            if contents is None:
                raise
            self.value = load(*contents)
            LOGGER.error(KEEPING_MESSAGE, error)

    def get(self) -> T:
        """Return the value of the files as they were at most CHECK_INTERVAL ago."""
        if self.clock() - self.checked > CHECK_INTERVAL and self.lock.acquire(blocking=False):  # one thread checks
            try:
                self.reload_if_changed()
                self.checked = self.clock()
            finally:
                self.lock.release()
        return self.value

    def reload_if_changed(self) -> None:
        states = self.read_states()
        changed = [path for path in self.paths if states[path] != self.states[path]]
        if not changed:
            return
        self.states, names = states, " and ".join(map(str, changed))
        try:
            self.value = self.load()
        except UserError as error:
            LOGGER.error(KEEPING_MESSAGE, error)
        except Exception:  # the files may contain anything
            LOGGER.exception(KEEPING_MESSAGE, f"{names} cannot be loaded.")
        else:
            LOGGER.warning("%s changed: loaded again.", names)

    def read_states(self) -> dict[Path, tuple[int, int, int] | None]:
        """Return for each file its state, which changes with it."""
        return {path: read_state(path) for path in self.paths}


def read_state(path: Path) -> tuple[int, int, int] | None:
    """Return modification time, size and inode of a file; None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
