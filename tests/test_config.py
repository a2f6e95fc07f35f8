"""`digits.config`: flags take precedence over the environment; invalid values exit with a sentence."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

import app
from digits.config import Settings, environment_variable, flag, parse, value_range


class Example(Settings):
    """An example."""

    max_size: int = Field(3, ge=1, le=9, description="how large")
    share: float = Field(0.5, gt=0, description="how much")
    form: Literal["round", "square"] = Field("round", description="which")
    amp: bool = Field(False, description="whether")
    mirror: list[str] = Field([], description="where")
    out: Path | None = Field(None, description="a file")


def test_flags_take_precedence_over_the_environment_and_that_over_defaults(monkeypatch):
    assert parse(Example, []) == Example()
    for name, value in {"DIGITS_MAX_SIZE": "5", "DIGITS_FORM": "square", "DIGITS_AMP": "true", "OTHER": "x"}.items():
        monkeypatch.setenv(name, value)
    from_environment = parse(Example, [])
    assert from_environment.model_dump() == Example(max_size=5, form="square", amp=True).model_dump()
    config = parse(Example, ["--max-size", "7", "--share", "0.1", "--no-amp", "--out", "a.pth"])
    assert config.model_dump() == {
        "max_size": 7, "share": 0.1, "form": "square", "amp": False, "mirror": [], "out": Path("a.pth"),
    }  # fmt: skip


def test_list_flags_may_be_repeated():
    assert parse(Example, ["--mirror", "a", "--mirror", "b"]).mirror == ["a", "b"]


def test_list_flags_take_all_words_up_to_the_next_flag_unchanged():
    words = ["a,b", "c d", "[e", "数字.png", 'f"g', "h\\i", "1e3", ""]
    config = parse(Example, ["--mirror", *words[:5], "--max-size", "4", "--mirror", *words[5:]])
    assert (config.mirror, config.max_size) == (words, 4)


def test_alias_names_the_flag_and_the_environment_variable(monkeypatch):
    class Aliased(Settings):
        json_output: bool = Field(False, validation_alias="json")

    assert parse(Aliased, ["--json"]).json_output
    monkeypatch.setenv("JSON", "no boolean")
    assert not parse(Aliased, []).json_output
    monkeypatch.setenv("DIGITS_JSON", "true")
    assert parse(Aliased, []).json_output


@pytest.mark.parametrize(
    ("argv", "environ", "message"),
    [
        (["--max-size", "0"], {}, "--max-size (DIGITS_MAX_SIZE) is '0': input should be greater than or equal to 1"),
        (["--max-size", "10"], {}, "less than or equal to 9"),
        (["--max-size", "many"], {}, "valid integer"),
        (["--share", "nan"], {}, "greater than 0"),
        (["--form", "flat"], {}, "'round' or 'square'"),
        (["--mirror", "--amp"], {}, "--mirror: expected one argument"),
        (["--unknown"], {}, "unrecognized arguments: --unknown"),
        ([], {"DIGITS_MAX_SIZE": "many"}, "valid integer"),
        ([], {"DIGITS_MAX_SIZE": "0"}, "DIGITS_MAX_SIZE"),
        ([], {"DIGITS_FORM": "flat"}, "'round' or 'square'"),
        ([], {"DIGITS_MIRROR": "a"}, 'a list is JSON, as ["a", "b"]'),
    ],
)
def test_invalid_values_print_what_is_allowed_and_exit_with_2(argv, environ, message, capsys, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as exit_info:
        parse(Example, argv)
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_help_lists_every_flag_with_default_and_description(capsys):
    with pytest.raises(SystemExit) as exit_info:
        parse(Example, ["--help"])
    assert exit_info.value.code == 0
    text = capsys.readouterr().out
    for name, field in Example.model_fields.items():
        assert flag(name) in text
        assert field.description in text
    assert "--no-amp" in text


def test_value_range_is_an_interval():
    ranges = {name: value_range(field) for name, field in Example.model_fields.items()}
    assert ranges == {"max_size": "[1, 9]", "share": "(0, ∞)", "form": "", "amp": "", "mirror": "", "out": ""}


def test_every_setting_of_the_server_is_documented_with_its_variable():
    page = Path("docs/deployment.md").read_text()
    for name, field in app.ServerSettings.model_fields.items():
        assert flag(name) in page, name
        assert f"`{environment_variable(name)}`" in page, name
        assert field.description
