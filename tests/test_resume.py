"""A run of `train.py` that was killed, as by kill -9, goes on to the same weights, to the bit."""

import signal
import subprocess
import sys

import pytest

import train
from digits import UserError

# Runs train.py and, in the call of os.replace or step of training that the first argument names, dies as by kill -9.
KILLED = """
import os, signal, sys
from collections import Counter

import train

moment, seen = sys.argv[1], Counter()

def dying(name, original):
    def call(*words, **named):
        seen[name] += 1
        if moment == f"{name} {seen[name]}":
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*words, **named)
    return call

train.Muon.step = dying("step", train.Muon.step)
train.scores.calibrated = dying("calibration", train.scores.calibrated)
os.replace = dying("replace", os.replace)
train.torch.save = dying("save", train.torch.save)
sys.exit(train.main(train.arguments(sys.argv[2:])))
"""
WHOLE = ["--device", "cpu", "--synthetic", "300", "--epochs", "3", "--bend", "1", "--freeze", "0.5", "--seed", "4"]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "w.pth"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The weights of a run that nobody killed, as bytes."""
    out = tmp_path_factory.mktemp("undisturbed") / "w.pth"
    train.main(train.arguments([*WHOLE, "--out", str(out)]))
    return out.read_bytes()


# Three steps an epoch. Files are saved and replaced: checkpoints 1 to 4, then the weights and their record.
@pytest.mark.parametrize(
    "moment",
    ["step 1", "step 4", "step 9", "save 2", "replace 3", "calibration 1", "save 5", "replace 6"],
)
def test_a_run_that_was_killed_goes_on_to_the_same_weights_to_the_bit(out, moment, undisturbed):
    out.write_text("old")
    result = subprocess.run(
        [sys.executable, "-c", KILLED, moment, *WHOLE, "--out", out], check=False, capture_output=True
    )
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert out.read_bytes() in (b"old", undisturbed)
    assert out.read_bytes() == b"old" or moment == "replace 6"
    resume = out.with_name("w.resume.pth")
    assert train.main(train.arguments(["--device", "cpu", "--resume", str(resume)])) == 0
    assert out.read_bytes() == undisturbed
    assert not resume.exists()


def test_what_is_resumed_takes_no_other_settings(out):
    kept = [sys.executable, "-c", KILLED, "step 4", *WHOLE, "--out", out]
    subprocess.run(kept, capture_output=True, check=False)
    resume = str(out.with_name("w.resume.pth"))
    for flags in (["--lr", "0.3"], ["--recipe", "fast"], ["--synthetic", "7"]):
        with pytest.raises(UserError, match=rf"goes on with {flags[0]} .*: leave {flags[0]} out"):
            train.arguments(["--resume", resume, *flags])
    train.arguments(["--resume", resume, "--seed", "4"])


def test_a_new_run_does_not_write_over_what_can_be_resumed(out, capsys):
    kept = [sys.executable, "-c", KILLED, "step 4", *WHOLE, "--out", out]
    subprocess.run(kept, capture_output=True, check=False)
    before = out.with_name("w.resume.pth").read_bytes()
    train.main(train.arguments([*WHOLE, "--out", str(out)]))
    assert "w.resume.old.pth" in capsys.readouterr().out
    assert out.with_name("w.resume.old.pth").read_bytes() == before
