"""Results of benchmarks: a table of targets and measurements, and the JSON line that ends each benchmark."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from digits import device

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, its target, the value, and whether the target is met."""

    name: str
    target: str
    measured: str
    met: bool


def spread(values: Sequence[float], format_spec: str = "{:.2f}") -> str:
    """Format the median, followed by the minimum and the maximum if there are several values."""
    median, low, high = (format_spec.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{median} ({low} to {high})" if len(values) > 1 else median


def at_least(name: str, values: Sequence[float], target: float) -> Row:
    """Make a row whose median must be `target` or more."""
    return Row(name, f"≥ {target:g}", spread(values), statistics.median(values) >= target)


def at_most(name: str, values: Sequence[float], target: float) -> Row:
    """Make a row whose median must be `target` or less."""
    return Row(name, f"≤ {target:g}", spread(values), statistics.median(values) <= target)


def report(bench: str, rows: Sequence[Row], figures: dict) -> None:
    """Print the environment and the table and, as the last line, the rows and all `figures` as one JSON object."""
    print_environment()
    table = [("", "target", "measured", "met")]
    table += [(row.name, row.target, row.measured, "yes" if row.met else "NO") for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print_json(bench, {"rows": [asdict(row) for row in rows], "figures": figures})


def print_environment(where: torch.device = CPU) -> None:
    """Print the hardware of the device `where` and the versions, on which the results depend."""
    environment = device.environment(where)
    print("{hardware}; Python {versions[python]}, torch {versions[torch]}".format(**environment), flush=True)


def print_json(bench: str, figures: dict, where: torch.device = CPU) -> None:
    """Print the last line of a benchmark: its name, the hardware, the versions and `figures` as one JSON object.

    where: device of the measurement.
    """
    print(json.dumps({"bench": bench} | device.environment(where) | figures))
