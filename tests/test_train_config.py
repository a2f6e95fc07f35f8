"""The settings of `train.py`: precedence of flags, recipes and models, and invalid values."""

from pathlib import Path

import pytest

import model
import train
from digits.config import flag, parse
from tests.helpers.training import run_program


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
        for name in model.NETWORKS.keys() - {"line"}:
            train.TrainConfig(recipe=recipe, model=name)
    train.TrainConfig(model="line")


def test_line_reader_has_its_own_file_by_default(monkeypatch):
    """`--model line` once wrote its weights to mnist.pth, which no program reads digits with then."""
    assert parse(train.TrainConfig, ["--model", "line"]).out == Path("line.pth")
    assert parse(train.TrainConfig, ["--model", "line", "--out", "w.pth"]).out == Path("w.pth")
    monkeypatch.setenv("DIGITS_OUT", "e.pth")
    assert parse(train.TrainConfig, ["--model", "line"]).out == Path("e.pth")


@pytest.mark.parametrize(
    "flags",
    [
        *(["--recipe", "best"], ["--augment", "0.5"], ["--elastic", "1"], ["--outlier-fraction", "0.1"]),
        *(["--label-smoothing", "0"], ["--freeze-after", "0.5"], ["--teachers", "t.pth"], ["--distill-weight", "1"]),
    ],
)
def test_settings_that_the_line_reader_does_not_use_are_refused(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(train.TrainConfig, ["--model", "line", *flags])
    assert caught.value.code == 2
    assert f"--model line does not use {flags[0]} (or DIGITS_" in capsys.readouterr().err


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


def test_parsing_flags_opens_no_file():
    config = parse(train.TrainConfig, ["--resume", "missing.resume.pth", "--out", "missing/w.pth"])
    assert config.resume == Path("missing.resume.pth")


@pytest.mark.slow
def test_resume_with_a_setting_is_refused_in_one_sentence(tmp_path):
    result = run_program("--resume", tmp_path / "w.resume.pth", "--lr", "0.3")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"leave out {flag('lr')}" in result.stderr
