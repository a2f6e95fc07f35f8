"""A run of `train.py` that was killed, as by kill -9, goes on to the same weights, to the bit."""

import functools
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
train.metrics.calibrate = dying("calibration", train.metrics.calibrate)
os.replace = dying("replace", os.replace)
train.torch.save = dying("save", train.torch.save)
sys.exit(train.main(train.parse_args(sys.argv[2:])))
"""
WHOLE = ["--device", "cpu", "--synthetic", "300", "--epochs", "3", "--bend", "1", "--freeze", "0.5", "--seed", "4"]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "w.pth"


FAST = ["--device", "cpu", "--recipe", "fast", "--synthetic", "600", "--epochs", "2"]
BEST = ["--device", "cpu", "--recipe", "best", "--synthetic", "60", "--epochs", "3", "--teachers", "2", "--copies", "2"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Called with flags: the weights of such a run that nobody killed, as bytes."""

    @functools.cache
    def weights(*flags: str) -> bytes:
        out = tmp_path_factory.mktemp("undisturbed") / "w.pth"
        train.main(train.parse_args([*flags, "--out", str(out)]))
        return out.read_bytes()

    return weights


# Three steps an epoch. Files are saved and replaced: checkpoints 1 to 4, then the weights and their record.
MOMENTS = ["step 1", "step 4", "step 9", "save 2", "replace 3", "calibration 1", "save 5", "replace 6"]
# After the whole run's first checkpoint, each teacher takes 12 steps and saves 13 and its weights; then two copies.
TEACHERS = ["step 7", "save 18", "save 31", "step 26"]


@pytest.mark.parametrize(
    ("flags", "moment"),
    [*((WHOLE, moment) for moment in MOMENTS), (FAST, "step 3"), *((BEST, moment) for moment in TEACHERS)],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[2:4]),
)
def test_a_run_that_was_killed_goes_on_to_the_same_weights_to_the_bit(out, flags, moment, undisturbed):
    out.write_text("old")
    command = [sys.executable, "-c", KILLED, moment, *flags, "--out", out]
    result = subprocess.run(command, check=False, capture_output=True)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert out.read_bytes() == (undisturbed(*flags) if moment == "replace 6" else b"old")
    resume = out.with_name("w.resume.pth")
    assert train.main(train.parse_args(["--device", "cpu", "--resume", str(resume)])) == 0
    assert out.read_bytes() == undisturbed(*flags)
    assert not resume.exists()


def test_what_is_resumed_takes_no_other_settings(out):
    kept = [sys.executable, "-c", KILLED, "step 4", *WHOLE, "--out", out]
    subprocess.run(kept, capture_output=True, check=False)
    resume = str(out.with_name("w.resume.pth"))
    for flags in (["--lr", "0.3"], ["--recipe", "fast"], ["--synthetic", "7"]):
        with pytest.raises(UserError, match=rf"goes on with {flags[0]} .*: leave {flags[0]} out"):
            train.parse_args(["--resume", resume, *flags])
    assert train.parse_args(["--resume", resume, "--seed", "4"]).device == "cpu"
    assert train.parse_args(["--resume", resume, "--out", "elsewhere.pth"]).seed == 4  # where there is room, say


def test_a_new_run_does_not_write_over_what_can_be_resumed(out, capsys):
    kept = [sys.executable, "-c", KILLED, "step 4", *WHOLE, "--out", out]
    subprocess.run(kept, capture_output=True, check=False)
    before = out.with_name("w.resume.pth").read_bytes()
    train.main(train.parse_args([*WHOLE, "--out", str(out)]))
    assert "w.resume.old.pth" in capsys.readouterr().out
    assert out.with_name("w.resume.old.pth").read_bytes() == before


def test_ctrl_c_while_teachers_are_asked_names_the_whole_run_and_it_goes_on(out, monkeypatch, capsys, undisturbed):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(train.distillation, "cache_predictions", interrupted)
        assert train.main(train.parse_args([*BEST, "--out", str(out)])) == 130
    resume = out.with_name("w.resume.pth")
    said = capsys.readouterr().out
    assert said.count("To go on:") == 1
    assert f"To go on: python train.py --resume {resume}" in said
    assert train.main(train.parse_args(["--resume", str(resume)])) == 0
    assert out.read_bytes() == undisturbed(*BEST)


def test_ctrl_c_while_the_weights_are_saved_leaves_them_whole_and_no_checkpoint(out, monkeypatch, capsys):
    original = train.networks.save

    def saved(*words):
        signal.raise_signal(signal.SIGINT)
        original(*words)

    monkeypatch.setattr(train.networks, "save", saved)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background has none
    try:
        assert train.main(train.parse_args([*WHOLE, "--out", str(out)])) == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert "each file is as it was, or new and whole" in capsys.readouterr().out
    assert {path.name for path in out.parent.iterdir()} == {"w.pth", "w.json"}
