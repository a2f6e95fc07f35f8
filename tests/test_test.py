"""`test.py`, run as a program: nothing can import it, its name is the standard library's."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image

import model


def read(*words, **environment: str) -> subprocess.CompletedProcess:
    script = [sys.executable, "test.py", "--device", "cpu"]
    return subprocess.run(
        [*script, *map(str, words)], check=False, capture_output=True, text=True, env=os.environ | environment
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with good, broken and blank pictures, and files that are none."""
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


def test_without_a_path_it_reads_the_ten_samples_ten_times_right():
    result = read()
    assert result.returncode == 0
    assert result.stdout.count("✓") == 10
    assert result.stdout.splitlines()[-1] == "10 of 10 read as their names say"
    assert result.stderr == ""


def test_what_cannot_be_read_is_said_and_the_others_still_are(place):
    result = read(place, place / "none.png", place / "nothing", str(place / "*.tiff"))
    assert result.returncode == 1
    assert result.stdout.count("✓") == 1
    assert "wrong-4.png  5" in result.stdout
    assert "✗ its name says 4" in result.stdout
    assert "no name.PNG  6" in result.stdout
    errors = result.stderr.splitlines()
    assert [line for line in errors if "truncated.png is damaged" in line]
    assert [line for line in errors if "text.jpg is not a PNG" in line]
    assert [line for line in errors if "empty.gif is empty" in line]
    assert [line for line in errors if "none.png does not exist" in line]
    assert [line for line in errors if "nothing is a folder with no pictures" in line]
    assert [line for line in errors if "*.tiff does not exist" in line]
    assert len(errors) == 6


def test_json_is_one_object_a_line_with_a_reading_or_an_error(place):
    result = read("--json", place)
    lines = {os.path.basename(line["path"]): line for line in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 1
    assert lines["sheet-3.png"]["text"] == "3"
    assert len(lines["sheet-3.png"]["digits"][0]["probabilities"]) == 10
    assert lines["truncated.png"]["error"]["code"] == "damaged"
    assert set(lines) == {"sheet-3.png", "wrong-4.png", "no name.PNG", "truncated.png", "text.jpg", "empty.gif"}


def test_csv_has_a_heading_and_a_row_a_picture(place):
    result = read("--csv", place / "*.png")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["text"] for row in rows] == ["3", "", "5"]
    assert [row["expected"] for row in rows] == ["3", "", "4"]
    assert "damaged" in rows[1]["error"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--weights", "none.pth"], "train it with"),
        (["--weights", "README.md"], "README.md"),
        (["--json", "--csv"], "not allowed with"),
        ([""], "a PATH is empty"),
        (["--mnist", "input"], "neither PATHs nor --csv"),
        (["--device", "mps" if torch.cuda.is_available() else "cuda"], "--device auto"),
        (["--no-such-flag"], "unrecognized"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_one_sentence(flags, words):
    result = read(*flags)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_an_impossible_name_and_a_pipe_without_check_marks_are_no_reason_to_stop():
    result = read("a" * 300, "input/test-3.png", PYTHONIOENCODING="latin-1")
    assert result.returncode == 1
    assert "cannot be read" in result.stderr
    assert "test-3.png  3" in result.stdout
    assert "Traceback" not in result.stderr


def test_the_test_images_are_scored_in_all_and_by_digit(real_mnist):
    lines = read("--mnist").stdout.splitlines()
    assert "% of 10,000 (95 % confidence: " in lines[0]
    assert [line.split()[0] for line in lines[1:]] == list("0123456789")


def test_a_report_is_written_and_an_unwritable_one_known_before_the_work(real_mnist, tmp_path):
    path = tmp_path / "report.html"
    result = read("--mnist", "--report", path)
    assert result.returncode == 0
    assert f"{path} is written" in result.stderr
    assert result.stdout.splitlines()[0].partition(" of")[0] in path.read_text()
    result = read("--mnist", "--report", tmp_path / "none" / "report.html")
    assert result.returncode == 1
    assert "--report" in result.stderr
    assert "cannot be written" in result.stderr


def test_a_report_belongs_to_the_test_images():
    result = read("--report", "report.html")
    assert result.returncode == 2
    assert "--mnist" in result.stderr


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_weights_of_the_simpler_networks_read_too(tmp_path, name):
    model.save(model.NETWORKS[name](), tmp_path / "w.pth")
    result = read("--weights", tmp_path / "w.pth", "input/test-3.png")
    assert result.returncode == 0
    assert "test-3.png" in result.stdout


def test_explain_draws_how_each_picture_was_read_and_leaves_the_pictures_alone(place, tmp_path):
    for name in ("sheet-3.png", "truncated.png"):
        shutil.copy(place / name, tmp_path)
    Image.new("L", (40, 40), 255).save(tmp_path / "blank.png")
    before = (tmp_path / "sheet-3.png").read_bytes()
    result = read("--explain", tmp_path, tmp_path)
    assert result.returncode == 1
    assert sorted(p.name for p in tmp_path.glob("*.read.png")) == ["blank.read.png", "sheet-3.read.png"]
    assert (tmp_path / "sheet-3.png").read_bytes() == before
    again = read("--explain", tmp_path / "two", "input/test-3.png", "input/../input/test-3.png")
    assert again.returncode == 0
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["test-3-2.read.png", "test-3.read.png"]


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_read(tmp_path):
    (tmp_path / "file").touch()
    result = read("--explain", tmp_path / "file", "input")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--explain" in result.stderr
    assert "name a folder" in result.stderr
