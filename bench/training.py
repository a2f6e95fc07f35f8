"""How accurate training is and how long it takes, compared with the training loop of most tutorials.

Every row is `python train.py` with the flags of ROWS for several seeds, as a user runs it, or the loop of tutorials,
`bench/tutorial_training.py`. Times count from the files on disk to the weights, without imports, but with decoding,
augmentation and validation. Machines are shared and noisy, so runs of the baseline stand between the others, and the
ratio is what counts. The cost of the teachers, once for all seeds of `best`, is reported separately. The last line is
one JSON object. Run it on an idle machine: it takes an hour, the first time two; `--rows fast default` takes minutes.

`--warm` measures the `fast` recipe in a process that has trained before, without the costs of a first training, which
on a GPU loads libraries and chooses kernels.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch

import train
from bench.results import print_environment, print_json
from digits import device, files
from digits.config import parse
from digits.training.distillation import TEACHER_COMMANDS

ROOT = Path(__file__).parents[1]
# The files of `make best`: whichever comes first trains the teachers and makes their predictions, once.
TEACHERS = [ROOT / f"teacher-{seed}.pth" for seed in range(len(TEACHER_COMMANDS))]
CACHE = ROOT / "mnist.teacher-cache.pth"
BEST = ["--recipe", "best", "--teachers", *map(str, TEACHERS), "--teacher-cache", str(CACHE)]
ROWS = {  # the flags of each row, and the number of seeds
    "fast": (["--recipe", "fast"], 5),
    "warm": ([], 5),
    "default": ([], 3),
    "softmax": (["--model", "softmax"], 3),
    "mlp": (["--model", "mlp"], 3),
    "synthetic": (["--synthetic", "5000"], 3),
    "best": (BEST, 3),
}
TABLE_ROW = "{:10s} {:>16s} {:>16s} {:>10s} {:>3s}"


def run_script(*command: str) -> dict:
    """Run a script of the repository and return the JSON object in its last line."""
    finished = subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def summarize(values: list[float]) -> dict[str, float]:
    """Mean, standard deviation and count."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.mean(values), 5), "std": round(deviation, 5), "n": len(values)}


def train_row(row: str, seed: int, weights: str, device_name: str) -> dict:
    """Run a row once. Weights trained on synthetic digits are scored on the real test images."""
    flags = ["--seed", str(seed), "--device", device_name]
    if row == "warm":
        return run_script("-m", "bench.training", "--warm", *flags)
    result = run_script("train.py", "--json", "--out", weights, *ROWS[row][0], *flags)
    if row == "synthetic":
        result["test_accuracy"] = run_script("test.py", "--mnist", "--json", "--weights", weights)["test_accuracy"]
    return result


def train_teachers(device_name: str, paths: list[Path] = TEACHERS, flags: Sequence[str] = ()) -> None:
    """Train teachers, by default those of the recipe `best`, unless they are there."""
    for command, path in zip(TEACHER_COMMANDS, paths, strict=True):
        if not files.load_metadata(path):
            run_script(*command.split(), "--out", str(path), *flags, "--device", device_name, "--json")


def teacher_seconds() -> float:
    """Seconds that the teachers took to train and to predict."""
    training = sum(files.load_metadata(path)["train_seconds"] for path in TEACHERS)
    return training + files.load_tensors(CACHE, "Run the row best.")["seconds"]


def measure_warm(seed: int, device_name: str) -> dict[str, float]:
    """Train twice in this process; return the second result and the first time."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "w.pth"
        flags = ["--recipe", "fast", "--seed", str(seed), "--device", device_name, "--out", str(out)]
        for _ in range(2):
            train.main(parse(train.TrainConfig, flags))
            results.append(files.load_metadata(out))
    first, second = results
    return {name: second[name] for name in ("train_seconds", "test_accuracy")} | {
        "first_seconds": first["train_seconds"]
    }


def measure_rows(rows: list[str], folder: str, where: torch.device) -> dict[str, list[dict]]:
    """Run each row for all its seeds, and the baseline before the rows that are compared with it."""
    runs: dict[str, list[dict]] = {"baseline": []}
    for row in rows:
        if row in ("fast", "default", "best"):
            seed = str(len(runs["baseline"]))
            result = run_script("-m", "bench.tutorial_training", "--seed", seed, "--device", where.type)
            runs["baseline"].append(result)
            print("baseline: {test_accuracy:.2f} % in {train_seconds:.1f} s".format(**result), flush=True)
        if row == "best":
            train_teachers(where.type)
        runs[row] = []
        for seed in range(ROWS[row][1]):
            runs[row].append(train_row(row, seed, f"{folder}/{row}-{seed}.pth", where.type))
            line = f"{row} {seed}: {{test_accuracy:.2f}} % in {{train_seconds:.1f}} s"
            print(line.format(**runs[row][-1]), flush=True)
    return runs


def print_table(runs: dict[str, list[dict]]) -> dict[str, dict]:
    """Print mean and spread of each row; return them."""
    table: dict[str, dict[str, Any]] = {
        row: {key: summarize([run[key] for run in results]) for key in ("test_accuracy", "train_seconds")}
        for row, results in runs.items()
        if results
    }
    print(TABLE_ROW.format("recipe", "test accuracy, %", "time, s", "baseline/", "n"))
    for row, figures in table.items():
        accuracy, seconds = figures["test_accuracy"], figures["train_seconds"]
        baseline = table.get("baseline", {}).get("train_seconds")
        figures["speedup"] = round(baseline["mean"] / seconds["mean"], 2) if baseline else None
        texts = ("{mean:.2f} ± {std:.2f}".format(**value) for value in (accuracy, seconds))
        print(TABLE_ROW.format(row, *texts, str(figures["speedup"]), str(accuracy["n"])))
    return table


def main(args: argparse.Namespace) -> None:
    where = device.select(args.device)
    if args.warm:
        print(json.dumps(measure_warm(args.seed, where.type)))
        return
    print_environment(where)
    with contextlib.nullcontext(args.keep) if args.keep else tempfile.TemporaryDirectory() as folder:
        table = print_table(measure_rows(args.rows, folder, where))
    if "best" in table:
        table["best"]["teacher_seconds"] = round(teacher_seconds())
        print(f"the teachers of best, once: {table['best']['teacher_seconds'] / 60:.0f} minutes")
    print_json("training", {"device": where.type, "rows": table}, where)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train several times; report accuracy and time.")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="default: all")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the weights and their metadata there")
    parser.add_argument("--device", choices=get_args(device.DeviceName), default="auto", help="default: %(default)s")
    parser.add_argument("--warm", action="store_true", help="train twice in one process, report the second time")
    parser.add_argument("--seed", type=int, default=0, help="of --warm (default: %(default)s)")
    try:
        main(parser.parse_args())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the script has printed the reason
