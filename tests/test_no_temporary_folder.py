"""The programs print one sentence, no stack trace, where no folder for temporary files exists."""

import os
import subprocess
import sys

import pytest

from tests.helpers import python_process

pytestmark = pytest.mark.slow

# As in a container with a read-only root and no /tmp: tempfile finds its folder through these functions.
PREAMBLE = """
import errno, runpy, sys, tempfile
def gettempdir(*_, **__):
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")
tempfile.gettempdir = tempfile.mkdtemp = gettempdir
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_new_interpreter(*arguments: str) -> subprocess.CompletedProcess:
    """Run `python arguments` in one where PyTorch has not found its folder while it was imported."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("run", "command"),
    [
        (python_process.run, ["app.py", "--port", "0"]),
        (run_new_interpreter, ["train.py", "--synthetic", "100", "--out", "{}/mnist.pth"]),
        (run_new_interpreter, ["test.py", "--mnist", "--data-dir", "{}"]),
    ],
    ids=["app.py", "train.py", "test.py"],
)
def test_missing_temporary_folder_ends_with_one_sentence(tmp_path, monkeypatch, run, command):
    for name in list(os.environ):
        if name.startswith("TORCH"):  # such as TORCH_HOME, which names another folder
            monkeypatch.delenv(name)
    result = run("-c", PREAMBLE, *(word.format(tmp_path) for word in command))
    assert result.returncode == 1
    assert "temporary files" in result.stderr
    assert "TMPDIR" in result.stderr
    assert "Traceback" not in result.stderr
