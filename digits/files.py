"""Files that are old or new, never half: whatever happens while they are written, a kill -9 too."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from digits import UserError

SCRIPTS_FOLDER = Path(__file__).parents[1]  # train.py, test.py, app.py, and what ships next to them
MIN_FREE_BYTES = 16 * 2**20  # bytes: weights, a checkpoint and, before it takes its place, the next one


def find_shipped(path: Path) -> Path:
    """`path` where it exists, else what ships under that name next to the scripts, so that they run in any folder.

    Returns: `path` as given where there is neither.
    """
    shipped = SCRIPTS_FOLDER / path
    return shipped if shipped.exists() and not path.exists() else path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` once it is whole.

    Errors: UserError when the disk is full or forbids it; what was at `path` is then as it was.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch.save meets a full disk with a RuntimeError
        raise UserError(
            f"{path} could not be saved ({str(error).partition(chr(10))[0]}), what was there is as it was: "
            "make room on the disk, or name another place with --out.",
            "weights",
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def defer_sigint() -> Iterator[None]:
    """Ctrl-C waits until this is over, and is then raised (in the main thread, which alone gets signals)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting = []
    before = signal.signal(signal.SIGINT, lambda number, _: waiting.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if waiting:
        signal.raise_signal(signal.SIGINT)


def make_folder(path: Path, flag: str) -> None:
    """The folder named by `flag`, made where it is not there.

    Errors: UserError when it cannot be, or nothing can be written into it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise UserError(f"{flag} {path} cannot be used ({error.strerror}); name a folder to write to.") from None


def check_writable(path: Path, flag: str, suffixes: tuple[str, ...], room: int = MIN_FREE_BYTES) -> None:
    """Find out now, not after long work, that the file named by `flag` cannot be written.

    Errors: UserError, also when its name ends otherwise than in one of `suffixes`, as names beside it are made
    from it, and when the disk has less than `room` bytes.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is a folder or a device")
        if path.suffix not in suffixes:
            raise OSError(f"its name must end in {suffixes[-1]}")
        with tempfile.TemporaryFile(dir=path.parent):
            free = shutil.disk_usage(path.parent).free
        if free < room:
            raise OSError(f"the disk has {free / 2**20:.0f} MB left, it takes {room / 2**20:.0f}")
    except OSError as error:
        raise UserError(f"{flag} {path} cannot be written ({error}); name a file in a folder that can.") from None
