"""`train.py`: reproducible weights, recipes, teachers, metadata."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import torch

import model
import train
from digits import UserError, metrics
from digits.data import synthetic
from digits.data.augmentation import AugmentationRanges
from digits.probabilities import predict_logits
from tests.helpers.python_process import PythonProcess
from tests.helpers.training import LINE_CONSTANTS, SMALL, run, run_line

pytestmark = pytest.mark.slow


@pytest.fixture
def out(tmp_path):
    return tmp_path / "w.pth"


def test_last_line_is_the_documented_object_and_the_metadata_contains_it(out, capsys):
    run("--out", out, "--json")
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(summary) == [
        *("device", "recipe", "model", "parameters", "epochs", "seed", "train_seconds", "total_seconds"),
        *("validation_accuracy", "test_accuracy"),
    ]
    assert (summary["device"], summary["epochs"], summary["parameters"]) == ("cpu", 2, 225_034)
    recorded = json.loads(out.with_suffix(".json").read_text())
    assert summary.items() <= recorded.items()
    assert [epoch["epoch"] for epoch in recorded["curve"]] == [1, 2]
    assert recorded["settings"]["lr"] == train.TrainConfig().lr
    model.load(out)
    assert {path.name for path in out.parent.iterdir()} == {"w.pth", "w.json"}  # and no checkpoint


def test_same_seed_gives_the_same_weights_to_the_bit_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        run("--out", tmp_path / name, "--seed", seed)
    command = [sys.executable, "train.py", *SMALL, "--out", tmp_path / "c", "--seed", "1"]
    # Another interpreter: its own hash seed, so sets of strings have another order.
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": "1"})
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == c
    assert a != b


def test_saved_weights_reach_the_printed_accuracy(out, capsys):
    run("--out", out, "--json", "--epochs", "4", "--synthetic", "1000")
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    digits = synthetic.synthetic_digits(100, torch.Generator().manual_seed(2))
    assert metrics.accuracy(model.load(out), digits) == pytest.approx(summary["test_accuracy"])
    assert summary["test_accuracy"] > 70


@pytest.mark.parametrize(("digits", "name"), [(1, "cnn"), (500, "cnn"), (640, "cnn"), (129, "teacher")])
def test_training_with_very_few_steps_saves_weights_that_load(out, digits, name):
    """640 digits are five steps of 128, with which PyTorch's OneCycleLR once raised ZeroDivisionError.

    The last batch of 129 digits has one, too few for batch normalization.
    """
    run("--out", out, "--synthetic", digits, "--epochs", 1, "--model", name)
    model.load(out)


def test_teacher_with_one_digit_in_a_step_is_refused(out):
    with pytest.raises(UserError, match="two digits in each step"):
        run("--out", out, "--synthetic", 300, "--model", "teacher", "--batch-size", 1)


def hyperparameters(config: train.TrainConfig) -> dict:
    return config.model_dump(exclude={*train.CommonSettings.model_fields, *train.checkpoint.RUN_SETTINGS})


def recorded_hyperparameters(metadata: dict) -> dict:
    return {"recipe": metadata["recipe"], "model": metadata["model"], "synthetic": None} | metadata["settings"]


def test_shipped_weights_come_from_the_best_recipe(network, real_mnist):
    recorded = json.loads(Path("mnist.json").read_text())
    best = train.TrainConfig(recipe="best")
    assert recorded_hyperparameters(recorded) == hyperparameters(best)
    assert recorded["augmentation"] == vars(AugmentationRanges().scaled(best.augment, best.elastic))
    assert len(recorded["teachers"]) == 2
    for seed, teacher in enumerate(recorded["teachers"]):
        expected = hyperparameters(train.TrainConfig(model="teacher", seed=seed))
        unused = {"teacher_views", "distill_temperature"}  # teachers have no teachers
        for name in expected.keys() - unused:
            assert recorded_hyperparameters(teacher)[name] == expected[name], name
    accuracy = metrics.accuracy(network, real_mnist["test"])
    assert accuracy == pytest.approx(recorded["test_accuracy"], abs=0.011)
    assert accuracy >= 99.6


def test_shipped_line_reader_comes_from_the_settings_of_its_model():
    recorded = json.loads(Path("line.json").read_text())
    assert recorded_hyperparameters(recorded) == hyperparameters(train.TrainConfig(model="line"))
    assert recorded["parameters"] == model.count_parameters(model.load_line_reader())
    assert recorded["data"] == "MNIST"
    assert len(recorded["curve"]) == recorded["epochs"]


@pytest.fixture
def _small_line_training(monkeypatch):
    for constant in LINE_CONSTANTS:
        monkeypatch.setattr(*constant)


@pytest.mark.usefixtures("_small_line_training")
def test_line_reader_trains_and_records_what_made_the_weights(out, capsys):
    run_line("--out", out, "--json", "--seed", 5)
    *lines, last = capsys.readouterr().out.splitlines()
    summary = json.loads(last)
    assert list(summary) == [
        *("device", "recipe", "model", "parameters", "epochs", "seed", "train_seconds", "total_seconds"),
        *("validation_accuracy", "test_accuracy"),
    ]
    assert (summary["device"], summary["recipe"], summary["model"]) == ("cpu", "default", "line")
    assert (summary["parameters"], summary["epochs"], summary["seed"]) == (419_332, 2, 5)
    assert all(0 <= summary[name] <= 100 for name in ("validation_accuracy", "test_accuracy"))
    assert [line[:10] for line in lines if line.startswith("epoch")] == ["epoch  1/2", "epoch  2/2"]
    recorded = json.loads(out.with_suffix(".json").read_text())
    assert summary.items() <= recorded.items()
    assert [epoch["epoch"] for epoch in recorded["curve"]] == [1, 2]
    assert recorded["data"] == "60 synthetic digits"
    assert recorded["settings"]["adamw_lr"] == train.MODEL_OVERRIDES["line"]["adamw_lr"]
    assert isinstance(model.load_line_reader(out), model.LineReader)
    assert {path.name for path in out.parent.iterdir()} == {"w.pth", "w.json"}  # and no checkpoint


@pytest.mark.usefixtures("_small_line_training")
def test_interrupted_line_reader_keeps_its_weights_and_resumes(out, monkeypatch, capsys):
    original, calls = train.line_training.string_accuracy, []

    def interrupt_the_second(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*args)

    with monkeypatch.context() as patched:
        patched.setattr(train.line_training, "string_accuracy", interrupt_the_second)
        with pytest.raises(SystemExit) as caught:
            run_line("--out", out)
    assert caught.value.code == 130
    resume = out.with_name("w.resume.pth")
    assert f"To resume: python train.py --resume {resume}" in capsys.readouterr().out
    model.load_line_reader(out.with_name("w.partial.pth"))
    train.train(train.TrainConfig(resume=resume))
    assert "resumed after epoch 1" in capsys.readouterr().out
    assert {path.name for path in out.parent.iterdir()} == {"w.pth", "w.json"}


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teachers")
    flags = ["--model", "teacher", "--synthetic", "100", "--epochs", "1"]
    for seed in (0, 1):
        run(*flags, "--seed", seed, "--out", folder / f"t-{seed}.pth")
    return folder


@pytest.mark.parametrize("recipe", train.RECIPES)
def test_each_recipe_trains_and_records_what_made_the_weights(out, recipe, teachers):
    flags = ["--teachers", teachers / "t-*.pth"] if recipe == "best" else []
    run("--recipe", recipe, "--epochs", "1", "--out", out, "--synthetic", "100", *flags)
    recorded = json.loads(out.with_suffix(".json").read_text())
    assert recorded["recipe"] == recipe
    expected = hyperparameters(train.TrainConfig(recipe=recipe, epochs=1, synthetic=100))
    assert recorded["settings"] == expected
    assert [teacher["seed"] for teacher in recorded["teachers"]] == ([0, 1] if recipe == "best" else [])
    assert recorded["versions"].keys() == {"python", "torch"}
    assert re.search(r", \d+ threads?$", recorded["hardware"])  # of which the bits depend
    model.load(out)


def test_teachers_predict_once_for_several_runs(out, teachers, monkeypatch):
    best = ["--recipe", "best", "--epochs", "1", "--synthetic", "100", "--teachers", teachers / "t-*.pth", "--out", out]
    run(*best)
    cache = out.with_name("w.teacher-cache.pth")
    before = cache.read_bytes()
    monkeypatch.setattr(train.distillation, "predict_logits", None)
    run(*best, "--lr", "0.01")
    assert cache.read_bytes() == before


@pytest.mark.parametrize(("name", "least"), [("softmax", 50), ("mlp", 55)])
def test_baselines_train_with_the_same_loop(out, name, least, capsys):
    run("--model", name, "--out", out, "--json", "--epochs", "4", "--synthetic", "1000")
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["model"], summary["parameters"]) == (name, {"softmax": 7_850, "mlp": 101_770}[name])
    assert summary["test_accuracy"] > least
    assert type(model.load(out)) is model.NETWORKS[name]


@pytest.mark.parametrize("model_name", ["cnn", "mlp", "softmax"])
def test_folding_and_calibration_only_scale_the_logits(model_name, generator):
    """So the accuracy in the training log is that of the network that is saved."""
    network = model.build(model_name, 0, torch.device("cpu"), batch_norm=True)
    digits = synthetic.synthetic_digits(300, generator)
    for _ in range(5):
        network.train()
        network(digits.images.float() / 255)
    plain = metrics.calibrate(model.fold_batch_norm(network.eval()), digits)
    before, after = (predict_logits(version, digits.images) for version in (network, plain))
    factor = (after[0, 0] / before[0, 0]).item()
    assert factor > 0
    torch.testing.assert_close(after, before * factor, atol=1e-4, rtol=1e-3)


def test_terminal_shows_a_progress_bar_and_a_file_gets_plain_lines(out):
    command = [sys.executable, "train.py", *SMALL, "--out", out]
    terminal, program_end = pty.openpty()
    termios.tcsetwinsize(program_end, (24, 80))
    with PythonProcess(command, stdout=subprocess.PIPE, stderr=program_end) as process:
        os.close(program_end)
        shown = b""
        with contextlib.suppress(OSError), open(terminal, "rb", buffering=0) as screen:  # EIO: the program has ended
            while part := screen.read(4096):
                shown += part
        lines = process.stdout.buffer.read().decode()
    assert b"epoch 1:" in shown
    assert [line for line in lines.splitlines() if line.startswith("epoch  2/2")]
    assert "\r" not in lines
