"""Read digits from pictures, or score the 10,000 MNIST test images: `python test.py --help`."""

import csv
import gc
import importlib
import io
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg, CliToggleFlag

import model
from digits import UserError, device, files, metrics
from digits.config import CommonSettings, parse, program_name
from digits.data import mnist
from digits.errors import missing_package
from digits.probabilities import predict_logits
from digits.recognition import image_decoding, picture_files
from digits.recognition.line_symbols import OTHER
from digits.recognition.pages import trace_page
from digits.recognition.reader import Reader
from digits.recognition.results import Reading, Trace
from digits.serving.schemas import ErrorResponse, ReadingResponse

# The last two are newer than the others, whose places stay. Marks are counted: a spreadsheet would take a "-" or "+"
# for the beginning of a formula.
CSV_HEADER = ("path", "text", "probability", "certain", "expected", "error", "lines", "marks")


class ReadConfig(CommonSettings):
    """Read digits from pictures, or score the MNIST test images."""

    paths: CliPositionalArg[list[str]] = Field(
        ["input"], description="files, folders or globs; - reads the standard input"
    )
    csv: CliToggleFlag[bool] = Field(False, description="comma-separated values with a header")
    weights: Path = Field(Path("mnist.pth"), description="a state_dict of the network")
    line_weights: Path = Field(Path("line.pth"), description="a state_dict of the line reader")
    explain: Path | None = Field(None, description="folder for drawings of how each picture was read")
    mnist: CliToggleFlag[bool] = Field(False, description="score the 10,000 MNIST test images instead")
    report: Path | None = Field(None, description="with --mnist: HTML file for plots and misread digits")

    @model_validator(mode="after")
    def check_combination(self) -> "ReadConfig":
        """Reject flags that contradict each other.

        Raises: ValueError: when they do, with a sentence for the user.
        """
        url = next((path for path in self.paths if re.match("[a-z]+://", path, re.IGNORECASE)), None)
        problems = {
            "--csv: not allowed with --json": self.csv and self.json_output,
            "--mnist scores the test images: it goes with neither PATHs nor --csv": (
                self.mnist and ("paths" in self.model_fields_set or self.csv)
            ),
            "--report draws how the test images are read: give it with --mnist": self.report and not self.mnist,
            "--explain draws how pictures are read: it does not go with --mnist": self.explain and self.mnist,
            # Path("") would be the current folder.
            "a PATH is empty: name a file, a folder or a glob": "" in self.paths,
            f"{url} is an address: download the picture first, for example with curl -LO {shlex.quote(str(url))}": url
            is not None,
        }
        for problem, applies in problems.items():
            if applies:
                raise ValueError(problem)
        return self


@dataclass(frozen=True)
class Outcome:
    """What became of one page of a picture file.

    name: the path; of a file with several pages with the number of the page, as in scan.tif[2].
    expected: the digits that the name of the file ends in, "7" for test-7.png, or None.
    error: why there is no digit, or None.
    image, trace: the decoded picture and how it was read; None if it could not be decoded.
    """

    name: str
    expected: str | None
    error: UserError | None
    image: Image.Image | None = None
    trace: Trace | None = None

    @property
    def reading(self) -> Reading | None:
        return self.trace.reading if self.trace and not self.error else None

    @property
    def is_correct(self) -> bool:
        return self.reading is not None and self.reading.text == self.expected


def main(config: ReadConfig) -> int:
    """Run the program.

    Returns: the exit code, 0 if everything was read, 1 if something could not be read, 2 if the weights, the device
    or a folder cannot be used.
    """
    try:
        if config.explain or config.report:
            check_plots()
        if config.explain:
            files.make_folder(config.explain, "--explain")
        torch_device = device.select(config.device)
        weights = files.find_shipped(config.weights)
        network = model.load(weights, torch_device)
        line_network = None if config.mnist else model.load_line_reader(config.line_weights, torch_device)
    except UserError as error:
        print(f"{program_name()}: {error}", file=sys.stderr)
        return 2
    if config.mnist:
        return score_test_images(config, network, weights, torch_device)
    return read_pictures(config, Reader(network, torch_device, line_network))


def check_plots() -> None:
    """Check before long work that plots can be drawn.

    Raises: UserError: when a package of the extra `report` is not installed.
    """
    try:
        importlib.import_module("digits.explain.report")
    except ModuleNotFoundError as error:
        raise missing_package(error) or error from None


def read_pictures(config: ReadConfig, reader: Reader) -> int:
    """Read and print each picture; with --explain also draw how it was read. Returns: the exit code."""
    print_outcome = print_json if config.json_output else print_csv if config.csv else print_line
    paths = config.paths if "paths" in config.model_fields_set else [str(files.find_shipped(Path("input")))]
    if config.csv:
        write_csv_row(*CSV_HEADER)
    labeled = correct = failed = 0
    drawings: set[Path] = set()
    for path in picture_files.find(paths):
        has_reading = False
        for outcome in read_file(reader, path):
            labeled += outcome.expected is not None
            correct += outcome.is_correct
            has_reading |= outcome.reading is not None
            failed += outcome.error is not None and outcome.error.code != "blank"
            if config.explain and outcome.image and outcome.trace:
                reading = outcome.trace.reading
                page = f"-page{reading.page}" if reading.pages > 1 else ""
                drawing = unused_path(config.explain / f"{path.stem}{page}.read.png", drawings)
                drawings.add(drawing)
                failed += not draw_explanation(drawing, outcome.name, outcome.image, outcome.trace)
            print_outcome(outcome)
        failed += not has_reading  # a blank page of a file is no failure if another one was read
    if labeled and print_outcome is print_line:
        print(f"{correct} of {labeled} match their file names")
    return 1 if failed else 0


