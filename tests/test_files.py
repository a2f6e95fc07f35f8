"""`digits.files`: atomic writes, deferred signals, loading, and checks before long work."""

import os
import shutil
import signal
import threading
from collections import namedtuple

import pytest
import torch

from digits import UserError, files

WEIGHTS = ("--out", ("", ".pth"))


def test_new_content_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with files.atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("write failed")])
def test_failed_write_leaves_the_old_content_and_no_other_file(tmp_path, error):
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


def test_full_disk_is_reported_before_the_work(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 2 * 2**20))
    with pytest.raises(UserError, match="2 MB left"):
        files.check_writable(tmp_path / "w.pth", *WEIGHTS)


def test_unwritable_file_is_reported_before_the_work(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    for bad in (tmp_path, tmp_path / "none" / "w.pth", tmp_path / "w.json", tmp_path / "0.996", tmp_path / "pipe.pth"):
        with pytest.raises(UserError, match=r"--out .* cannot be written"):
            files.check_writable(bad, *WEIGHTS)
    files.check_writable(tmp_path / "w.pth", *WEIGHTS)
    assert list(tmp_path.iterdir()) == [tmp_path / "pipe.pth"]


def test_symbolic_link_stays_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with files.atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_signal_is_deferred_and_not_lost(number):
    """It was once ignored: a run that writes checkpoints in quick succession could not be stopped."""
    handler = signal.signal(number, signal.default_int_handler)
    reached = []
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            with files.defer_stop_signals():
                os.kill(os.getpid(), number)
                reached.append("end of the block")
            reached.append("after the block")
        assert reached == ["end of the block"]
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, handler)


def test_block_runs_in_threads_that_get_no_signals():
    ended = []

    def work():
        with files.defer_stop_signals():
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def test_tensors_and_plain_values_load_from_a_file_or_its_content(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"weights": torch.ones(2), "name": "a"}, path)
    for content in (None, path.read_bytes()):
        loaded = files.load_tensors(path, "Hint.", content)
        assert torch.equal(loaded["weights"], torch.ones(2))
        assert loaded["name"] == "a"


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: torch.save(os.getcwd, path), "is refused: it is damaged, or holds more than tensors"),
        (lambda path: path.mkdir(), "cannot be read"),
    ],
)
def test_file_that_cannot_be_loaded_is_reported_with_the_hint(tmp_path, write, problem):
    path = tmp_path / "a.pth"
    write(path)
    with pytest.raises(UserError, match=rf"a\.pth {problem}.*\. Do this\."):
        files.load_tensors(path, "Do this.")


@pytest.mark.parametrize(
    ("content", "metadata"), [(None, {}), ("{", {}), ("[1]", {}), ("\xff", {}), ('{"seed": 1}', {"seed": 1})]
)
def test_metadata_is_the_json_object_next_to_the_weights_or_empty(tmp_path, content, metadata):
    if content is not None:
        (tmp_path / "w.json").write_bytes(content.encode("latin-1"))
    assert files.load_metadata(tmp_path / "w.pth") == metadata
