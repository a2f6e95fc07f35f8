"""README, CONTRIBUTING and docs/ match the code: commands, flags, numbers and examples."""

import itertools
import json
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

import app
import model
import train
from bench import ablation, robustness_pictures
from digits import UserError
from digits.config import parse
from digits.recognition import image_decoding
from digits.serving import error_handlers, server, wsgi_adapter
from digits.serving.schemas import ErrorResponse, ReadingResponse
from digits.training import optim
from tests.helpers import python_process
from tests.helpers.documents import PAGES, README, TEXT, table_rows
from tests.helpers.fake_server import fake_server
from tests.helpers.running_server import run_app

ADDRESS = "http://127.0.0.1:5000"  # of the server in the examples
READ_PROGRAM = runpy.run_path("test.py")  # `import test` would be ambiguous
SETTINGS = {"train.py": train.TrainConfig, "test.py": READ_PROGRAM["ReadConfig"], "app.py": app.ServerSettings}


def help_flags(script: str) -> set[str]:
    """The flags that `script` --help prints."""
    return set(re.findall(r"--[a-z][a-z-]*", run_python(script, "--help"))) - {"--help"}


def shell_commands() -> list[str]:
    """Every line in the shell blocks of the pages, without comments."""
    return [line.partition(" #")[0].strip() for block in blocks("sh") for line in block.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("script", SETTINGS)
def test_documented_flags_are_those_of_the_program(script):
    flags = help_flags(script)
    rows = "\n".join(table_rows(f"flag of `{script}`"))
    assert set(re.findall(r"--[a-z][a-z-]*", rows)) == flags
    for command in shell_commands():
        words = shlex.split(command)
        if script in words:
            assert {word for word in words[words.index(script) :] if word.startswith("--")} <= flags


def test_documented_error_codes_have_the_statuses_of_the_code():
    documented = {}
    for row in table_rows("status"):
        statuses, codes, _ = (cell.strip() for cell in row.strip("|").split("|"))
        documented |= dict.fromkeys(re.findall("`([a-z_]+)`", codes), statuses)
    assert (
        error_handlers.STATUS_CODES.items()
        <= {code: int(status) for code, status in documented.items() if status.isdigit()}.items()
    )


def blocks(language: str) -> list[str]:
    """The code blocks of a language in the pages, shell commands that continue on the next line joined."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [block.replace("\\\n", " ") if language == "sh" else block for block in found]


def output_after(command: str) -> str:
    """The block without a language that follows the block in which `command` stands."""
    return re.search(rf"{re.escape(command)}\n.*?^```\n\n^```\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)[1]


def run_python(*arguments: str) -> str:
    """Run Python from the root of the clone. Returns: what it prints."""
    result = python_process.run(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def round_percentages(text: str) -> str:
    """Round to whole percent: the last digits differ between processors."""
    return re.sub(r" *(\d+\.\d+)%", lambda match: f" {float(match[1]):.0f}%", text)


READ_COMMANDS = {command for command in shell_commands() if command.startswith("python test.py")}


@pytest.mark.parametrize("command", sorted(command for command in READ_COMMANDS if "--mnist" not in command))
def test_documented_commands_read_pictures(command, tmp_path, monkeypatch):
    (tmp_path / "scans").mkdir()
    for name in ("photo.jpg", "scans/page.jpg", "7.png"):
        Image.open("input/test-7.png").convert("RGB").save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert READ_PROGRAM["main"](parse(READ_PROGRAM["ReadConfig"], shlex.split(command)[2:])) == 0


def test_values_in_documented_commands_are_allowed():
    for command in shell_commands():
        words = shlex.split(command)
        for program, kind in SETTINGS.items():
            if program in words:
                parse(kind, list(itertools.takewhile("&".__ne__, words[words.index(program) + 1 :])))


@pytest.mark.slow
def test_documented_readings_of_the_sample_pictures_are_those_of_the_program():
    documented = output_after("python test.py")
    assert round_percentages(run_python("test.py")) == round_percentages(documented)


@pytest.mark.slow
def test_python_example_of_the_readme_prints_what_is_documented():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    documented = output_after(example.rstrip().splitlines()[-1]).split()
    text, probability, certain = run_python("-c", example).split()
    assert (text, certain) == (documented[0], documented[2])
    assert float(probability) == pytest.approx(float(documented[1]), abs=1e-3)


# In place of Python: creates an environment with itself as Python, installs nothing, and says what the server says.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
  "-m venv --clear .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  app.py*) echo 'LISTENING' ;;
esac
"""


def test_output_of_make_serve_is_the_documented_one(tmp_path):
    documented = output_after("make serve")
    listening = documented.splitlines()[-1]
    assert f'"{listening.replace(ADDRESS, "{where}")}"' in Path(server.__file__).read_text()
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(name, tmp_path)
    (tmp_path / "python").write_text(FAKE_PYTHON.replace("LISTENING", listening))
    (tmp_path / "python").chmod(0o755)
    command = ["make", "--no-print-directory", "serve", f"PYTHON={tmp_path}/python"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == documented


@pytest.mark.slow
def test_curl_and_python_examples_read_the_digit():
    curls = [line for block in blocks("sh") for line in block.splitlines() if re.search(r"\bcurl\b", line)]
    clients = [block for block in blocks("python") if ADDRESS in block]
    assert curls
    assert clients
    with run_app() as served:
        for client in clients:
            assert run_python("-c", client.replace(ADDRESS, served.address)) == "7\n"
        for curl in curls:
            command = ["bash", "-c", curl.replace(ADDRESS, served.address)]
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            answer = json.loads(result.stdout)
            assert answer.get("readings", [answer])[0]["text"] == "7"


@pytest.mark.slow
def test_python_client_example_retries_after_the_seconds_that_a_busy_server_names():
    example = next(block for block in blocks("python") if "requests" in block)
    busy, good = (503, b"{}", {"Retry-After": "0"}), (200, b'{"text": "7"}', {})
    with fake_server(busy, busy, good) as server:
        assert run_python("-c", example.replace(ADDRESS, server.address)) == "7\n"
    assert len(server.requests) == 3


def without_probabilities(answer: dict) -> dict:
    """An answer of the API without its digits and probabilities, whose last decimals differ between processors."""
    lines = [{name: value for name, value in line.items() if name != "probability"} for line in answer["lines"]]
    others = {name: value for name, value in answer.items() if name not in ("digits", "lines", "probability")}
    return others | {"lines": lines}


def test_documented_answers_of_the_api_are_those_of_the_program():
    content = Path("input/test-7.png").read_bytes()
    reading = app.Reader(model.load("mnist.pth"), line_network=model.load_line_reader()).read(
        image_decoding.decode(content)
    )
    reading = ReadingResponse.model_validate(reading).model_dump(mode="json")
    documented_answers = [json.loads(block) for block in blocks("json")]
    (batch,) = (answer["readings"] for answer in documented_answers if "readings" in answer)
    with pytest.raises(UserError) as error:
        image_decoding.decode(Path("README.md").read_bytes())
    assert batch[1:] == [ErrorResponse.from_user_error(error.value).model_dump(mode="json")]
    for documented in (batch[0], *(answer for answer in documented_answers if "readings" not in answer)):
        assert reading["digits"][0]["box"] == documented["digits"][0]["box"]
        assert without_probabilities(reading) == without_probabilities(documented)
        assert reading["probability"] == pytest.approx(documented["probability"], abs=1e-3)
        assert [line["probability"] for line in documented["lines"]] == [documented["probability"]]


def test_documented_numbers_are_those_of_the_code():
    assert f"{model.count_parameters(model.CNN()):,}" in TEXT
    max_body = app.ServerSettings().max_body // 2**20
    assert f"over {image_decoding.MAX_PIXELS // 10**6} million pixels, or a body over {max_body} MB" in TEXT
    default = train.TrainConfig()
    assert f"{default.epochs * optim.steps_per_epoch(55_000, default.batch_size):,} such steps" in TEXT
    for network in ("mlp", "softmax"):
        assert f"{model.count_parameters(model.NETWORKS[network]()):,}" in TEXT
    for status in (*error_handlers.STATUS_CODES.values(), 400, 503):
        assert f"| {status} |" in TEXT
    assert f"body over {app.SHORT_REQUEST_MAX_BYTES // 1024} kB, {app.LONG_ROUTES[0]}" in TEXT
    assert f"{app.SHORT_REQUEST_MAX_PIXELS:,} pixels, TIFF" in TEXT
    assert all(route in TEXT for route in app.LONG_ROUTES)
    assert f"may fill {wsgi_adapter.MAX_BUFFERED // 2**20} MB per process" in TEXT
    assert f"up to {server.BACKLOG:,} more wait in the kernel" in TEXT
    assert TEXT.count(f"requests have {server.DRAIN_SECONDS} s") == 2


def test_documented_metrics_exist():
    source = Path("digits/serving/monitoring.py").read_text()
    for name in re.findall(r"`(digits_[a-z_]+)`", TEXT):
        assert f'"{name.removesuffix("_total")}' in source, name


@pytest.mark.parametrize(
    ("page", "heading", "names"),
    [
        ("results", "`fast`", ablation.VARIANTS["fast"]),
        ("results", "default", ablation.VARIANTS["default"]),
        ("recognition", "pictures", robustness_pictures.KINDS),
    ],
)
def test_rows_of_measurements_have_the_names_of_the_benchmark(page, heading, names):
    rows = table_rows(heading, PAGES[Path(f"docs/{page}.md")])
    assert [row.split("|")[1].strip() for row in rows] == list(names)
