"""Write the tables of flags in the documents: `python -m scripts.make_settings_tables`.

Each table lists the settings of one program, from the model that also makes its flags (`digits.config`). It stands
between the lines `<!-- settings: app.py -->` and `<!-- end -->`; whatever stood there is replaced.
"""

import re
import runpy
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic.fields import FieldInfo
from pydantic_settings import CliPositionalArg, CliToggleFlag

import app
import train
from digits.config import Settings, environment_variable, flag, summary, value_range


class Program(NamedTuple):
    """A program whose settings a page lists.

    presets: the name of each further column → the values in which it differs from the defaults.
    """

    page: Path
    settings: type[Settings]
    presets: Mapping[str, Mapping[str, Any]]


DOCS = Path(__file__).parents[1] / "docs"
# `import test` would be ambiguous: the standard library has a package of that name.
READ_CONFIG = runpy.run_path(str(DOCS.parent / "test.py"))["ReadConfig"]
RECIPES = {name: overrides for name, overrides in train.RECIPES.items() if overrides}
PROGRAMS = {
    "train.py": Program(DOCS / "training.md", train.TrainConfig, RECIPES),
    "test.py": Program(DOCS / "recognition.md", READ_CONFIG, {}),
    "app.py": Program(DOCS / "deployment.md", app.ServerSettings, {}),
}
# What pydantic-settings adds to the metadata of a field.
TOGGLE = typing.get_args(CliToggleFlag[bool])[1]  # a boolean without a flag that turns it off
POSITIONAL = typing.get_args(CliPositionalArg[str])[1]
MACHINE_DEPENDENT_DEFAULTS = {"workers": "one per core, at most 4"}  # the tables are the same on every machine


def make_table(program: str, settings: type[Settings], presets: Mapping[str, Mapping[str, Any]]) -> str:
    """Make the Markdown table of a program's settings: one row per field, in the order of the model."""
    columns = [f"`{preset}`" for preset in presets]
    rows = [[f"flag of `{program}`", "environment variable", "default", *columns, "range", "meaning"]]
    rows.append(["---"] * len(rows[0]))
    for name, field in settings.model_fields.items():
        differing = [format_value(preset.get(name)) for preset in presets.values()]
        default = MACHINE_DEPENDENT_DEFAULTS.get(name) or format_value(field.default)
        public_name = field.validation_alias if isinstance(field.validation_alias, str) else name
        cells = [format_flags(public_name, field), f"`{environment_variable(public_name)}`", default, *differing]
        rows.append([*cells, allowed_values(field), summary(field)])
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def format_flags(name: str, field: FieldInfo) -> str:
    """Return the flag of a field as code, with the one that turns a boolean off; of a positional one its name."""
    if POSITIONAL in field.metadata:
        return f"`{name.upper()}`"
    if field.annotation is bool and TOGGLE not in field.metadata:
        return f"`{flag(name)}`, `{flag('no_' + name)}`"
    return f"`{flag(name)}`"


def format_value(value: object) -> str:
    """Return a default as a cell of the table; empty where there is none."""
    if value in (None, "", []):
        return ""
    if isinstance(value, list):
        return ", ".join(map(format_value, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else f"`{value}`" if isinstance(value, str | Path) else str(value)


def allowed_values(field: FieldInfo) -> str:
    """Return the interval of a number, the choices of a literal, or nothing for any other field."""
    if typing.get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(field.annotation))
    return value_range(field)


def replace_table(text: str, marker: str, table: str) -> str:
    """Return the text of a page with `table` between the comments `marker` and `end`.

    Raises: ValueError when the page does not have the comments exactly once.
    """
    begin, end = f"<!-- {marker} -->\n", "<!-- end -->"
    text, count = re.subn(
        rf"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}{table}{end}", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"{begin.strip()} … {end} stands {count} times in the page: it must stand there once.")
    return text


def main() -> None:
    for name, (page, settings, presets) in PROGRAMS.items():
        text = page.read_text()
        page.write_text(replace_table(text, f"settings: {name}", make_table(name, settings, presets)))


if __name__ == "__main__":
    main()
