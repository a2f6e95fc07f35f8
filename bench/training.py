"""How accurate training is, and how long it takes: `python train.py` for several seeds, as a user runs it.

Times are whole: `train_seconds` from the first to the last step with all validation between, and
`total_seconds` with imports, data and the final test. Also: what 5,000 made-up digits alone teach
about real ones. The last line is one JSON object. Run it on an idle machine.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from digits import device

ROOT = Path(__file__).parents[1]


def result_of(*command: str) -> dict:
    """The JSON object that a script of ours ends its output with."""
    finished = subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def summary(values: list[float]) -> dict[str, float]:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.mean(values), 3), "std": round(spread, 3), "n": len(values)}


def main(args: argparse.Namespace) -> None:
    where = device.pick(args.device)
    print(f"{device.describe(where)}; Python {platform.python_version()}, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        weights = f"{folder}/mnist.pth"
        on = ("--device", args.device)
        runs = []
        for seed in range(args.runs):
            runs.append(result_of("train.py", "--json", "--seed", str(seed), "--out", weights, *on))
            print("seed {seed}: {test_accuracy:.2f} % in {train_seconds:.1f} s".format(**runs[-1]), flush=True)
        result_of("train.py", "--json", "--synthetic", "5000", "--out", weights, *on)
        synthetic = result_of("test.py", "--mnist", "--json", "--weights", weights, *on)["test_accuracy"]
    figures = {key: summary([run[key] for run in runs]) for key in ("test_accuracy", "train_seconds", "total_seconds")}
    for key, value in figures.items():
        print(f"{key:15s} {value['mean']:7.2f} ± {value['std']:.2f}  (n = {value['n']})")
    print(f"5,000 synthetic digits alone: {synthetic:.2f} % of the MNIST test images")
    print(json.dumps({"bench": "training", "device": where.type, **figures, "synthetic_5000": synthetic}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train several times; report accuracy and time.")
    parser.add_argument("--runs", type=int, default=3, help="how many seeds (default: %(default)s)")
    parser.add_argument("--device", choices=device.CHOICES, default="auto", help="default: %(default)s")
    try:
        main(parser.parse_args())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the script has said why
