"""`train.py`: reproducible weights, no lost work, and a sentence for every error of the user."""

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
from digits.config import flag, parse
from digits.data import synthetic
from digits.data.augmentation import AugmentationRanges
from digits.probabilities import predict_logits
from digits.training import optim

SMALL = ["--device", "cpu", "--synthetic", "300", "--epochs", "2"]


def run(*flags: str) -> None:
    train.main(parse(train.TrainConfig, [*SMALL, *map(str, flags)]))


def program(*flags: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "train.py", "--device", "cpu", *map(str, flags)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | environment)


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
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("--out", tmp_path / name, "--seed", seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_saved_weights_reach_the_printed_accuracy(out, capsys):
    run("--out", out, "--json", "--epochs", "6", "--synthetic", "1000")
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    digits = synthetic.synthetic_digits(100, torch.Generator().manual_seed(2))
    assert metrics.accuracy(model.load(out), digits) == pytest.approx(summary["test_accuracy"])
    assert summary["test_accuracy"] > 70


@pytest.mark.parametrize(("digits", "name"), [(1, "cnn"), (500, "cnn"), (640, "cnn"), (129, "teacher")])
def test_runs_of_very_few_steps_end_well(out, digits, name):
    """640 digits are five steps of 128, with which PyTorch's OneCycleLR once raised ZeroDivisionError.

    The last batch of 129 digits has one, too few for batch normalization.
    """
    run("--out", out, "--synthetic", digits, "--epochs", 1, "--model", name)
    model.load(out)


def test_teacher_with_one_digit_in_a_step_is_refused(out):
    with pytest.raises(UserError, match="two digits in each step"):
        run("--out", out, "--synthetic", 300, "--model", "teacher", "--batch-size", 1)


OLD_NAMES = {  # of the settings in mnist.json, which was written before the flags had their names
    **{"share": "train_fraction", "lr_rest": "adamw_lr", "average": "ema_window", "warp": "augment", "bend": "elastic"},
    **{"normalise": "batch_norm", "freeze": "freeze_after", "teach": "distill_weight", "copies": "teacher_views"},
    **{"soften": "distill_temperature", "pens": "style_fraction", "others": "outlier_fraction", "half": "amp"},
}


def hyperparameters(config: train.TrainConfig) -> dict:
    return config.model_dump(exclude={*train.CommonSettings.model_fields, *train.checkpoint.RUN_SETTINGS})


def recorded_hyperparameters(metadata: dict) -> dict:
    settings = {OLD_NAMES.get(name, name): value for name, value in metadata["settings"].items() if name != "teachers"}
    return {"recipe": metadata["recipe"], "model": metadata["model"], "synthetic": None} | settings


def test_shipped_weights_come_from_the_best_recipe(network, real_mnist):
    recorded = json.loads(Path("mnist.json").read_text())
    best = train.TrainConfig(recipe="best")
    assert recorded_hyperparameters(recorded) == hyperparameters(best)
    ranges = recorded["augmentation"]
    assert ranges | {"elastic": ranges.pop("bend")} == vars(AugmentationRanges().scaled(best.augment, best.elastic))
    assert len(recorded["teachers"]) == 2
    for seed, teacher in enumerate(recorded["teachers"]):
        expected = hyperparameters(train.TrainConfig(model="teacher", seed=seed))
        unused = {"teacher_views", "distill_temperature"}  # teachers have no teachers
        for name in expected.keys() - unused:
            assert recorded_hyperparameters(teacher)[name] == expected[name], name
    accuracy = metrics.accuracy(network, real_mnist["test"])
    assert accuracy == pytest.approx(recorded["test_accuracy"], abs=0.011)
    assert accuracy >= 99.6


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teachers")
    for seed in (0, 1):
        run(
            "--model",
            "teacher",
            "--seed",
            seed,
            "--synthetic",
            "60",
            "--epochs",
            "1",
            "--out",
            folder / f"t-{seed}.pth",
        )
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
    assert recorded["hardware"]
    model.load(out)


def test_teachers_predict_once_for_several_runs(out, teachers, monkeypatch):
    best = ["--recipe", "best", "--epochs", "1", "--synthetic", "100", "--teachers", teachers / "t-*.pth", "--out", out]
    run(*best)
    cache = out.with_name("w.teacher-cache.pth")
    before = cache.read_bytes()
    monkeypatch.setattr(train.distillation, "predict_logits", None)
    run(*best, "--lr", "0.01")
    assert cache.read_bytes() == before


def test_best_recipe_without_teachers_names_the_commands_that_train_them(out):
    result = program("--recipe", "best", "--out", out)
    assert result.returncode == 1
    for command in (
        "python train.py --model teacher --seed 0 --out teacher-0.pth",
        "python train.py --model teacher --seed 1 --out teacher-1.pth",
        "python train.py --recipe best --teachers teacher-*.pth",
        "make best",
    ):
        assert command in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("name", "least"), [("softmax", 50), ("mlp", 55)])
