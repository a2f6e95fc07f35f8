"""Runs of `train.py` on few synthetic digits."""

import subprocess

import train
from digits.config import parse
from digits.data import glyph_bank
from digits.training import line_training
from tests.helpers import python_process

SMALL = ["--device", "cpu", "--synthetic", "300", "--epochs", "2"]
# Three steps an epoch, of one to four strings each.
SMALL_LINE = ["--device", "cpu", "--model", "line", "--synthetic", "60", "--style-fraction", "0", "--epochs", "2",
              "--train-fraction", "0.006", "--batch-size", "2"]  # fmt: skip
# Of a module, by name: without these values most of the time of a small run goes into marks and scores.
LINE_CONSTANTS = [
    (glyph_bank, "MARK_COUNT", 4),
    (line_training, "MIN_OTHER_COUNT", 2),
    (line_training, "SCORED_BATCHES", 1),
    (line_training, "SCORED_BATCH_SIZE", 3),
]


def run(*flags: object) -> None:
    """Train in this process; later flags take precedence over SMALL."""
    train.train(parse(train.TrainConfig, [*SMALL, *map(str, flags)]))


def run_line(*flags: object) -> None:
    """Train a line reader in this process, whose LINE_CONSTANTS the caller has set; as `run`, with SMALL_LINE."""
    train.train(parse(train.TrainConfig, [*SMALL_LINE, *map(str, flags)]))


def shrink_line_training() -> None:
    """Set LINE_CONSTANTS in a process of their own; within pytest its monkeypatch sets them."""
    for constant in LINE_CONSTANTS:
        setattr(*constant)


def run_program(*flags: object, **environment: str) -> subprocess.CompletedProcess:
    """Run train.py as a program, on the CPU."""
    return python_process.run("train.py", "--device", "cpu", *flags, **environment)
