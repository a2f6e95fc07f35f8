"""The README and docs/ say what the code does: commands, flags, files, links, numbers and examples."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import app
import model
import train
from bench.server_process import run_app
from digits.config import variable
from digits.recognition import decoding
from digits.serving import asgi, error_handlers, server

README = Path("README.md").read_text()
PAGES = "\n".join([README, *(path.read_text() for path in sorted(Path("docs").glob("*.md")))])
SCRIPTS = ("train.py", "test.py", "app.py")


def flags_of(script: str) -> set[str]:
    usage = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z][a-z-]*", usage)) - {"--help"}


def section_rows(heading: str) -> list[str]:
    """The rows of the pages's table that begins with `heading`."""
    return re.search(rf"\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGES)[1].splitlines()


def commands() -> list[str]:
    """Every line in a shell block of the pages, comments cut."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGES, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line.partition(" #")[0].strip() for line in lines]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_flag_is_in_the_readme_and_every_flag_there_exists(script):
    known = flags_of(script)
    rows = "\n".join(section_rows(f"flag of `{script}`"))
    assert set(re.findall(r"--[a-z][a-z-]*", rows)) == known
    for command in commands():
        words = shlex.split(command)
        if script in words:
            assert {word for word in words[words.index(script) :] if word.startswith("--")} <= known


def test_defaults_in_the_readme_are_those_of_the_code():
    for script, arguments in (("train.py", train.parse_args([])), ("app.py", app.parse_args([]))):
        for flag, value in re.findall(r"`--([a-z-]+) ([^`]+)`", "\n".join(section_rows(f"flag of `{script}`"))):
            if value.islower() or value[0].isdigit():
                assert str(getattr(arguments, flag.replace("-", "_"))) == value, flag


def test_the_environment_variables_in_the_readme_are_those_of_the_flags():
    rows = re.findall(r"\| `--([a-z-]+) [^`]+` \| `([A-Z_]+)` \|", "\n".join(section_rows("flag of `app.py`")))
    assert rows == [(name.replace("_", "-"), variable(name)) for name in app.ServerSettings.model_fields]


def test_the_error_codes_in_the_readme_have_the_statuses_of_the_code():
    shown = {}
    for row in section_rows("status"):
        statuses, codes, _ = (cell.strip() for cell in row.strip("|").split("|"))
        shown |= dict.fromkeys(re.findall("`([a-z_]+)`", codes), statuses)
    assert (
        error_handlers.STATUS.items()
        <= {code: int(status) for code, status in shown.items() if status.isdigit()}.items()
    )


def test_the_recipes_in_the_readme_are_those_of_the_code():
    shown = {}
    for row in section_rows("flag of `train.py`"):
        flag, *values = (cell.strip() for cell in row.strip("|").split("|")[:4])
        if values[0]:
            shown[flag.strip("`-").replace("-", "_")] = values
    recipes = [train.asdict(train.RECIPES[name]) for name in ("fast", "default", "best")]
    assert shown == {name: [f"{recipe[name]:g}" for recipe in recipes] for name in recipes[0]}


def test_every_make_target_is_in_the_readme_and_the_other_way_round():
    targets = set(re.search(r"^\.PHONY: (.*)$", Path("Makefile").read_text(), re.MULTILINE)[1].split())
    listed = re.search(r"^Makefile +(.*?):", README, re.MULTILINE)[1].split(", ")
    assert set(listed) == targets
    assert set(re.findall(r"make ([a-z]+)[ `\n]", README)) - {"or"} <= targets


def layout() -> set[str]:
    """The paths in the README's tree; those of folders end with a slash."""
    tree = re.search(r"## Layout\n\n```\n(.*?)```", README, re.DOTALL)[1]
    folders, paths = [], set()
    for line in tree.splitlines():
        name = line.split()[0]
        del folders[(len(line) - len(line.lstrip())) // 2 :]
        paths.add("".join(folders) + name)
        if name.endswith("/"):
            folders.append(name)
    return paths


def test_the_tree_in_the_readme_is_that_of_the_repository():
    """Every file stands in it, or its folder does, if no other file of that folder stands in it."""
    listed = layout()
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    tracked = {name for name in tracked if not name.startswith(".")}
    folders = {f"{parent}/" for name in tracked for parent in Path(name).parents}
    assert listed - tracked - folders == set()
    described = {Path(name).parent for name in listed if not name.endswith("/")}
    whole = {name for name in tracked if f"{Path(name).parent}/" in listed and Path(name).parent not in described}
    assert tracked - listed - whole == set()


def test_the_python_examples_run():
    own, api = re.findall(r"```python\n(.*?)```", PAGES, re.DOTALL)
    result = subprocess.run([sys.executable, "-c", own], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("7 0.99")
    blocks = re.findall(r"```sh\n(curl .*?)```", PAGES, re.DOTALL)
    assert len(blocks) == 2
    curls = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    with run_app() as served:
        ask = api.replace("http://127.0.0.1:5000", served.address)
        result = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
        assert result.stdout == "7\n"
        for curl in curls:
            command = ["bash", "-c", curl.replace("http://127.0.0.1:5000", served.address)]
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            assert json.loads(result.stdout)["text"] == "7"


def test_the_api_example_is_what_the_api_answers():
    content = Path("input/test-7.png").read_bytes()
    reading = app.Reader(model.load("mnist.pth")).read(decoding.decode(content)).to_dict()
    (shown,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGES, re.DOTALL))
    assert reading["digits"][0]["box"] == shown["digits"][0]["box"]
    assert {k: v for k, v in reading.items() if k not in ("digits", "probability")} == {
        k: v for k, v in shown.items() if k not in ("digits", "probability")
    }
    assert reading["probability"] == pytest.approx(shown["probability"], abs=1e-3)


def test_numbers_in_the_readme_are_those_of_the_code():
    assert f"{model.count_parameters(model.CNN()):,}" in PAGES
    max_body = app.ServerSettings().max_body // 2**20
    assert f"over {decoding.MAX_PIXELS // 10**6} million pixels, or a body over {max_body} MB" in PAGES
    default = train.TrainConfig()
    assert f"{default.epochs * default.steps(55_000):,} such steps" in PAGES
    for network in ("mlp", "softmax"):
        assert f"{model.count_parameters(model.NETWORKS[network]()):,}" in PAGES
    for status in (*error_handlers.STATUS.values(), 400, 503):
        assert f"| {status} |" in PAGES
    assert f"body over {app.INLINE_MAX_BYTES // 1024} kB, {app.LONG_ROUTES[0]}" in PAGES
    assert app.INLINE_MAX_PIXELS == 1_000_000
    assert all(route in PAGES for route in app.LONG_ROUTES)
    assert f"may fill {asgi.MAX_BUFFERED // 2**20} MB per process" in PAGES
    assert f"up to {server.BACKLOG:,} more wait in the kernel" in PAGES
    assert PAGES.count(f"requests have {server.DRAIN_SECONDS} s") == 2


@pytest.mark.parametrize("page", ["README.md", *map(str, sorted(Path("docs").glob("*.md")))])
def test_links_between_the_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", Path(page).read_text()):
        assert (Path(page).parent / target).exists(), target
