"""`scripts.make_settings_tables`: the tables of flags in the documents."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field
from pydantic_settings import CliPositionalArg, CliToggleFlag

from digits.config import Settings
from scripts.make_settings_tables import PROGRAMS, make_table, replace_table


class Example(Settings):
    """An example."""

    paths: CliPositionalArg[list[str]] = Field(["input"], description="pictures")
    lr: float = Field(0.02, gt=0, description="learning rate")
    form: Literal["round", "square"] = Field("round", description="round | square")
    amp: bool = Field(False, description="bfloat16")
    json_output: CliToggleFlag[bool] = Field(False, alias="json", description="JSON")
    out: Path | None = Field(None, description="a file")


def test_table_has_flag_variable_default_presets_range_and_meaning():
    table = make_table("example.py", Example, {"fast": {"lr": 1e-3, "amp": True}})
    assert table == (
        "| flag of `example.py` | environment variable | default | `fast` | range | meaning |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| `PATHS` | `DIGITS_PATHS` | `input` |  |  | pictures |\n"
        "| `--lr` | `DIGITS_LR` | 0.02 | 0.001 | (0, ∞) | learning rate |\n"
        "| `--form` | `DIGITS_FORM` | `round` |  | `round`, `square` | round \\| square |\n"
        "| `--amp`, `--no-amp` | `DIGITS_AMP` | off | on |  | bfloat16 |\n"
        "| `--json` | `DIGITS_JSON` | off |  |  | JSON |\n"
        "| `--out` | `DIGITS_OUT` |  |  |  | a file |\n"
    )


def test_only_the_text_between_the_markers_is_replaced():
    page = "before\n\n<!-- settings: app.py -->\n| stale |\n<!-- end -->\n\nafter\n"
    assert replace_table(page, "settings: app.py", "| new |\n") == page.replace("stale", "new")


@pytest.mark.parametrize("page", ["no markers", "<!-- settings: app.py -->\n<!-- end -->\n" * 2])
def test_page_must_have_the_markers_once(page):
    with pytest.raises(ValueError, match="must stand there once"):
        replace_table(page, "settings: app.py", "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_tables_in_the_documents_are_up_to_date(program):
    page, settings, presets = PROGRAMS[program]
    text = page.read_text()
    current = replace_table(text, f"settings: {program}", make_table(program, settings, presets))
    assert text == current, f"{page} is stale: run `python -m scripts.make_settings_tables`"
