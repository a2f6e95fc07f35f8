"""What a benchmark is to reach: a table of targets, what was measured, and whether it is met; one JSON line."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from digits import device


@dataclass(frozen=True)
class Row:
    name: str
    target: str
    measured: str
    met: bool


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """The median in words, with the least and the greatest."""
    middle, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})" if len(values) > 1 else middle


def at_least(name: str, values: Sequence[float], least: float) -> Row:
    """A row whose median must be `least` or more."""
    return Row(name, f"≥ {least:g}", spread(values), statistics.median(values) >= least)


def at_most(name: str, values: Sequence[float], most: float) -> Row:
    """A row whose median must be `most` or less."""
    return Row(name, f"≤ {most:g}", spread(values), statistics.median(values) <= most)


def report(bench: str, rows: Sequence[Row], figures: dict) -> None:
    """Print the table and, as the last line, the same and all `figures` as one JSON object."""
    environment = device.environment(torch.device("cpu"))
    print("{hardware}; Python {versions[python]}, torch {versions[torch]}".format(**environment))
    table = [("", "target", "measured", "met")]
    table += [(row.name, row.target, row.measured, "yes" if row.met else "NO") for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    result = {"bench": bench, "hardware": environment["hardware"], **environment["versions"]}
    print(json.dumps(result | {"rows": [asdict(row) for row in rows], "figures": figures}))
