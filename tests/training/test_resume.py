"""A run of `train.py` that was killed, as by kill -9, resumes to the same weights, to the bit."""

import functools
import signal

import pytest

import train
from digits.config import parse
from tests.helpers import python_process
from tests.helpers.training import LINE_CONSTANTS, SMALL_LINE

pytestmark = pytest.mark.slow

# Runs train.py and kills it at the moment that the first argument names: "step 4" is the fourth step of Muon.
KILLED = """
import os, signal, sys
from collections import Counter

import train
from digits.config import parse
from tests.helpers.training import shrink_line_training

shrink_line_training()
moment, counts = sys.argv[1], Counter()

def killing(name, original):
    def call(*args, **kwargs):
        counts[name] += 1
        if moment == f"{name} {counts[name]}":
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)
    return call

train.optim.Muon.step = killing("step", train.optim.Muon.step)
train.metrics.calibrate = killing("calibration", train.metrics.calibrate)
train.line_training.string_accuracy = killing("scoring", train.line_training.string_accuracy)
os.replace = killing("replace", os.replace)
train.torch.save = killing("save", train.torch.save)
train.train(parse(train.TrainConfig, sys.argv[2:]))
"""
DEFAULT = [
    *("--device", "cpu", "--synthetic", "300", "--epochs", "3"),
    *("--elastic", "1", "--freeze-after", "0.5", "--seed", "4"),
]
FAST = ["--device", "cpu", "--recipe", "fast", "--synthetic", "600", "--epochs", "2"]
DISTILLED = ["--device", "cpu", "--recipe", "best", "--synthetic", "60", "--epochs", "3", "--teacher-views", "2"]
TEACHER = ["--device", "cpu", "--model", "teacher", "--synthetic", "60", "--epochs", "3"]


def run(*flags: str) -> None:
    train.train(parse(train.TrainConfig, list(map(str, flags))))


@pytest.fixture(autouse=True, scope="module")
def _small_line_training():
    with pytest.MonkeyPatch.context() as patched:
        for constant in LINE_CONSTANTS:
            patched.setattr(*constant)
        yield


def interrupt(*_) -> None:
    raise KeyboardInterrupt


def run_and_kill(moment: str, *flags: str) -> None:
    result = python_process.run("-c", KILLED, moment, *flags)
    assert result.returncode == -signal.SIGKILL, result.stderr


