"""Settings of a program, each one a flag, an environment variable and a field of a frozen dataclass."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any

PREFIX = "DIGITS_"


def setting(default: Any, text: str, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A field with its `default`, what it means, and the range that it must lie in; `more` is for argparse."""
    return field(default=default, metadata={"help": text, "low": low, "high": high, "more": more})


def variable(name: str) -> str:
    """The environment variable of a field: DIGITS_MAX_BODY for max_body."""
    return PREFIX + name.upper()


def parse(kind: type, description: str, words: list[str] | None, environ: Mapping[str, str] = os.environ) -> Any:
    """An instance of the dataclass `kind`: what `words` say, else the environment, else its defaults.

    Who asks for help, or for what cannot be, gets the usage, and the program ends.
    """
    first = fields(kind)[0].name
    epilog = f"Each flag may also stand in the environment: {variable(first)} for --{first}, and so on."
    parser = argparse.ArgumentParser(description=description, epilog=epilog)
    for f in fields(kind):
        default = f.default if f.default is not MISSING else f.default_factory()
        said = "" if default in (None, "") else f" (default: {default})"
        text = f.metadata["help"] + said
        given = environ.get(variable(f.name)) or default  # a text goes through `type`, too
        flag = "--" + f.name.replace("_", "-")
        parser.add_argument(flag, type=f.type, default=given, help=text, **f.metadata["more"])
    args = parser.parse_args(words)
    for f in fields(kind):
        check(parser, f, getattr(args, f.name))
    return kind(**vars(args))


def check(parser: argparse.ArgumentParser, f: Field, value: Any) -> None:
    """End with the usage where a value is out of its range, or no choice, as argparse does not check defaults."""
    low, high, choices = f.metadata["low"], f.metadata["high"], f.metadata["more"].get("choices")
    name = f"--{f.name.replace('_', '-')} ({variable(f.name)})"
    if low is not None and not value >= low:
        parser.error(f"{name} is {value}; it must be at least {low}")
    if high is not None and value > high:
        parser.error(f"{name} is {value}; it must be at most {high}")
    if choices and value not in choices:
        parser.error(f"{name} is {value}; it must be one of {', '.join(choices)}")
