"""`train.py`: the same weights again, nothing lost, and a sentence for everything that can go wrong."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import torch

import model
import train
from digits import UserError, metrics
from digits.data import splits, synthetic
from digits.probabilities import predict_logits

SMALL = ["--device", "cpu", "--synthetic", "300", "--epochs", "2"]


def run(*flags: str) -> int:
    return train.main(train.parse_args([*SMALL, *map(str, flags)]))


def program(*flags: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "train.py", "--device", "cpu", *map(str, flags)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | environment)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "w.pth"


def test_the_last_line_is_the_documented_object_and_the_file_beside_the_weights_says_more(out, capsys):
    assert run("--out", out, "--json") == 0
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


def test_a_seed_gives_the_same_weights_to_the_bit_and_another_gives_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("--out", tmp_path / name, "--seed", seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_what_is_saved_reads_as_well_as_was_said(out, capsys):
    run("--out", out, "--json", "--epochs", "6", "--synthetic", "1000")
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    digits = synthetic.synthetic_digits(100, torch.Generator().manual_seed(2))
    assert metrics.accuracy(model.load(out), digits) == pytest.approx(summary["test_accuracy"])
    assert summary["test_accuracy"] > 70


@pytest.mark.parametrize(("digits", "name"), [(1, "cnn"), (500, "cnn"), (640, "cnn"), (129, "teacher")])
def test_runs_of_very_few_steps_end_well(out, digits, name):
    """640 digits are five steps of 128, of which PyTorch's OneCycleLR once made a ZeroDivisionError.

    Of 129 one is left over, whose mean and variance batch normalisation cannot take.
    """
    assert run("--out", out, "--synthetic", digits, "--epochs", 1, "--model", name) == 0


def test_a_teacher_that_would_see_one_digit_a_step_is_refused(out):
    with pytest.raises(UserError, match="two digits a step"):
        run("--out", out, "--synthetic", 300, "--model", "teacher", "--batch-size", 1)


def test_the_shipped_weights_come_from_the_best_recipe(network, real_mnist):
    recorded = json.loads(Path("mnist.json").read_text())
    assert recorded["recipe"] == "best"
    assert recorded["settings"] == train.asdict(train.RECIPES["best"])
    assert recorded["augmentation"] == train.asdict(train.RECIPES["best"].warps())
    for seed, teacher in enumerate(recorded["teachers"]):
        wanted = train.asdict(train.RECIPES["default"]) | train.MODEL_OVERRIDES["teacher"] | {"seed": seed}
        wanted |= {name: recorded["settings"][name] for name in ("pens", "others")}
        assert teacher["settings"] == wanted
    assert len(recorded["teachers"]) == recorded["settings"]["teachers"]
    accuracy = metrics.accuracy(network, real_mnist["test"])
    assert accuracy == pytest.approx(recorded["test_accuracy"], abs=0.011)
    assert accuracy >= 99.6


@pytest.mark.parametrize("recipe", train.RECIPES)
def test_each_recipe_trains_and_records_all_that_made_the_weights(out, recipe):
    assert run("--recipe", recipe, "--epochs", "1", "--teachers", "2", "--out", out, "--synthetic", "100") == 0
    recorded = json.loads(out.with_suffix(".json").read_text())
    assert recorded["recipe"] == recipe
    assert recorded["settings"] == train.asdict(train.RECIPES[recipe]) | {"epochs": 1, "teachers": 2}
    assert [teacher["seed"] for teacher in recorded["teachers"]] == ([0, 1] if recipe == "best" else [])
    assert recorded["versions"].keys() == {"python", "torch"}
    assert recorded["hardware"]
    model.load(out)


def test_teachers_are_trained_and_asked_once(out, capsys):
    best = ["--recipe", "best", "--epochs", "1", "--synthetic", "100", "--copies", "2", "--teachers", "2", "--out", out]
    run(*best)
    kept = {path: path.read_bytes() for path in out.parent.glob("w.lessons.*")}
    assert {path.name for path in kept} >= {"w.lessons.pth", "w.lessons.0.pth", "w.lessons.1.pth"}
    run(*best, "--lr", "0.01")
    assert capsys.readouterr().out.count("training teacher") == 2
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize(("name", "least"), [("softmax", 50), ("mlp", 55)])
def test_the_ladder_trains_with_the_same_loop(out, name, least, capsys):
    assert run("--model", name, "--out", out, "--json", "--epochs", "6", "--synthetic", "1000") == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["model"], summary["parameters"]) == (name, {"softmax": 7_850, "mlp": 101_770}[name])
    assert summary["test_accuracy"] > least
    assert type(model.load(out)) is model.NETWORKS[name]


@pytest.mark.parametrize("model_name", ["cnn", "mlp", "softmax"])
def test_the_reports_validation_is_that_of_the_plain_network_that_is_saved(out, model_name, random):
    """Batch normalisation is folded and the last layer divided: no reading may change by that."""
    learner = train.build_train_state(
        model_name, train.TrainConfig(), splits.synthetic_splits(300, 0, torch.device("cpu")), torch.device("cpu")
    )
    digits = synthetic.synthetic_digits(300, random)
    for _ in range(5):
        learner.model.train()
        learner.model(digits.images.float() / 255)
    learner.model.eval()
    plain = metrics.calibrate(model.fold_batch_norm(learner.model), digits)
    before, after = (predict_logits(network, digits.images) for network in (learner.model, plain))
    factor = (after[0, 0] / before[0, 0]).item()
    assert factor > 0
    torch.testing.assert_close(after, before * factor, atol=1e-4, rtol=1e-3)


def test_without_network_and_mirror_nothing_is_touched_and_both_ways_out_are_named(out):
    out.write_text("old")
    nowhere = "http://127.0.0.1:9"  # nobody listens there: as good as no network
    data = out.parent / "data"
    result = program(
        *("--out", out, "--data-dir", data), MNIST_MIRROR="", http_proxy=nowhere, https_proxy=nowhere, no_proxy=""
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    for words in ("train.py: ", "tried", "--mirror", "--synthetic 5000"):
        assert words in result.stderr
    assert out.read_text() == "old"


def test_a_terminal_gets_a_progress_bar_and_a_file_gets_plain_lines(out):
    command = [sys.executable, "train.py", *SMALL, "--out", out]
    terminal, its_end = pty.openpty()
    termios.tcsetwinsize(its_end, (24, 80))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its_end)
    os.close(its_end)
    shown = b""
    with contextlib.suppress(OSError), open(terminal, "rb", buffering=0) as screen:  # EIO: the program has ended
        while part := screen.read(4096):
            shown += part
    lines = process.communicate()[0].decode()
    assert b"epoch 1:" in shown
    assert [line for line in lines.splitlines() if line.startswith("epoch  2/2")]
    assert "\r" not in lines


# What is started in the background, these tests too perhaps, ignores Ctrl-C, and so would train.py.
HEEDING_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_path("train.py", run_name="__main__")
"""


