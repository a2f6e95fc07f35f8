"""`test.py`, run as a program: it cannot be imported, as its name is the standard library's."""

import csv
import dataclasses
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import model
from bench.sample_images import draw_number, encode_image, to_image
from digits.recognition.geometry import IDENTITY, Box
from digits.recognition.results import Mark, Reading, Trace
from tests.helpers import python_process
from tests.helpers.readings import make_reading

pytestmark = pytest.mark.slow
PROGRAM = runpy.run_path("test.py")  # for what no sample picture shows


def run(*argv, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    return python_process.run(Path("test.py").resolve(), "--device", "cpu", *argv, cwd=cwd, **environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with readable and damaged pictures, and files that are not pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    shutil.copy("input/test-3.png", folder / "sheet-3.png")
    shutil.copy("input/test-5.png", folder / "wrong-4.png")
    shutil.copy("input/test-6.png", folder / "no name.PNG")
    (folder / "truncated.png").write_bytes((folder / "sheet-3.png").read_bytes()[:1000])
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.gif").touch()
    (folder / "notes.txt").write_text("not meant")
    (folder / "nothing").mkdir()
    return folder


@pytest.mark.parametrize("elsewhere", [False, True], ids=["from the clone", "from another folder"])
def test_without_a_path_it_reads_the_ten_samples(tmp_path, elsewhere):
    result = run(cwd=tmp_path if elsewhere else None)
    assert result.returncode == 0
    assert result.stdout.count("✓") == 10
    assert result.stdout.splitlines()[-1] == "10 of 10 match their file names"
    assert result.stderr == ""


def test_unreadable_pictures_are_reported_and_the_others_still_read(folder):
    result = run(folder, folder / "none.png", folder / "nothing", str(folder / "*.tiff"))
    assert result.returncode == 1
    assert result.stdout.count("✓") == 1
    assert "wrong-4.png  5" in result.stdout
    assert "✗ expected 4" in result.stdout
    assert "no name.PNG  6" in result.stdout
    errors = result.stderr.splitlines()
    assert [line for line in errors if "truncated.png is damaged" in line]
    assert [line for line in errors if "text.jpg is not a PNG" in line]
    assert [line for line in errors if "empty.gif is empty" in line]
    assert [line for line in errors if "none.png does not exist" in line]
    assert [line for line in errors if "nothing is a folder with no pictures" in line]
    assert [line for line in errors if "*.tiff does not exist" in line]
    assert len(errors) == 6


def test_json_prints_one_object_per_line_with_a_reading_or_an_error(folder):
    result = run("--json", folder)
    lines = {Path(line["path"]).name: line for line in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 1
    assert lines["sheet-3.png"]["text"] == "3"
    assert len(lines["sheet-3.png"]["digits"][0]["probabilities"]) == 10
    assert lines["truncated.png"]["error"]["code"] == "damaged"
    assert set(lines) == {"sheet-3.png", "wrong-4.png", "no name.PNG", "truncated.png", "text.jpg", "empty.gif"}


def test_csv_prints_a_header_and_one_row_per_picture(folder):
    result = run("--csv", folder / "*.png")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["text"] for row in rows] == ["3", "", "5"]
    assert [row["expected"] for row in rows] == ["3", "", "4"]
    assert [(row["lines"], row["marks"]) for row in rows] == [("3", "0"), ("", ""), ("5", "0")]
    assert "damaged" in rows[1]["error"]


@pytest.fixture
def outcome_with_marks():
    """The outcome of a picture with two lines, of which one has a number with a point and an unknown sign behind it."""
    marks = (Mark(".", Box(4, 8, 5, 9), True), Mark(None, Box(20, 0, 29, 9), False))
    first = dataclasses.replace(make_reading((3, 0.9), (1, 1.0)).lines[0], marks=marks)
    reading = Reading((first, make_reading((4, 1.0)).lines[0]))
    return PROGRAM["Outcome"]("page.png", None, None, trace=Trace(reading, None, IDENTITY))


def test_lines_are_separated_and_what_was_left_out_is_told(outcome_with_marks, capsys):
    PROGRAM["print_line"](outcome_with_marks)
    assert capsys.readouterr().out == 'page.png  31 / 4   90.00%  uncertain  without "." "?"\n'


def test_csv_has_the_lines_and_the_number_of_marks_in_the_last_columns(outcome_with_marks, capsys):
    PROGRAM["write_csv_row"](*PROGRAM["CSV_HEADER"])
    PROGRAM["print_csv"](outcome_with_marks)
    header, row = csv.reader(capsys.readouterr().out.splitlines())
    assert header[:6] == ["path", "text", "probability", "certain", "expected", "error"]  # their places are kept
    assert dict(zip(header[6:], row[6:], strict=True)) == {"lines": "31 4", "marks": "2"}
    assert row[1:4] == ["314", "0.9", "False"]


def test_json_has_the_lines_and_marks_of_the_api(outcome_with_marks, capsys):
    PROGRAM["print_json"](outcome_with_marks)
    answer = json.loads(capsys.readouterr().out)
    assert [line["text"] for line in answer["lines"]] == ["31", "4"]
    assert [mark["mark"] for mark in answer["marks"]] == [".", None]


def test_columns_of_a_table_are_read_by_rows(tmp_path):
    numbers = ("1", "2", "3"), ("4", "5", "6")
    table = np.zeros((420, 700), np.float32)
    for row, texts in enumerate(numbers):
        for column, text in enumerate(texts):
            cell = draw_number(text, height=100, stroke_width=8)
            top, left = 40 + 200 * row, 30 + 220 * column
            table[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    (tmp_path / "table.png").write_bytes(encode_image(to_image(table)))
    result = run("--json", tmp_path / "table.png")
    assert [line["text"] for line in json.loads(result.stdout)["lines"]] == ["123", "456"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--weights", "none.pth"], "Train weights with"),
        (["--line-weights", "none.pth"], "none.pth does not exist"),
        (["--line-weights", "mnist.pth"], "has no line reader"),
        (["--weights", "README.md"], "README.md"),
        (["--json", "--csv"], "not allowed with"),
        ([""], "a PATH is empty"),
        (["HTTPS://example.org/7.png"], "is an address: download the picture first"),
        (["--mnist", "input"], "neither PATHs nor --csv"),
        (["--mnist", "--csv"], "neither PATHs nor --csv"),
        (["--mnist", "--explain", "drawings"], "it does not go with --mnist"),
        (["--report", "report.html"], "give it with --mnist"),
        (["--device", "mps" if torch.cuda.is_available() else "cuda"], "--device auto"),
        (["--device", "abacus"], "'cpu'"),
        (["--no-such-flag"], "unrecognized"),
    ],
)
def test_wrong_usage_exits_with_2_and_one_sentence(flags, message):
    result = run(*flags)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_environment_sets_defaults_of_flags():
    result = run(DIGITS_WEIGHTS="none.pth")
    assert (result.returncode, result.stdout) == (2, "")
    assert "none.pth does not exist" in result.stderr


def test_names_that_no_file_can_have_and_output_without_unicode_do_not_stop_the_program():
    """A new interpreter, as its standard input is read, too."""
    command = [sys.executable, "test.py", "--device", "cpu", "a" * 300, "-", "input/test-3.png"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    seven = Path("input/test-7.png").read_bytes()
    result = subprocess.run(command, check=False, capture_output=True, input=seven, env=environment)
    assert result.returncode == 1
    assert b"cannot be read" in result.stderr
    assert b"\n-  7  " in b"\n" + result.stdout
    assert b"test-3.png  3" in result.stdout
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["数字-3.png", "one,two-3.png", "[3]-3.png", 'a"b\\c-3.png'])
def test_any_file_name_is_taken_as_it_is(tmp_path, name):
    shutil.copy("input/test-3.png", tmp_path / name)
    result = run("--json", tmp_path / name)
    assert result.returncode == 0
    assert json.loads(result.stdout)["path"] == str(tmp_path / name)


def test_mnist_prints_the_accuracy_in_all_and_per_digit_and_writes_the_report(real_mnist, tmp_path):
    path = tmp_path / "report.html"
    result = run("--mnist", "--report", path)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert "% of 10,000 (95 % confidence: " in lines[0]
    assert [line.split()[0] for line in lines[1:]] == list("0123456789")
    assert f"{path} is written" in result.stderr
    assert lines[0].partition(" of")[0] in path.read_text()


def test_unwritable_report_is_reported_before_the_work(tmp_path):
    result = run("--mnist", "--report", tmp_path / "none" / "report.html")
    assert result.returncode == 1
    assert "--report" in result.stderr
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_weights_of_simpler_networks_can_be_used(tmp_path, name):
    model.save(model.NETWORKS[name](), tmp_path / "w.pth")
    result = run("--weights", tmp_path / "w.pth", "input/test-3.png")
    assert result.returncode == 0
    assert "test-3.png" in result.stdout


def test_explain_draws_how_each_picture_was_read_and_keeps_the_pictures(folder, tmp_path):
    for name in ("sheet-3.png", "truncated.png"):
        shutil.copy(folder / name, tmp_path)
    Image.new("L", (40, 40), 255).save(tmp_path / "blank.png")
    before = (tmp_path / "sheet-3.png").read_bytes()
    result = run("--explain", tmp_path, tmp_path)
    assert result.returncode == 1
    assert sorted(p.name for p in tmp_path.glob("*.read.png")) == ["blank.read.png", "sheet-3.read.png"]
    assert (tmp_path / "sheet-3.png").read_bytes() == before
    again = run("--explain", tmp_path / "two", "input/test-3.png", "input/../input/test-3.png")
    assert again.returncode == 0
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["test-3-2.read.png", "test-3.read.png"]


def test_folder_that_cannot_be_created_is_reported_before_reading(tmp_path):
    (tmp_path / "file").touch()
    result = run("--explain", tmp_path / "file", "input")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--explain" in result.stderr
    assert "name a folder" in result.stderr
