"""`digits.serving.reloading`: a changed file is loaded again; a file that cannot be loaded keeps the previous value."""

import logging
import os
import threading
from pathlib import Path

import pytest

from digits import UserError
from digits.serving.reloading import CHECK_INTERVAL, ReloadingFiles

OVERDUE = 2 * CHECK_INTERVAL


class Clock:
    """A clock that a test advances."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "file"
    path.write_text("first")
    return path


@pytest.fixture
def file(path, clock) -> ReloadingFiles[str]:
    return ReloadingFiles([path], lambda: load(path), clock)


def load(path: Path) -> str:
    try:
        text = path.read_text()
    except OSError:
        raise UserError(f"{path} does not exist.") from None
    if text == "broken":
        raise UserError(f"{path} is broken.")
    return text


def replace(path: Path, text: str) -> None:
    """Replace the file atomically: write another file and rename it."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def write(path: Path, text: str) -> None:
    """Overwrite the file in place."""
    path.write_text(text)


def test_value_is_loaded_at_the_start(file):
    assert file.get() == "first"


def test_file_that_cannot_be_loaded_at_the_start_raises(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        ReloadingFiles([tmp_path / "none"], lambda: load(tmp_path / "none"))


@pytest.mark.parametrize("change", [replace, write])
def test_changed_file_is_loaded_again(file, path, clock, caplog, change):
    change(path, "second")
    clock.now += OVERDUE
    assert file.get() == "second"
    assert f"{path} changed: loaded again." in caplog.text


def test_change_of_any_file_loads_all_again_and_names_it(path, clock, caplog):
    other = path.with_name("other")
    other.write_text("one")
    files = ReloadingFiles([path, other], lambda: load(path) + load(other), clock)
    assert files.get() == "firstone"
    replace(other, "two")
    clock.now += OVERDUE
    assert files.get() == "firsttwo"
    assert f"{other} changed: loaded again." in caplog.text
    replace(path, "second")
    replace(other, "three")
    clock.now += OVERDUE
    assert files.get() == "secondthree"
    assert f"{path} and {other} changed: loaded again." in caplog.text


def test_replaced_file_of_the_same_size_and_time_is_loaded_again(file, path, clock):
    before = path.stat()
    replace(path, "other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    clock.now += OVERDUE
    assert file.get() == "other"


def test_file_of_the_same_size_but_another_time_is_loaded_again(file, path, clock):
    path.write_text("other")
    os.utime(path, (1, 1))
    clock.now += OVERDUE
    assert file.get() == "other"


def test_unchanged_file_is_not_loaded_again(path, clock):
    loads = []
    file = ReloadingFiles([path], lambda: loads.append(1) or len(loads), clock)
    for _ in range(3):
        clock.now += OVERDUE
        assert file.get() == 1


def test_file_is_checked_once_per_interval(file, path, clock, monkeypatch):
    checks = []
    monkeypatch.setattr(file, "read_states", lambda: checks.append(clock.now) or file.states)
    for _ in range(100):
        clock.now += CHECK_INTERVAL / 10
        file.get()
    assert len(checks) == pytest.approx(10, abs=1)


def test_change_is_detected_only_after_the_interval(file, path, clock):
    replace(path, "second")
    clock.now += 0.9 * CHECK_INTERVAL
    assert file.get() == "first"
    clock.now += 0.2 * CHECK_INTERVAL
    assert file.get() == "second"


def test_change_during_the_first_load_is_detected(path, clock):
    """Otherwise the previous file would stay in use forever."""

    def slow() -> str:
        text = load(path)
        if text == "first":
            replace(path, "second")
        return text

    file = ReloadingFiles([path], slow, clock)
    assert file.get() == "first"
    clock.now += OVERDUE
    assert file.get() == "second"


@pytest.mark.parametrize("damage", [lambda path: replace(path, "broken"), Path.unlink], ids=["broken", "deleted"])
def test_invalid_file_keeps_the_value_and_is_logged_once(file, path, clock, caplog, damage):
    damage(path)
    for _ in range(3):
        clock.now += OVERDUE
        assert file.get() == "first"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("digits", logging.ERROR)
    assert str(path) in record.message
    assert "What was loaded before stays in use." in record.message
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("damage", [lambda path: replace(path, "broken"), Path.unlink], ids=["broken", "deleted"])
def test_valid_file_after_an_invalid_one_is_loaded(file, path, clock, damage):
    damage(path)
    clock.now += OVERDUE
    assert file.get() == "first"
    replace(path, "second")
    clock.now += OVERDUE
    assert file.get() == "second"


def test_other_threads_get_the_previous_value_during_a_load(path, clock):
    loading, go = threading.Event(), threading.Event()

    def slow() -> str:
        if loads:
            loading.set()
            assert go.wait(60)
        loads.append(1)
        return load(path)

    loads: list[int] = []
    file = ReloadingFiles([path], slow, clock)
    replace(path, "second")
    clock.now += OVERDUE
    thread = threading.Thread(target=file.get)
    thread.start()
    assert loading.wait(60)
    assert file.get() == "first"
    go.set()
    thread.join()
    assert file.get() == "second"
    assert len(loads) == 2


def test_unexpected_error_keeps_the_value_and_is_logged_with_its_traceback(path, clock, caplog):
    def fail_once() -> str:
        if load(path) == "bug":
            raise LookupError
        return load(path)

    file = ReloadingFiles([path], fail_once, clock)
    replace(path, "bug")
    clock.now += OVERDUE
    assert file.get() == "first"
    assert "LookupError" in caplog.text
    replace(path, "second")
    clock.now += OVERDUE
    assert file.get() == "second"


def test_content_is_used_if_the_file_cannot_be_loaded_at_the_start(path, clock, caplog):
    def load_or(content: bytes | None = None) -> str:
        return content.decode() if content else load(path)

    replace(path, "broken")
    with pytest.raises(UserError):
        ReloadingFiles([path], load_or, clock)
    assert ReloadingFiles([path], load_or, clock, contents=[b"before"]).get() == "before"
    assert "before stays in use" in caplog.text


def test_valid_file_is_preferred_to_the_content(path, clock, caplog):
    file = ReloadingFiles([path], lambda content=None: load(path), clock, contents=[b"before"])
    assert (file.get(), caplog.records) == ("first", [])


def test_invalid_content_raises(path, clock):
    replace(path, "broken")
    with pytest.raises(UserError, match="is broken"):
        ReloadingFiles([path], lambda content=None: load(path), clock, contents=[b"before"])