def test_ctrl_c_keeps_the_old_weights_and_what_was_learned_beside_them(out):
    out.write_text("old")
    command = [sys.executable, "-c", HEEDING_CTRL_C, *SMALL, "--epochs", "99999", "--out", out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("epoch  2"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate()
    assert process.returncode == 130
    assert errors == ""
    partial = out.with_name("w.partial.pth")
    assert str(out) in said
    assert str(partial) in said
    assert out.read_text() == "old"
    model.load(partial)


def test_ctrl_c_in_the_first_epoch_saves_nothing_and_says_so(out, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(train, "train", interrupted)
    assert run("--out", out) == 130
    assert "nothing was saved" in capsys.readouterr().out
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("during", ["temperature", "accuracy"])
def test_ctrl_c_after_the_last_epoch_still_keeps_what_was_learned(out, monkeypatch, capsys, during):
    """Once the weights of a finished training were lost by Ctrl-C while they were scored."""
    original = getattr(metrics, during)
    calls = []

    def interrupted(*words):
        calls.append(words)
        if during == "temperature" or len(calls) > 2:  # twice after an epoch, then at the end
            raise KeyboardInterrupt
        return original(*words)

    monkeypatch.setattr(metrics, during, interrupted)
    assert run("--out", out) == 130
    assert "Stopped after epoch 2" in capsys.readouterr().out
    model.load(out.with_suffix(".partial.pth"))
    assert not out.exists()


def test_a_loss_that_is_no_number_stops_with_what_to_change_and_keeps_the_old_weights(out):
    out.write_text("old")
    for flag in ("--lr", "--lr-rest"):
        with pytest.raises(UserError, match=rf"epoch \d, batch \d+, at learning rates .*{flag} 1e\+25"):
            run("--out", out, flag, "1e25")
    assert out.read_text() == "old"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_goes_wrong_is_named_with_epoch_batch_and_rate(out, monkeypatch, bad):
    """300 digits in batches of 50 are 6 batches: the third of the second epoch is the 9th of 12."""
    original, calls = train.F.cross_entropy, []

    def loss_of(*words, **named):
        calls.append(1)
        return original(*words, **named) * (bad if len(calls) == 9 else 1)

    monkeypatch.setattr(train.F, "cross_entropy", loss_of)
    out.write_text("old")
    rate = 0.05 * train.lr_scale(9, 12, 0.2)
    with pytest.raises(UserError, match=rf"loss is {bad} in epoch 2, batch 3, at learning rates {rate:.3g} "):
        run("--out", out, "--batch-size", "50", "--lr", "0.05")
    assert out.read_text() == "old"


def test_an_out_that_cannot_be_written_is_said_before_training(tmp_path, capsys):
    for bad in (tmp_path, tmp_path / "no folder" / "w.pth", tmp_path / "taken.json", tmp_path / "99.6", "/dev/null"):
        with pytest.raises(UserError, match=r"--out .* cannot be written"):
            run("--out", bad)
    assert capsys.readouterr().out == ""


def test_cuda_where_there_is_none_is_refused(out, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="--device auto"):
        run("--out", out, "--device", "cuda")


def test_weights_that_diverge_in_the_very_last_step_are_not_saved(out, monkeypatch):
    """The loss is that before the step; once such weights replaced good ones, with exit code 0."""

    def diverging(optimiser, closure=None):
        optimiser.param_groups[0]["params"][0].data.fill_(float("inf"))

    monkeypatch.setattr(torch.optim.AdamW, "step", diverging)
    out.write_text("old")
    with pytest.raises(UserError, match="no longer finite in epoch 1, batch 1"):
        run("--out", out, "--synthetic", "100", "--epochs", "1")
    assert out.read_text() == "old"


@pytest.mark.parametrize(
    "flags",
    [
        ["--lr", "inf"],
        *(["--label-smoothing", "2"], ["--seed", "9" * 30], ["--weight-decay", "-1"], ["--average", "2"]),
        *(["--recipe", "worst"], ["--model", "rnn"], ["--share", "0"], ["--teach", "nan"]),
        ["--epochs", "0"],
        ["--lr", "-1"],
        ["--synthetic", "0"],
        ["--epochs", "x"],
        ["-q"],
    ],
)
def test_wrong_usage_is_exit_code_2(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        train.parse_args(flags)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err
