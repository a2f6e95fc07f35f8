"""How accurate training is and how long it takes, next to the loop of most tutorials, in the same run.

Every row is `python train.py --recipe …` for several seeds, as a user runs it; `bench/baseline_train.py` is the
loop that others have. Times count from the files on disk to the weights, imports aside, with decoding,
augmentation and validation; machines are shared and noisy, so references stand between the others and the
ratio is what counts. What teachers cost, once for all seeds of `best`, stands apart. The last line is one JSON
object. Run it on an idle machine: it takes an hour, the first time two; `--rows fast default` takes minutes.
"""

import argparse
import contextlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import get_args

import torch

from digits import device

ROOT = Path(__file__).parents[1]
LESSONS = ROOT / "data" / "lessons.pth"  # kept, as teachers are trained once
ROWS = {  # how to train each, and for how many seeds
    "fast": (["--recipe", "fast"], 5),
    "warm": ([], 5),  # fast once more in the same process
    "default": ([], 3),
    "softmax": (["--model", "softmax"], 3),
    "mlp": (["--model", "mlp"], 3),
    "synthetic": (["--synthetic", "5000"], 3),
    "best": (["--recipe", "best", "--lessons", str(LESSONS)], 3),
}
COLUMNS = "{:10s} {:>16s} {:>16s} {:>10s} {:>3s}"


def result_of(*command: str) -> dict:
    """The JSON object that a script of ours ends its output with."""
    finished = subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def summary(values: list[float]) -> dict[str, float]:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.mean(values), 5), "std": round(spread, 5), "n": len(values)}


def trained(row: str, seed: int, weights: str, on: tuple[str, str]) -> dict:
    """One run of `row`; synthetic digits alone are scored on the real test images."""
    flags, _ = ROWS[row]
    if row == "warm":
        return result_of("-m", "bench.warm", "--seed", str(seed), *on)
    result = result_of("train.py", "--json", "--seed", str(seed), "--out", weights, *flags, *on)
    if row == "synthetic":
        result["test_accuracy"] = result_of("test.py", "--mnist", "--json", "--weights", weights)["test_accuracy"]
    return result


def cost_of_lessons() -> float:
    """Seconds that teachers took to train and to be asked."""
    known = torch.load(LESSONS, weights_only=True)
    return sum(teacher["train_seconds"] for teacher in known["teachers"]) + known["seconds"]


def main(args: argparse.Namespace) -> None:
    where = device.select(args.device)
    on = ("--device", args.device)
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    print(f"{device.describe(where)}; Python {versions['python']}, torch {versions['torch']}", flush=True)
    runs: dict[str, list[dict]] = {"reference": []}
    with contextlib.nullcontext(args.keep) if args.keep else tempfile.TemporaryDirectory() as folder:
        for row in args.rows:
            seed = str(len(runs["reference"]))
            if row in ("fast", "default", "best"):
                runs["reference"].append(
                    result_of("-m", "bench.baseline_train", "--seed", seed, "--device", where.type)
                )
                print("reference: {test_accuracy:.2f} % in {train_seconds:.1f} s".format(**runs["reference"][-1]))
            runs[row] = []
            for seed in range(ROWS[row][1]):
                runs[row].append(trained(row, seed, f"{folder}/{row}-{seed}.pth", on))
                print(
                    f"{row} {seed}: {{test_accuracy:.2f}} % in {{train_seconds:.1f}} s".format(**runs[row][-1]),
                    flush=True,
                )
    table = {
        row: {key: summary([run[key] for run in done]) for key in ("test_accuracy", "train_seconds")}
        for row, done in runs.items()
        if done
    }
    print(COLUMNS.format("recipe", "test accuracy, %", "time, s", "reference/", "n"))
    for row, figures in table.items():
        accuracy, seconds = figures["test_accuracy"], figures["train_seconds"]
        figures["speedup"] = (
            round(table["reference"]["train_seconds"]["mean"] / seconds["mean"], 2) if runs["reference"] else None
        )
        texts = ("{mean:.2f} ± {std:.2f}".format(**value) for value in (accuracy, seconds))
        print(COLUMNS.format(row, *texts, str(figures["speedup"]), str(accuracy["n"])))
    if "best" in runs:
        table["best"]["lessons_seconds"] = round(cost_of_lessons())
        print(f"the teachers of best, once: {table['best']['lessons_seconds'] / 60:.0f} minutes")
    print(
        json.dumps({"bench": "training", "device": where.type, "hardware": device.describe(where), **versions, **table})
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train several times; report accuracy and time.")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="default: all")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the weights and their records there")
    parser.add_argument("--device", choices=get_args(device.DeviceName), default="auto", help="default: %(default)s")
    try:
        main(parser.parse_args())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the script has said why