def read_file(reader: Reader, path: Path) -> Iterator[Outcome]:
    """Decode and read each page of the picture file at `path`."""
    ending = re.search(r"-(\d+)$", path.stem)
    expected = ending and ending[1]
    try:
        file = image_decoding.open_file(picture_files.read_stdin() if path == picture_files.STDIN else path)
    except UserError as error:
        yield Outcome(str(path), expected, error)
        return
    has_pages = file.page_count > 1  # then the name of the file does not say what is on each
    for page in range(1, file.page_count + 1):
        name, label = (f"{path}[{page}]", None) if has_pages else (str(path), expected)
        try:
            image, trace = trace_page(reader, file, page)
            yield Outcome(name, label, trace.reading.error, image, trace)
        except UserError as error:
            yield Outcome(name, label, error)


def unused_path(path: Path, used: set[Path]) -> Path:
    """Add a number to `path` if it is in `used`: pictures in several folders may have the same name."""
    numbered, number = path, 1
    while numbered in used:
        number += 1
        stem, suffix = path.name.split(".", 1)
        numbered = path.with_name(f"{stem}-{number}.{suffix}")
    return numbered


def draw_explanation(path: Path, name: str, image: Image.Image, trace: Trace) -> bool:
    """Draw to `path` how the `image` called `name` was read. Returns: whether it could be drawn."""
    # Imported here: Matplotlib takes 0.3 s or more, and only --explain and --report need it.
    from digits.explain import figures  # noqa: PLC0415

    try:
        with files.atomic_write(path) as file:
            file.write(figures.draw_stages(image, trace))
        return True
    except UserError as error:
        print(f"{name}: --explain: {error}", file=sys.stderr)
        return False


def print_line(outcome: Outcome) -> None:
    reading = outcome.reading
    if not reading:
        message = str(outcome.error)
        print(message if message.startswith(outcome.name) else f"{outcome.name}: {message}", file=sys.stderr)
        return
    verdict = f"  ✗ expected {outcome.expected}" if outcome.expected else ""
    verdict = "  ✓" if outcome.is_correct else verdict
    doubt = "" if reading.certain else "  uncertain"
    lines = " / ".join(line.text for line in reading.lines)
    print(f"{outcome.name}  {lines}  {reading.probability:7.2%}{doubt}{describe_marks(reading)}{verdict}", flush=True)


def describe_marks(reading: Reading) -> str:
    """List what was left out of the text, in quotes: marks as they are, other characters as "?"."""
    marks = " ".join(f'"{mark.symbol or OTHER}"' for mark in reading.marks)
    return f"  without {marks}" if marks else ""


def print_json(outcome: Outcome) -> None:
    error, reading = outcome.error, outcome.reading
    answer = ErrorResponse.from_user_error(error) if error else ReadingResponse.model_validate(reading)
    print(json.dumps({"path": outcome.name} | answer.model_dump()), flush=True)


def print_csv(outcome: Outcome) -> None:
    reading = outcome.reading
    values = [reading.text, round(reading.probability, 6), reading.certain] if reading else ["", "", ""]
    contents = [" ".join(line.text for line in reading.lines), len(reading.marks)] if reading else ["", ""]
    write_csv_row(outcome.name, *values, outcome.expected or "", outcome.error or "", *contents)


def write_csv_row(*values: object) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerow(values)


def score_test_images(config: ReadConfig, network: torch.nn.Module, weights: Path, torch_device: torch.device) -> int:
    """Print the accuracy on the test images, in all and per digit; with --report also write the report.

    Returns: the exit code, 1 if MNIST cannot be loaded or the report cannot be written.
    """
    try:
        if config.report:
            files.check_writable(config.report, "--report", ("", ".html", ".htm"))
        images = mnist.load("test", config.data_dir, config.mirror).to(torch_device)
        if config.report:
            from digits.explain import report  # noqa: PLC0415 # as in draw_explanation

            report.write_report(config.report, network, weights, images)
            print(f"{config.report} is written: open it in a browser", file=sys.stderr)
    except UserError as error:
        print(f"{program_name()}: {error}", file=sys.stderr)
        return 1
    predictions = predict_logits(network, images.images).argmax(1)
    counts = metrics.per_class_counts(predictions, images.labels)
    total_correct = sum(correct for correct, _ in counts)
    low, high = metrics.wilson_interval(total_correct, len(images))
    accuracy = metrics.percent_correct(predictions, images.labels)
    if config.json_output:
        print(json.dumps({"test_accuracy": accuracy, "interval": [low, high], "right": counts}))
        return 0
    print(f"{accuracy:.2f} % of {len(images):,} (95 % confidence: {low:.2f} to {high:.2f} %)")
    for digit, (correct, total) in enumerate(counts):
        print(f"  {digit}  {100 * correct / total:6.2f} %  {total - correct:3d} of {total:,} misread")
    return 0


def run() -> None:
    """Run the program with the settings of its command line: `python test.py` and digits-read."""
    gc.freeze()  # garbage collection at the exit skips what was imported, PyTorch above all: saves up to a second
    if isinstance(sys.stdout, io.TextIOWrapper):  # not in a notebook
        sys.stdout.reconfigure(errors="replace")  # a terminal or pipe whose encoding lacks ✓ gets a ?
    try:
        sys.exit(main(parse(ReadConfig)))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of the output stopped early: `test.py … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    run()
