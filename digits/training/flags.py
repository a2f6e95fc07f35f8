"""Settings as flags: a dataclass's fields become options, whose defaults a recipe or a stopped run gives."""

import argparse
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

from digits import UserError, device
from digits.training import checkpoint

PLACES = ("data_dir", "lessons", "out")  # a run that was stopped may go on elsewhere


def add_settings(parser: argparse.ArgumentParser, recipes: dict[str, Any]) -> None:
    """One flag for each field of the recipes' dataclass; its help says what each recipe takes."""
    for f in fields(next(iter(recipes.values()))):
        values = ", ".join(f"{name} {getattr(recipe, f.name)}" for name, recipe in recipes.items())
        parser.add_argument("--" + f.name.replace("_", "-"), type=f.type, help=f"{f.metadata['help']} ({values})")


def add_places(parser: argparse.ArgumentParser) -> None:
    """Where to compute, where MNIST is, where to get it."""
    parser.add_argument(
        "--device", choices=get_args(device.DeviceName), default="auto", help="where to compute (default: auto)"
    )
    parser.add_argument("--data-dir", metavar="FOLDER", default="data", help="where MNIST is kept (default: data)")
    text = "URL or folder that has MNIST's four .gz files; may be repeated"
    parser.add_argument("--mirror", action="append", default=[], metavar="PLACE", help=text)


def parse(
    parser: argparse.ArgumentParser, words: list[str] | None, recipes: dict[str, Any], exceptions: dict[str, dict]
) -> argparse.Namespace:
    """What `words` say; where they are silent, the run that --resume names, the model's exceptions, the recipe.

    A value outside the interval that its field allows ends with the usage.
    Errors: UserError when there is no such run, or a flag contradicts it.
    """
    early = parser.parse_args(words)
    stopped = checkpoint.load(early.resume)["flags"] if early.resume else {}
    parser.set_defaults(**asdict(recipes[early.recipe]) | exceptions.get(early.model, {}) | stopped)
    args = parser.parse_args(words)
    for f in fields(recipes[early.recipe]):
        if not _inside(getattr(args, f.name), f.metadata["allowed"]):
            flag = f"--{f.name.replace('_', '-')}"
            parser.error(f"{flag} is {getattr(args, f.name)}; it must be in {f.metadata['allowed']}")
    if args.synthetic is not None and args.synthetic < 1:
        parser.error(f"--synthetic is {args.synthetic}; it must be 1 or more")
    for name, was in stopped.items():
        if name not in PLACES and str(getattr(args, name)) != str(was):
            flag = f"--{name.replace('_', '-')}"
            raise UserError(f"{args.resume} goes on with {flag} {was}: leave {flag} out.", "resume")
    return args


def _inside(value: float, interval: str) -> bool:
    """Whether `value` lies in an interval such as "[0, 1)"."""
    low, high = map(float, interval[1:-1].split(","))
    return low < value < high or (value == low and interval[0] == "[") or (value == high and interval[-1] == "]")


def kept(args: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    """The values that resuming needs, as plain ones that a file can hold."""
    values = {name: getattr(args, name) for name in names}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
