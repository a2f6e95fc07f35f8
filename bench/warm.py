"""The `fast` recipe in a process that has trained before: what only a first training pays for is gone.

On a GPU the first waits for libraries that are loaded and kernels that are chosen. Both times are in the JSON
object that the output ends with.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import get_args

import train
from digits import device


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out, records = Path(folder) / "w.pth", []
        for _ in range(2):
            train.main(train.parse_args([*words, "--recipe", "fast", "--out", str(out)]))
            records.append(json.loads(out.with_suffix(".json").read_text()))
    first, again = records
    result = {name: again[name] for name in ("train_seconds", "test_accuracy")}
    print(json.dumps(result | {"first_seconds": first["train_seconds"]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train twice in one process; report the second time.")
    parser.add_argument("--seed", default="0", help="default: %(default)s")
    parser.add_argument("--device", choices=get_args(device.DeviceName), default="auto", help="default: %(default)s")
    args = parser.parse_args()
    main(["--seed", args.seed, "--device", args.device])
