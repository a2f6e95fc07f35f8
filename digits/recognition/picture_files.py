"""Picture files on disk: which files the paths, folders and globs of a command line name."""

import os
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from digits import UserError
from digits.recognition import image_decoding
from digits.recognition.formats import SUFFIXES

STDIN = Path("-")
IGNORED_NAMES = ("Thumbs.db", "desktop.ini")  # that Windows writes next to pictures


def find(paths: list[str]) -> Iterator[Path]:
    """Expand files, folders and globs to the pictures in them, each once where it is named in the same way.

    Folders are searched with the folders in them, but not through symbolic links, which may lead in circles. In a
    folder, only files with one of SUFFIXES are pictures, and files whose names begin with a dot are left out: those of
    macOS, ._NAME, describe the file NAME.

    A folder or glob without pictures is yielded itself, so that reading it reports the problem.
    """
    found: set[Path] = set()
    for path in paths:
        try:
            pictures = list(_expand(path))
        except (OSError, ValueError):  # a name that no file can have, or no pattern
            pictures = []
        for picture in pictures or [Path(path)]:
            if picture not in found:
                found.add(picture)
                yield picture


def read_stdin() -> bytes:
    """Read the picture from the standard input.

    Raises: UserError: when it is closed, cannot be read or is larger than `image_decoding.MAX_FILE_BYTES`.
    """
    if sys.stdin is None:
        raise UserError("- is the standard input, which is closed: name a file.", "missing")
    try:
        return image_decoding.read_limited(sys.stdin.buffer, str(STDIN))
    except OSError as error:
        raise UserError(f"- is the standard input, which cannot be read ({error.strerror}).", "missing") from None


def _expand(path: str) -> Iterator[Path]:
    if path == str(STDIN):
        yield STDIN
    elif Path(path).is_dir():
        yield from _walk(Path(path))
    elif Path(path).exists():
        yield _not_stdin(Path(path))
    else:  # a glob that the shell did not expand
        yield from _glob(path)


def _not_stdin(path: Path) -> Path:
    """Return another name of the file if it is called - like the standard input."""
    return path.absolute() if path == STDIN else path


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):  # of a folder without permission nothing is listed
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield _not_stdin(Path(parent, name))


def _glob(pattern: str) -> Iterator[Path]:
    """Expand a pattern as a shell does: ** is any number of folders, and * at the start of a name matches no dot."""
    folders_only = pattern.endswith(("/", "/**")) or pattern == "**"
    # ** is special only where it is a whole name.
    parts = [part if part == "**" else re.sub(r"\*+", "*", part) for part in Path(pattern).parts]
    if parts[-1] == "**":
        parts.pop()
    dotted = [part for part in parts if part.startswith(".")]
    root = Path(Path(pattern).anchor or ".")
    matches = root.glob(str(Path(*parts).relative_to(Path(pattern).anchor))) if parts else [root]
    for match in sorted(matches):  # `Path.glob` takes no absolute patterns, and follows no link for **
        hidden = [part for part in match.parts if part.startswith(".") and part != ".."]
        if any(not any(fnmatch(part, name) for name in dotted) for part in hidden) or match.name in IGNORED_NAMES:
            continue
        if match.is_symlink() and not match.is_file():
            continue  # to a folder, or to nothing
        if match.is_dir():
            yield from _walk(match)
        elif not folders_only:
            yield _not_stdin(match)
