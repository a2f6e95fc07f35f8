"""Write the tables of docs/model-card.md: `python -m scripts.make_model_card`.

Figures come from mnist.json and line.json, which train.py wrote, and from the tables of measurements in the other
pages.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from digits.data.mnist import VALIDATION_SIZE
from digits.metrics import wilson_interval
from scripts.make_settings_tables import replace_table

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGE = DOCS / "model-card.md"
TRAINING_SIZE, TEST_SIZE = 60_000 - VALIDATION_SIZE, 10_000
PEOPLE = "pictures by real people, not used in training"  # heading of a table


def fill(page: str) -> str:
    """Return the text of the model card with its tables filled in."""
    weights = (ROOT / "mnist.pth").read_bytes()
    record = json.loads((ROOT / "mnist.json").read_text())
    line_weights = (ROOT / "line.pth").read_bytes()
    line_record = json.loads((ROOT / "line.json").read_text())
    tables = {
        "details": details(weights, record),
        "training": training(record),
        "line reader": line_reader(line_weights, line_record),
        "scores on MNIST": mnist_scores(record),
        "scores on pictures by people": people_scores(),
    }
    for name, rows in tables.items():
        rows.insert(1, ["---"] * len(rows[0]))
        page = replace_table(page, f"model card: {name}", "".join(f"| {' | '.join(row)} |\n" for row in rows))
    return page


def details(weights: bytes, record: dict[str, Any]) -> list[list[str]]:
    """List what the network is, takes and gives."""
    return [
        ["detail", "value"],
        ["network", f"two convolutions and two fully connected layers, {record['parameters']:,} parameters"],
        ["file", f"`mnist.pth`, a `state_dict` of PyTorch, {len(weights):,} bytes"],
        ["SHA-256", f"`{hashlib.sha256(weights).hexdigest()}`"],
        ["input", "(B, 1, 28, 28) in [0, 1], white ink on black, normalized as MNIST is"],
        ["output", "ten logits; the reject class, *not a digit*, is an eleventh logit that is always 0"],
        ["license", "[MIT](../LICENSE); publishers of [MNIST](../THIRD_PARTY.md#mnist) state terms of their own"],
    ]


def training(record: dict[str, Any]) -> list[list[str]]:
    """List the data, the settings and the circumstances of the training."""
    settings, teachers = record["settings"], record["teachers"]
    accuracies = " and ".join(f"{teacher['test_accuracy']:.2f} %" for teacher in teachers)
    own, *others = (f"{run['total_seconds'] / 60:.0f}" for run in (record, *teachers))
    return [
        ["training", "value"],
        ["digits", f"{TRAINING_SIZE:,} of {record['data']}; {VALIDATION_SIZE:,} to validate, {TEST_SIZE:,} to test"],
        ["restyled digits", f"{settings['style_fraction'] * TRAINING_SIZE:,.0f}, as other pens and hands write them"],
        ["outliers", f"{settings['outlier_fraction'] * TRAINING_SIZE:,.0f} synthetic non-digits, such as letters"],
        ["recipe", f"`{record['recipe']}`, {record['epochs']} epochs, seed {record['seed']}"],
        ["teachers", f"{len(teachers)} of {teachers[0]['parameters']:,} parameters, {accuracies} of the test images"],
        ["time", f"{own} minutes with the teachers' predictions; before, {' and '.join(others)} for the teachers"],
        ["hardware, versions", hardware(record)],
    ]


def line_reader(weights: bytes, record: dict[str, Any]) -> list[list[str]]:
    """List what the line reader is, takes and gives, how it was trained, and its scores."""
    return [
        ["line reader", "value"],
        ["network", f"seven convolutions and one fully connected layer, {record['parameters']:,} parameters"],
        ["file", f"`line.pth`, a `state_dict` of PyTorch, {len(weights):,} bytes"],
        ["SHA-256", f"`{hashlib.sha256(weights).hexdigest()}`"],
        ["input", "(B, 1, 32, W) in [0, 1]: a text line, white ink on black"],
        ["output", "(B, W / 2, 18): logits of ten digits, six marks, any other character, and the blank of CTC"],
        ["training", f"strings composed of the training digits of {record['data']}, with marks, letters, other pens"],
        ["epochs", f"{record['epochs']}, seed {record['seed']}, {record['total_seconds'] / 60:.0f} minutes"],
        ["hardware, versions", hardware(record)],
        ["such strings of validation digits", f"{record['validation_accuracy']:.1f} % read correctly"],
        ["such strings of test digits", f"{record['test_accuracy']:.1f} % read correctly"],
    ]


def hardware(record: dict[str, Any]) -> str:
    """Describe the hardware and the versions of a training."""
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return f"{re.sub('1 threads$', '1 thread', record['hardware'])}; {versions}"


def mnist_scores(record: dict[str, Any]) -> list[list[str]]:
    """List the scores on MNIST that train.py recorded, then those of the benchmark."""
    accuracy, by = record["test_accuracy"], f"`train.py --recipe {record['recipe']}`"
    low, high = wilson_interval(round(accuracy / 100 * TEST_SIZE), TEST_SIZE)
    mean, *_, seeds = read_table("results.md", "training")[f"`--recipe {record['recipe']}`"]
    return [
        ["digits of MNIST", "score", "by"],
        [f"{VALIDATION_SIZE:,} validation digits", f"{record['validation_accuracy']:.2f} %", by],
        [f"{TEST_SIZE:,} test images", f"{accuracy:.2f} % (95 % interval: {low:.2f} to {high:.2f} %)", by],
        [f"the same, mean of {seeds} seeds", mean, by],
        *([*row, "`bench.recognition`"] for row in without_times(read_table("results.md", "reading"))),
    ]


def people_scores() -> list[list[str]]:
    """List the scores on pictures by people."""
    return [[PEOPLE, "score"], *without_times(read_table("recognition.md", PEOPLE))]


def without_times(table: dict[str, list[str]]) -> list[list[str]]:
    """Return the rows whose value is not in milliseconds."""
    return [[name, *values] for name, values in table.items() if " ms" not in values[0]]


def read_table(page: str, heading: str) -> dict[str, list[str]]:
    """Read the table of a page whose first column has this heading: first cell of each row → the others."""
    text = (DOCS / page).read_text()
    table = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, f"docs/{page} has no table with the heading {heading}"
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines())
    return {name: values for name, *values in rows}


def main() -> None:
    PAGE.write_text(fill(PAGE.read_text()))


if __name__ == "__main__":
    main()