def test_baselines_train_with_the_same_loop(out, name, least, capsys):
    run("--model", name, "--out", out, "--json", "--epochs", "6", "--synthetic", "1000")
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["model"], summary["parameters"]) == (name, {"softmax": 7_850, "mlp": 101_770}[name])
    assert summary["test_accuracy"] > least
    assert type(model.load(out)) is model.NETWORKS[name]


@pytest.mark.parametrize("model_name", ["cnn", "mlp", "softmax"])
def test_folding_and_calibration_only_scale_the_logits(model_name, random):
    """So the accuracy in the training log is that of the network that is saved."""
    network = model.build(model_name, 0, torch.device("cpu"), batch_norm=True)
    digits = synthetic.synthetic_digits(300, random)
    for _ in range(5):
        network.train()
        network(digits.images.float() / 255)
    plain = metrics.calibrate(model.fold_batch_norm(network.eval()), digits)
    before, after = (predict_logits(version, digits.images) for version in (network, plain))
    factor = (after[0, 0] / before[0, 0]).item()
    assert factor > 0
    torch.testing.assert_close(after, before * factor, atol=1e-4, rtol=1e-3)


def test_without_network_and_mirror_the_error_names_both_ways_out(out):
    out.write_text("old")
    nowhere = "http://127.0.0.1:9"  # nothing listens there, which is as good as no network
    data = out.parent / "data"
    result = program(
        *("--out", out, "--data-dir", data), MNIST_MIRROR="", http_proxy=nowhere, https_proxy=nowhere, no_proxy=""
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    for words in ("train.py: ", "tried", "--mirror", "--synthetic 5000"):
        assert words in result.stderr
    assert out.read_text() == "old"


def test_terminal_shows_a_progress_bar_and_a_file_gets_plain_lines(out):
    command = [sys.executable, "train.py", *SMALL, "--out", out]
    terminal, program_end = pty.openpty()
    termios.tcsetwinsize(program_end, (24, 80))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=program_end)
    os.close(program_end)
    shown = b""
    with contextlib.suppress(OSError), open(terminal, "rb", buffering=0) as screen:  # EIO: the program has ended
        while part := screen.read(4096):
            shown += part
    lines = process.communicate()[0].decode()
    assert b"epoch 1:" in shown
    assert [line for line in lines.splitlines() if line.startswith("epoch  2/2")]
    assert "\r" not in lines


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
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("epoch  2"):
            assert process.poll() is None
        process.send_signal(number)
        output, errors = process.communicate()
    assert process.returncode == 130
    assert errors == ""
    partial, resume = out.with_name("w.partial.pth"), out.with_name("w.resume.pth")
    assert f"{out} is unchanged, the weights so far are in {partial}" in output
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
def test_diverging_run_stops_with_what_to_change_and_keeps_the_old_weights(out, flag):
    out.write_text("old")
    with pytest.raises(UserError, match=rf"epoch \d, step \d+: .*{flag} \(now \d(\.\d+)?e\+2\d"):
        run("--out", out, flag, "1e25")
    assert out.read_text() == "old"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_is_found_at_the_next_check(out, monkeypatch, value):
    """300 digits in batches of 50 are 6 steps: the ninth is step 3 of epoch 2."""
    original, calls = train.F.cross_entropy, []

    def cross_entropy(*args, **kwargs):
        calls.append(1)
        return original(*args, **kwargs) * (value if len(calls) == 9 else 1)

    monkeypatch.setattr(train.F, "cross_entropy", cross_entropy)
    monkeypatch.setattr(optim, "FINITE_CHECK_INTERVAL", 3)
    out.write_text("old")
    rate = 0.05 * optim.lr_schedule(9, 12, 0.2)
    with pytest.raises(UserError, match=rf"not finite in epoch 2, step 3: .*--lr \(now {rate:.3g} "):
        run("--out", out, "--batch-size", "50", "--lr", "0.05")
    assert out.read_text() == "old"


