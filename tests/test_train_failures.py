"""`train.py`: stopped and failing runs lose no work and print a sentence."""

import signal
import subprocess
import sys
import tempfile

import pytest
import torch

import model
import train
from digits import UserError, metrics
from digits.training import optim
from tests.helpers.python_process import PythonProcess
from tests.helpers.training import SMALL, run, run_program

pytestmark = pytest.mark.slow


@pytest.fixture
def out(tmp_path):
    return tmp_path / "w.pth"


def test_best_recipe_without_teachers_names_the_commands_that_train_them(out):
    result = run_program("--recipe", "best", "--out", out)
    assert result.returncode == 1
    for command in (
        "python train.py --model teacher --seed 0 --out teacher-0.pth",
        "python train.py --model teacher --seed 1 --out teacher-1.pth",
        "python train.py --recipe best --teachers teacher-*.pth",
        "make best",
    ):
        assert command in result.stderr
    assert "Traceback" not in result.stderr


def test_unreachable_mirrors_are_reported_with_the_flags_mirror_and_synthetic(out):
    out.write_text("old")
    nowhere = "http://127.0.0.1:9"  # nothing listens there, which is as good as no network
    data = out.parent / "data"
    result = run_program(
        *("--out", out, "--data-dir", data), MNIST_MIRROR="", http_proxy=nowhere, https_proxy=nowhere, no_proxy=""
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    for words in ("train.py: ", "tried", "--mirror", "--synthetic 5000"):
        assert words in result.stderr
    assert out.read_text() == "old"


# Programs that a shell starts in the background, perhaps these tests, ignore Ctrl-C, and so would train.py.
HANDLING_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_path("train.py", run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_keeps_the_old_weights_and_names_files_that_exist(out, number):
    out.write_text("old")
    command = [sys.executable, "-c", HANDLING_CTRL_C, *SMALL, "--epochs", "99999", "--out", out]
    with (
        tempfile.TemporaryFile("w+") as errors,
        PythonProcess(command, stdout=subprocess.PIPE, stderr=errors.fileno()) as process,
    ):
        while not process.stdout.readline().startswith("epoch  2"):
            assert process.poll() is None
        process.send_signal(number)
        output = process.stdout.read()
        process.wait()
        errors.seek(0)
        assert errors.read() == ""
    assert process.returncode == 130
    partial, resume = out.with_name("w.partial.pth"), out.with_name("w.resume.pth")
    assert f"the weights so far are in {partial}, {out} is unchanged" in output
    assert f"python train.py --resume {resume}" in output
    assert out.read_text() == "old"
    model.load(partial)
    assert train.checkpoint.load(train.TrainConfig(resume=resume)).curve


def test_ctrl_c_in_the_first_epoch_saves_nothing(out, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train.networks, "freeze_conv1", interrupt)
    with pytest.raises(SystemExit) as caught:
        run("--out", out, "--freeze-after", "0")
    assert caught.value.code == 130
    assert "nothing was saved" in capsys.readouterr().out
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("during", ["fit_temperature", "accuracy"])
def test_ctrl_c_after_the_last_epoch_keeps_the_weights(out, monkeypatch, capsys, during):
    """The weights of a finished training were once lost by Ctrl-C during the final test."""
    original = getattr(metrics, during)
    calls = []

    def interrupt(*args):
        calls.append(args)
        if during == "fit_temperature" or len(calls) > 2:  # accuracy: twice after an epoch, then at the end
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(metrics, during, interrupt)
    with pytest.raises(SystemExit) as caught:
        run("--out", out)
    assert caught.value.code == 130
    assert "Stopped after epoch 2" in capsys.readouterr().out
    model.load(out.with_suffix(".partial.pth"))
    assert not out.exists()


@pytest.mark.parametrize("flag", ["--lr", "--adamw-lr"])
def test_divergence_in_the_first_epoch_names_the_learning_rate_and_leaves_only_the_old_weights(out, flag):
    out.write_text("old")
    with pytest.raises(UserError, match=rf"in epoch 1, step \d, .* Start again with a lower .*{flag} \(now 1e\+25\)"):
        run("--out", out, flag, "1e25")
    assert out.read_text() == "old"
    assert list(out.parent.iterdir()) == [out]


def test_damaged_teacher_is_reported_and_leaves_no_checkpoint(tmp_path, out):
    teacher = tmp_path / "t.pth"
    teacher.write_text("damaged")
    teacher.with_suffix(".json").write_text('{"model": "teacher", "data": "300 synthetic digits"}')
    before = set(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"t\.pth is refused"):
        run("--out", out, "--teachers", teacher, "--distill-weight", "1")
    assert set(tmp_path.iterdir()) == before


def test_teacher_of_other_digits_is_refused(tmp_path, out):
    (tmp_path / "t.json").write_text('{"model": "teacher", "data": "MNIST"}')
    (tmp_path / "t.pth").touch()
    with pytest.raises(UserError, match=r"trained on 'MNIST'; this run needs .* '300 synthetic digits'"):
        run("--out", out, "--teachers", tmp_path / "t.pth", "--distill-weight", "1")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, UserError("The disk is full.")])
