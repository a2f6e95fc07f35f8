"""Settings of a program: one typed model gives flags, environment variables, ranges, help and the tables in docs."""

import sys
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliSettingsSource,
    CliToggleFlag,
    SettingsConfigDict,
    SettingsError,
)

from digits.device import DeviceName

PREFIX = "DIGITS_"


def value_range(field: FieldInfo) -> str:
    """The values that a number may have, as an interval, "[1, 64]" or "(0, ∞)"; empty where there is no bound."""
    bounds = {name: getattr(m, name) for m in field.metadata for name in ("gt", "ge", "lt", "le") if hasattr(m, name)}
    if not bounds:
        return ""
    low = f"({bounds['gt']:g}" if "gt" in bounds else f"[{bounds['ge']:g}" if "ge" in bounds else "(-∞"
    high = f"{bounds['lt']:g})" if "lt" in bounds else f"{bounds['le']:g}]" if "le" in bounds else "∞)"
    return f"{low}, {high}"


def summary(field: FieldInfo) -> str:
    """The description of a field without its range, which the help text shows as well."""
    return (field.description or "").removesuffix(_range_note(field))


def _range_note(field: FieldInfo) -> str:
    return f", in {value_range(field)}" if value_range(field) else ""


class Settings(BaseSettings):
    """Base class of the settings of a program: immutable, each field a flag and an environment variable.

    A field is declared as `lr: float = Field(0.02, gt=0, description="…")`: the type and the constraints are checked,
    the description is the help text. Booleans become `--amp/--no-amp`, literals a list of choices.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_prefix_target="all",  # of aliases, too: the field with the alias "json" is --json and DIGITS_JSON
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Add to the help text of each number the values that it may have."""
        for field in cls.model_fields.values():
            field.description = f"{summary(field)}{_range_note(field)}"


class CommonSettings(Settings):
    """Settings of the programs that compute on MNIST: train.py and test.py."""

    device: DeviceName = Field("auto", description="where to compute; auto takes a GPU if there is one")
    data_dir: Path = Field(Path("data"), description="folder for the MNIST files")
    mirror: list[str] = Field([], description="folders with MNIST, or URLs of its four .gz files")
    # A field named json would hide a method of pydantic.
    json_output: CliToggleFlag[bool] = Field(
        False, alias="json", description="print the results as JSON, one object per line"
    )


S = TypeVar("S", bound=Settings)


def parse(kind: type[S], argv: list[str] | None = None) -> S:
    """Read settings from the command line, else from the environment, else from the defaults.

    A list flag takes all words up to the next flag, as a shell expands `--teachers teacher-*.pth`, and may be repeated.

    argv: the arguments without the name of the program; None takes those of the process.

    `--help` prints the usage and exits with 0, an invalid value prints what is allowed and exits with 2.
    """
    source = CliSettingsSource(kind)
    arguments = vars(source.root_parser.parse_args(_repeat_list_flags(kind, sys.argv[1:] if argv is None else argv)))
    # Lists go around pydantic-settings, which would split their words at commas and take backslashes, quotes and
    # letters beyond ASCII for JSON, though file names may have them.
    lists = {name: arguments.pop(name) for name in _list_fields(kind) if isinstance(arguments.get(name), list)}
    try:
        return CliApp.run(kind, cli_args=arguments, cli_settings_source=source, **lists)
    except ValidationError as error:
        problems = [_describe_problem(kind, problem) for problem in error.errors()]
    except SettingsError as error:
        problems = [f'{error}: in the environment a list is JSON, as ["a", "b"]']
    for problem in problems:
        print(f"{program_name()}: error: {problem}", file=sys.stderr)
    print(f"`{program_name()} --help` lists all flags.", file=sys.stderr)
    sys.exit(2)


def program_name() -> str:
    """The name under which the program was started: app.py, or digits-serve where the package is installed."""
    return Path(sys.argv[0]).name


def flag(name: str) -> str:
    """The flag of a field: --max-body for max_body."""
    return f"--{name.replace('_', '-')}"


def environment_variable(name: str) -> str:
    """The environment variable of a field: DIGITS_MAX_BODY for max_body."""
    return PREFIX + name.upper()


def _list_fields(kind: type[Settings]) -> list[str]:
    return [name for name, field in kind.model_fields.items() if get_origin(field.annotation) is list]


def _repeat_list_flags(kind: type[Settings], argv: list[str]) -> list[str]:
    """Repeat the flag before each further value of a list flag, as argparse takes one value for each."""
    list_flags = {flag(name) for name in _list_fields(kind)}
    repeated: list[str] = []
    current = ""
    for word in argv:
        if word.startswith("-"):
            current = word if word in list_flags else ""
        elif current and repeated[-1] != current:
            repeated.append(current)
        repeated.append(word)
    return repeated


def _describe_problem(kind: type[Settings], problem: ErrorDetails) -> str:
    """One sentence for one of pydantic's errors, with the flag and the variable that it may come from."""
    message = problem["msg"].removeprefix("Value error, ")
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if name not in kind.model_fields and name not in {field.alias for field in kind.model_fields.values()}:
        return message
    return f"{flag(name)} ({environment_variable(name)}) is {problem['input']!r}: {message[0].lower()}{message[1:]}"
