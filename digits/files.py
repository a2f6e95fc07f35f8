"""Files: written atomically, loaded without running code, checked before long work.

A file that the programs write holds its old or its new content, never half, even after a `kill -9` while writing.
"""

import io
import json
import os
import pickle
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch

from digits import UserError

# What ships next to the scripts: mnist.pth, line.pth, baselines/, input/ and static/. An installed package has a copy of
# it in digits/resources/ (pyproject.toml).
_RESOURCES = Path(__file__).with_name("resources")
SHIPPED_FOLDER = _RESOURCES if _RESOURCES.exists() else Path(__file__).parents[1]
MIN_FREE_BYTES = 16 * 2**20  # weights, a checkpoint, and the next checkpoint before it replaces that one
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def find_shipped(path: Path) -> Path:
    """Find a file that ships with the programs, so that they run in any folder.

    Returns: `path` if it exists or nothing ships under that name; else the file in SHIPPED_FOLDER.
    """
    shipped = SHIPPED_FOLDER / path
    return shipped if shipped.exists() and not path.exists() else path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Generator[BinaryIO]:
    """Open a temporary file for writing; on success it replaces `path`. A symbolic link stays, its target is replaced.

    Raises: UserError when the disk is full or the folder read-only; `path` is then unchanged.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch.save raises RuntimeError when the disk is full
        raise UserError(
            f"{path} could not be saved ({_first_line(error)}), its old content is unchanged: "
            "make room on the disk, or choose another folder."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def defer_stop_signals() -> Generator[None]:
    """Hold back SIGINT (Ctrl-C) and SIGTERM until the block ends, then deliver them.

    Only the main thread receives signals: in other threads the block runs unchanged.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: received.append(number)) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[0])


def load_tensors(path: str | os.PathLike, hint: str, content: bytes | None = None) -> Any:
    """Load a file that torch.save wrote, on the CPU: tensors and plain values, nothing that could run code.

    hint: a sentence that tells the user what to do when the file cannot be loaded.
    content: of the file, where it was read before.

    Raises: UserError when the file is missing, damaged, of another kind, or holds other objects.
    """
    try:
        return torch.load(path if content is None else io.BytesIO(content), map_location="cpu", weights_only=True)
    except FileNotFoundError:
        problem = "does not exist"
    except pickle.UnpicklingError:
        problem = "is refused: it is damaged, or holds more than tensors, which could run code"
    except Exception as error:  # noqa: BLE001 # torch.load raises many types
        problem = f"cannot be read ({_first_line(error)}): it is damaged, or was not saved by PyTorch"
    raise UserError(f"{path} {problem}. {hint}")


def load_metadata(weights: Path) -> dict[str, Any]:
    """Load the JSON file next to `weights`, in which train.py writes where they come from.

    Returns: an empty dictionary where the file is missing, damaged or holds no object.
    """
    try:
        metadata = json.loads(weights.with_suffix(".json").read_text())
    except (OSError, ValueError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def make_folder(path: Path, flag: str) -> None:
    """Make the folder that `flag` names, if it does not exist.

    Raises: UserError when it cannot be made, or no file can be written into it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise UserError(f"{flag} {path} cannot be used ({error.strerror}); name a folder to write to.") from None


def check_writable(path: Path, flag: str, suffixes: tuple[str, ...], required_bytes: int = MIN_FREE_BYTES) -> None:
    """Check before long work that the file that `flag` names can be written.

    suffixes: allowed for the name, as the names of related files are derived from it by changing the suffix.
    required_bytes: that must be free on the disk.

    Raises: UserError when the file cannot be written.
    """
    if problem := _find_problem(path, suffixes, required_bytes):
        raise UserError(f"{flag} {path} cannot be written ({problem}); name a file in a writable folder.")


def _find_problem(path: Path, suffixes: tuple[str, ...], required_bytes: int) -> str:
    """Describe why the file cannot be written, as `check_writable`; empty where it can."""
    # Unlike the methods of Path, these never raise OSError.
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        return "it is a folder or a device"
    if path.suffix not in suffixes:
        return f"its name must end in {suffixes[-1]}"
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            free = shutil.disk_usage(path.parent).free
    except OSError as error:
        return str(error)
    if free < required_bytes:
        return f"the disk has {free / 2**20:.0f} MB left, {required_bytes / 2**20:.0f} MB are needed"
    return ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