def test_stop_while_the_first_checkpoint_is_written_leaves_no_empty_file(out, monkeypatch, stop):
    def save(*_):
        raise stop

    monkeypatch.setattr(train.torch, "save", save)
    with pytest.raises((SystemExit, UserError)):
        run("--out", out)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_first_loss_that_is_not_finite_is_named_at_the_next_check(out, monkeypatch, value):
    """300 digits in batches of 50 are 6 steps: the eighth is step 2 of epoch 2."""
    original, calls = train.F.cross_entropy, []

    def cross_entropy(*args, **kwargs):
        calls.append(1)
        return original(*args, **kwargs) * (value if len(calls) == 8 else 1)

    monkeypatch.setattr(train.F, "cross_entropy", cross_entropy)
    monkeypatch.setattr(optim, "FINITE_CHECK_INTERVAL", 3)
    out.write_text("old")
    scale = optim.lr_schedule(8, 12, 0.2)
    resume = out.with_name("w.resume.pth")
    message = (
        rf"The loss is {value} in epoch 2, step 2, at learning rates {0.05 * scale:.3g} \(Muon\) and "
        rf"{0.01 * scale:.3g} \(AdamW\): .*The state after epoch 1 is kept in {resume}\.$"
    )
    with pytest.raises(UserError, match=message):
        run("--out", out, "--batch-size", "50", "--lr", "0.05", "--adamw-lr", "0.01")
    assert out.read_text() == "old"
    assert set(out.parent.iterdir()) == {out, resume}


def test_weights_that_diverge_in_the_last_step_are_not_saved(out, monkeypatch):
    """The loss is computed before the step; such weights once replaced good ones, with exit code 0."""

    def diverge(optimizer, closure=None):
        optimizer.param_groups[0]["params"][0].data.fill_(float("inf"))

    monkeypatch.setattr(torch.optim.AdamW, "step", diverge)
    out.write_text("old")
    with pytest.raises(UserError, match="Weights are not finite in epoch 1, step 1, "):
        run("--out", out, "--synthetic", "100", "--epochs", "1")
    assert out.read_text() == "old"
    assert list(out.parent.iterdir()) == [out]


def test_unwritable_out_is_reported_before_training(tmp_path, capsys):
    for bad in (tmp_path, tmp_path / "no folder" / "w.pth", tmp_path / "taken.json", tmp_path / "99.6", "/dev/null"):
        with pytest.raises(UserError, match=r"--out .* cannot be written"):
            run("--out", bad)
    assert capsys.readouterr().out == ""


def test_unavailable_cuda_is_refused(out, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="--device auto"):
        run("--out", out, "--device", "cuda")
