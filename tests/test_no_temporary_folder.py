"""The programs print one sentence, no stack trace, where no folder for temporary files exists."""

import os
import subprocess
import sys

import pytest

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


@pytest.mark.parametrize(
    "command",
    [
        ["app.py", "--port", "0"],
        ["train.py", "--synthetic", "100", "--out", "{}/mnist.pth"],
        ["test.py", "--mnist", "--data-dir", "{}"],
    ],
    ids=lambda command: command[0],
)
def test_missing_temporary_folder_ends_with_one_sentence(tmp_path, command):
    command = [word.format(tmp_path) for word in command]
    # Variables such as TORCH_HOME name other folders.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TORCH")}
    result = subprocess.run(
        [sys.executable, "-c", PREAMBLE, *command], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "temporary files" in result.stderr
    assert "TMPDIR" in result.stderr
    assert "Traceback" not in result.stderr
