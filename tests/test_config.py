"""`digits.config`: flags take precedence over the environment, that over defaults; invalid values print the usage."""

from dataclasses import dataclass, fields
from pathlib import Path

import pytest

import app
from digits.config import parse, setting, variable


@dataclass(frozen=True)
class Example:
    size: int = setting(3, "how large", 1, 9)
    share: float = setting(0.5, "how much", 0)
    form: str = setting("round", "which", choices=("round", "square"))


def test_flags_take_precedence_over_the_environment_and_that_over_defaults():
    environ = {"DIGITS_SIZE": "5", "DIGITS_FORM": "square", "OTHER": "x"}
    assert parse(Example, "", [], {}) == Example()
    assert parse(Example, "", [], environ) == Example(size=5, form="square")
    assert parse(Example, "", ["--size", "7", "--share", "0.1"], environ) == Example(7, 0.1, "square")


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (["--size", "0"], {}, "at least 1"),
        (["--size", "10"], {}, "at most 9"),
        (["--size", "many"], {}, "invalid int"),
        (["--share", "nan"], {}, "at least 0"),
        ([], {"DIGITS_SIZE": "many"}, "invalid int"),
        ([], {"DIGITS_SIZE": "0"}, "DIGITS_SIZE"),
        ([], {"DIGITS_FORM": "flat"}, "round, square"),
    ],
)
def test_invalid_values_print_the_valid_ones_and_exit(words, environ, said, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(Example, "", words, environ)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_every_setting_of_the_server_is_documented_with_its_variable():
    page = Path("docs/api.md").read_text()
    for f in fields(app.Settings):
        assert f"--{f.name.replace('_', '-')}" in page, f.name
        assert f"`{variable(f.name)}`" in page, f.name
        assert f.metadata["help"]
