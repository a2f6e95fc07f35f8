"""Runs of `train.py` on few synthetic digits."""

import os
import subprocess
import sys

import train
from digits.config import parse

SMALL = ["--device", "cpu", "--synthetic", "300", "--epochs", "2"]


def run(*flags: object) -> None:
    """Train in this process; later flags take precedence over SMALL."""
    train.main(parse(train.TrainConfig, [*SMALL, *map(str, flags)]))


def run_program(*flags: object, **environment: str) -> subprocess.CompletedProcess:
    """Run train.py as a program, on the CPU."""
    command = [sys.executable, "train.py", "--device", "cpu", *map(str, flags)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | environment)