def test_unwritable_out_is_reported_before_training(tmp_path, capsys):
    for bad in (tmp_path, tmp_path / "no folder" / "w.pth", tmp_path / "taken.json", tmp_path / "99.6", "/dev/null"):
        with pytest.raises(UserError, match=r"--out .* cannot be written"):
            run("--out", bad)
    assert capsys.readouterr().out == ""


def test_unavailable_cuda_is_refused(out, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="--device auto"):
        run("--out", out, "--device", "cuda")


def test_weights_that_diverge_in_the_last_step_are_not_saved(out, monkeypatch):
    """The loss is computed before the step; such weights once replaced good ones, with exit code 0."""

    def diverge(optimizer, closure=None):
        optimizer.param_groups[0]["params"][0].data.fill_(float("inf"))

    monkeypatch.setattr(torch.optim.AdamW, "step", diverge)
    out.write_text("old")
    with pytest.raises(UserError, match="not finite in epoch 1, step 1"):
        run("--out", out, "--synthetic", "100", "--epochs", "1")
    assert out.read_text() == "old"


@pytest.mark.parametrize(
    "flags",
    [
        ["--lr", "inf"],
        *(["--label-smoothing", "2"], ["--seed", "9" * 30], ["--weight-decay", "-1"], ["--ema-window", "2"]),
        *(["--recipe", "worst"], ["--model", "rnn"], ["--train-fraction", "0"], ["--distill-weight", "nan"]),
        ["--epochs", "0"],
        ["--lr", "-1"],
        ["--synthetic", "0"],
        ["--epochs", "x"],
        ["-q"],
    ],
)
def test_invalid_flags_exit_with_2_and_name_the_flag(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(train.TrainConfig, flags)
    assert caught.value.code == 2
    assert flags[0] in capsys.readouterr().err


def test_flags_take_precedence_over_environment_then_model_then_recipe(monkeypatch):
    def config(*flags: str) -> train.TrainConfig:
        return parse(train.TrainConfig, list(flags))

    assert config("--recipe", "fast").lr == train.RECIPES["fast"]["lr"]
    assert config("--recipe", "fast", "--lr", "0.5").lr == 0.5
    assert config("--model", "softmax").augment == 0
    assert config("--model", "softmax", "--augment", "0.3").augment == 0.3
    assert config("--model", "mlp").augment == 1
    assert config("--recipe", "best", "--model", "teacher").epochs == 12
    monkeypatch.setenv("DIGITS_EPOCHS", "3")
    assert config("--recipe", "best", "--model", "teacher").epochs == 3
    assert config("--epochs", "2").epochs == 2


def test_recipes_and_overrides_name_settings_within_their_range():
    for recipe in train.RECIPES:
        for name in model.NETWORKS:
            train.TrainConfig(recipe=recipe, model=name)


def test_parsing_flags_opens_no_file():
    config = parse(train.TrainConfig, ["--resume", "missing.resume.pth", "--out", "missing/w.pth"])
    assert config.resume == Path("missing.resume.pth")


def test_resume_with_a_setting_is_refused_in_one_sentence(out):
    result = program("--resume", out.with_name("w.resume.pth"), "--lr", "0.3")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"leave out {flag('lr')}" in result.stderr