@pytest.fixture
def out(tmp_path):
    return tmp_path / "w.pth"


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teachers")
    for seed in (0, 1):
        run(*TEACHER, "--epochs", "1", "--seed", seed, "--out", folder / f"teacher-{seed}.pth")
    return ["--teachers", str(folder / "teacher-*.pth")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Called with flags: the weights of such a run that was not killed, as bytes."""

    @functools.cache
    def weights(*flags: str) -> bytes:
        out = tmp_path_factory.mktemp("undisturbed") / "w.pth"
        run(*flags, "--out", out)
        return out.read_bytes()

    return weights


# Three steps an epoch. Files are saved and replaced: checkpoints 1 to 4, then the weights and their metadata.
MOMENTS = ["step 1", "step 4", "step 9", "save 2", "replace 3", "calibration 1", "save 5", "replace 6"]
# Three steps in each of two epochs; the third score is that of the test strings.
LINE_RUNS = [(SMALL_LINE, moment) for moment in ("step 2", "step 5", "scoring 2", "scoring 3")]


@pytest.mark.parametrize(
    ("flags", "moment"),
    [*((DEFAULT, moment) for moment in MOMENTS), (FAST, "step 3"), (TEACHER, "step 2"), *LINE_RUNS],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[2:4]),
)
def test_killed_run_resumes_to_the_same_weights_to_the_bit(out, flags, moment, undisturbed):
    out.write_text("old")
    run_and_kill(moment, *flags, "--out", out)
    assert out.read_bytes() == (undisturbed(*flags) if moment == "replace 6" else b"old")
    resume = out.with_name("w.resume.pth")
    run("--resume", resume)
    assert out.read_bytes() == undisturbed(*flags)
    assert not resume.exists()


# After the first checkpoint two views are predicted; save 4 is the checkpoint after the first epoch.
@pytest.mark.parametrize("moment", ["save 2", "save 3", "step 1", "step 2"])
def test_killed_distillation_resumes_to_the_same_weights_to_the_bit(out, moment, teachers, undisturbed):
    flags = [*DISTILLED, *teachers]
    run_and_kill(moment, *flags, "--out", out)
    run("--resume", out.with_name("w.resume.pth"))
    assert out.read_bytes() == undisturbed(*flags)


def test_new_run_neither_overwrites_nor_deletes_the_checkpoint_of_a_killed_one(out, undisturbed):
    run_and_kill("step 4", *DEFAULT, "--out", out)
    resume = out.with_name("w.resume.pth")
    before = resume.read_bytes()
    run(*FAST, "--out", out)
    assert {path.name for path in out.parent.iterdir()} == {"w.pth", "w.json", "w.resume.pth"}
    assert resume.read_bytes() == before
    run("--resume", resume)
    assert out.read_bytes() == undisturbed(*DEFAULT)


def test_runs_with_the_same_out_at_the_same_time_keep_their_checkpoints(out, monkeypatch, undisturbed):
    """A second run starts and ends between two epochs of the first, which is then killed after its second epoch."""
    original, outcomes = train.checkpoint.save, []

    def run_another_once(path, config, curve, state):
        original(path, config, curve, state)
        if len(curve) == 1 and not outcomes:
            outcomes.append("started")
            run(*FAST, "--out", out)
            outcomes.append(path.exists())
        if len(curve) == 2 and config.recipe == "default":
            raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(train.checkpoint, "save", run_another_once)
        with pytest.raises(RuntimeError):
            run(*DEFAULT, "--out", out)
    assert outcomes == ["started", True]
    run("--resume", out.with_name("w.resume.pth"))
    assert out.read_bytes() == undisturbed(*DEFAULT)


def test_resume_with_another_out_leaves_the_old_checkpoint(out, undisturbed):
    run_and_kill("step 4", *DEFAULT, "--out", out)
    elsewhere = out.with_name("elsewhere.pth")
    run("--resume", out.with_name("w.resume.pth"), "--out", elsewhere)
    assert elsewhere.read_bytes() == undisturbed(*DEFAULT)
    assert {path.name for path in out.parent.iterdir()} == {"w.resume.pth", "elsewhere.pth", "elsewhere.json"}


def test_run_resumed_in_another_folder_writes_where_it_was_started(tmp_path, monkeypatch, undisturbed):
    (tmp_path / "elsewhere").mkdir()
    with monkeypatch.context() as patched:
        patched.chdir(tmp_path)
        patched.setattr(train.metrics, "calibrate", interrupt)
        with pytest.raises(SystemExit):
            run(*DEFAULT, "--out", "w.pth")
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "w.resume.pth", "w.partial.pth"}
    monkeypatch.chdir(tmp_path / "elsewhere")
    run("--resume", "../w.resume.pth")
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "w.pth", "w.json"}
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "w.pth").read_bytes() == undisturbed(*DEFAULT)


def test_ctrl_c_during_teacher_predictions_keeps_those_that_are_made(out, monkeypatch, capsys, teachers, undisturbed):
    original = train.distillation.augmented_view

    def stop_at_the_second(dataset, ranges, view):
        if view == 1:
            raise KeyboardInterrupt
        return original(dataset, ranges, view)

    flags = [*DISTILLED, *teachers]
    with monkeypatch.context() as patched:
        patched.setattr(train.distillation, "augmented_view", stop_at_the_second)
        with pytest.raises(SystemExit) as caught:
            run(*flags, "--out", out)
    assert caught.value.code == 130
    assert "Stopped in the first epoch" in capsys.readouterr().out
    assert {path.name for path in out.parent.iterdir()} == {"w.teacher-cache.pth"}
    run(*flags, "--out", out)
    assert out.read_bytes() == undisturbed(*flags)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_weights_are_saved_leaves_them_whole_and_no_checkpoint(out, monkeypatch, number):
    original = train.networks.save

    def save(*args):
        signal.raise_signal(number)
        original(*args)

    monkeypatch.setattr(train.networks, "save", save)
    handler = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(*DEFAULT, "--out", out)
    finally:
        signal.signal(number, handler)
    assert {path.name for path in out.parent.iterdir()} == {"w.pth", "w.json"}
