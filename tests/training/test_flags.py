"""`digits.training.flags`: recipes give defaults, flags overrule them, and what is out of bounds is said."""

import pytest

import train
from digits.training import flags


@pytest.mark.parametrize(
    ("value", "interval", "inside"),
    [
        (0, "[0, 1)", True),
        (1, "[0, 1)", False),
        (0, "(0, 1]", False),
        (1, "(0, 1]", True),
        (0.5, "(0, 1)", True),
        (float("inf"), "[0, inf)", False),
        (float("nan"), "[0, inf)", False),
        (-1e-9, "[0, 1]", False),
    ],
)
def test_an_interval_is_read_as_mathematics_reads_it(value, interval, inside):
    assert flags._inside(value, interval) == inside


def test_a_recipe_gives_what_no_flag_says():
    args = train.parse_args(["--recipe", "fast", "--lr", "0.5"])
    assert (args.lr, args.share, args.model) == (0.5, train.RECIPES["fast"].share, "cnn")


def test_a_model_may_have_its_exceptions_and_flags_overrule_them():
    assert train.parse_args(["--model", "softmax"]).warp == 0
    assert train.parse_args(["--model", "softmax", "--warp", "0.3"]).warp == 0.3
    assert train.parse_args(["--model", "mlp"]).warp == train.TrainConfig().warp


def test_every_setting_says_what_each_recipe_takes(capsys):
    with pytest.raises(SystemExit):
        train.parse_args(["--help"])
    usage = " ".join(capsys.readouterr().out.split())
    for name, settings in train.RECIPES.items():
        assert f"{name} {settings.epochs}" in usage


def test_what_is_out_of_bounds_is_said_with_the_bounds(capsys):
    with pytest.raises(SystemExit):
        train.parse_args(["--share", "1.5"])
    assert "--share is 1.5; it must be in (0, 1]" in capsys.readouterr().err
