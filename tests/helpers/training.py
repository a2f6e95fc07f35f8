"""Runs of `train.py` on few synthetic digits."""

import subprocess

import train
from digits.config import parse
from tests.helpers import python_process

SMALL = ["--device", "cpu", "--synthetic", "300", "--epochs", "2"]


def run(*flags: object) -> None:
    """Train in this process; later flags take precedence over SMALL."""
    train.main(parse(train.TrainConfig, [*SMALL, *map(str, flags)]))


def run_program(*flags: object, **environment: str) -> subprocess.CompletedProcess:
    """Run train.py as a program, on the CPU."""
    return python_process.run("train.py", "--device", "cpu", *flags, **environment)
