"""Read digits from pictures, or score the 10,000 MNIST test images: `python test.py --help`."""

import argparse
import csv
import glob
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

import model
from digits import UserError, device, files, metrics
from digits.data import mnist
from digits.explain import figures, report
from digits.recognition import decoding
from digits.recognition.reader import Reader
from digits.recognition.results import Reading, Trace
from digits.training import flags


def main(args: argparse.Namespace) -> int:
    """0: everything was read; 1: something could not be; 2: weights, device or a folder are not there."""
    try:
        if args.explain:
            files.make_folder(args.explain, "--explain")
        where = device.select(args.device)
        network = model.load(args.weights, where)
    except UserError as error:
        print(f"test.py: {error}", file=sys.stderr)
        return 2
    if args.mnist:
        return score(network, args, where)
    reader, show = Reader(network, where), FORMATTERS[args.format]
    drawn: set[Path] = set()
    failed = right = known = 0
    if args.format == "csv":
        write_csv("path", "text", "probability", "certain", "expected", "error")
    for path in find_pictures(args.paths):
        label, trace, reading, problem = expected_text(path), None, None, None
        try:
            image = decoding.decode(path)
            trace = reader.trace(image)
            if trace.reading.error:
                raise trace.reading.error
            reading = trace.reading
        except UserError as error:
            failed, problem = failed + 1, error
        if args.explain and trace:
            try:
                draw_explanation(args.explain, path, image, trace, drawn)
            except UserError as error:
                failed += 1
                print(f"{path}: --explain: {error}", file=sys.stderr)
        known += label is not None
        right += reading is not None and reading.text == label
        show(path, reading, problem, label)
    if known and args.format == "lines":
        print(f"{right} of {known} read as their names say")
    return 1 if failed else 0


def find_pictures(paths: list[str]) -> Iterator[Path]:
    """The pictures that `paths` mean: files, the pictures in folders, what fits globs.

    A folder or glob in which there is none comes back itself, so that reading it says so.
    """
    for path in paths:
        try:
            if Path(path).is_dir():
                inside = sorted(p for p in Path(path).iterdir() if p.suffix.lower() in decoding.SUFFIXES)
            elif Path(path).exists():
                inside = [Path(path)]
            else:
                inside = sorted(map(Path, glob.glob(path, recursive=True)))  # where the shell did not
        except OSError:  # no right to look, or a name that no file can have
            inside = []
        yield from inside or [Path(path)]


def expected_text(path: Path) -> str | None:
    """What a name that ends in -N says is written in it: "7" for test-7.png."""
    ending = re.search(r"-(\d+)$", path.stem)
    return ending and ending[1]


def draw_explanation(folder: Path, path: Path, image: Image.Image, trace: Trace, drawn: set[Path]):
    """Draw how the picture at `path` was read into `folder`, and remember in `drawn` which names are taken."""
    number, place = 1, folder / f"{path.stem}.read.png"  # the picture itself may lie there
    while place in drawn:  # of pictures in several folders, say
        number, place = number + 1, folder / f"{path.stem}-{number + 1}.read.png"
    drawn.add(place)
    with files.atomic_write(place) as file:
        file.write(figures.draw_stages(image, trace))


def show_line(path: Path, reading: Reading | None, problem: UserError | None, label: str | None) -> None:
    if problem:
        print(problem if str(path) in str(problem) else f"{path}: {problem}", file=sys.stderr)
        return
    verdict = "" if label is None else "  ✓" if reading.text == label else f"  ✗ its name says {label}"
    doubt = "" if reading.certain else "  uncertain"
    print(f"{path}  {reading.text}  {reading.probability:7.2%}{doubt}{verdict}", flush=True)


def show_json(path: Path, reading: Reading | None, problem: UserError | None, label: str | None) -> None:
    outcome = {"error": {"code": problem.code, "message": str(problem)}} if problem else reading.to_dict()
    print(json.dumps({"path": str(path)} | outcome), flush=True)


def show_csv(path: Path, reading: Reading | None, problem: UserError | None, label: str | None) -> None:
    read = ["", "", ""] if problem else [reading.text, round(reading.probability, 6), reading.certain]
    write_csv(path, *read, label or "", problem or "")


def write_csv(*row) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerow(row)


FORMATTERS = {"lines": show_line, "json": show_json, "csv": show_csv}


def score(network: model.CNN, args: argparse.Namespace, where) -> int:
    """Say how many of the 10,000 test images are read right, in all and of each digit; with --report draw it."""
    try:
        if args.report:
            files.check_writable(args.report, "--report", ("", ".html", ".htm"))
        images = mnist.load("test", args.data_dir, args.mirror).to(where)
        if args.report:
            report.write_report(args.report, network, Path(args.weights), images)
            print(f"{args.report} is written: open it in a browser", file=sys.stderr)
    except UserError as error:
        print(f"test.py: {error}", file=sys.stderr)
        return 1
    counts = metrics.per_class_counts(network, images)
    right = sum(r for r, _ in counts)
    low, high = metrics.wilson_interval(right, len(images))
    if args.format == "json":
        print(json.dumps({"test_accuracy": 100 * right / len(images), "interval": [low, high], "right": counts}))
        return 0
    print(f"{100 * right / len(images):.2f} % of {len(images):,} (95 % confidence: {low:.2f} to {high:.2f} %)")
    for digit, (r, n) in enumerate(counts):
        print(f"  {digit}  {100 * r / n:6.2f} %  {n - r:3d} of {n:,} misread")
    return 0


def parse_args(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read digits from pictures, or score the MNIST test images.")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, folders or globs; default: input")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="format", action="store_const", const="json", help="one JSON object a line")
    form.add_argument("--csv", dest="format", action="store_const", const="csv", help="comma-separated, with a heading")
    parser.add_argument("--weights", default="mnist.pth", help="a state_dict of the network (default: %(default)s)")
    parser.add_argument("--explain", type=Path, metavar="FOLDER", help="draw there how each picture was read")
    parser.add_argument("--mnist", action="store_true", help="score the 10,000 test images instead")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="with --mnist: write plots and misread digits as HTML"
    )
    flags.add_places(parser)
    parser.set_defaults(format="lines")
    args = parser.parse_args(words)
    if args.mnist and (args.paths or args.format == "csv"):
        parser.error("--mnist scores the test images: it goes with neither PATHs nor --csv")
    if args.report and not args.mnist:
        parser.error("--report draws how the test images are read: give it with --mnist")
    if args.explain and args.mnist:
        parser.error("--explain draws how pictures are read: it does not go with --mnist")
    if "" in args.paths:  # Path("") would be the current folder
        parser.error("a PATH is empty: name a file, a folder or a glob")
    args.paths = args.paths or ["input"]
    return args


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal or pipe that has no ✓ gets a ?
    try:
        sys.exit(main(parse_args()))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read the output has had enough: `test.py … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
