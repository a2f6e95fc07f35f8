"""`digits.files`: old or new, never half, and known before the work."""

import os
import shutil
import signal
import threading
from collections import namedtuple

import pytest

from digits import UserError, files

WEIGHTS = ("--out", ("", ".pth"))


def test_the_new_content_is_there_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with files.atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("write failed")])
def test_a_write_that_fails_leaves_the_old_content_and_no_other_file(tmp_path, error):
    path = tmp_path / "a"
    path.write_text("old")

    def fail() -> None:
        with files.atomic_write(path) as file:
            file.write(b"ne")
            raise error

    with pytest.raises(UserError, match="make room"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_known_before_the_work(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 2 * 2**20))
    with pytest.raises(UserError, match="2 MB left"):
        files.check_writable(tmp_path / "w.pth", *WEIGHTS)


def test_what_cannot_be_written_is_known_before_the_work(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    for bad in (tmp_path, tmp_path / "none" / "w.pth", tmp_path / "w.json", tmp_path / "0.996", tmp_path / "pipe.pth"):
        with pytest.raises(UserError, match=r"--out .* cannot be written"):
            files.check_writable(bad, *WEIGHTS)
    files.check_writable(tmp_path / "w.pth", *WEIGHTS)
    assert list(tmp_path.iterdir()) == [tmp_path / "pipe.pth"]


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with files.atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_ctrl_c_waits_and_is_not_lost():
    """Once it was ignored meanwhile: a run that writes a checkpoint every moment could not be stopped."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            with files.defer_sigint():
                os.kill(os.getpid(), signal.SIGINT)
                reached.append("the end of what may not be disturbed")
            reached.append("what comes after")
        assert reached == ["the end of what may not be disturbed"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)


def test_other_threads_know_no_signals():
    ended = []

    def work():
        with files.defer_sigint():
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
