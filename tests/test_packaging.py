"""The package that `pip install .` builds: content, commands, dependencies; what make and the Dockerfile install."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import hatchling.build
import pytest

import digits
from digits import errors

PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]

# Runs commands as the files in bin/ do that pip writes, in an environment without the extras, and without torchvision,
# which only a download of MNIST needs. Those of `peers` are mostly not installed, and PyTorch looks for onnxruntime.
RUN_WITHOUT_EXTRAS = """
import importlib, sys
from digits.errors import EXTRAS
missing = {"torchvision"}.union(*(packages for extra, packages in EXTRAS.items() if extra != "peers"))
class Finder:
    def find_spec(name, path=None, target=None):
        if name in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Finder)

def run(command, entry_point, *arguments):
    sys.argv = [f"/usr/bin/{command}", *arguments]
    module, function = entry_point.split(":")
    try:
        getattr(importlib.import_module(module), function)()
    except SystemExit as error:
        print(error.code, file=sys.stderr)

"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of the installed package, as site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(folder / hatchling.build.build_wheel(str(folder))) as wheel:
        wheel.extractall(folder / "site-packages")
    return folder / "site-packages"


def run_program(program: str, installed: Path, folder: Path) -> subprocess.CompletedProcess:
    """Run a Python program with the installed package, in a `folder` outside of the repository."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


# Content


def test_package_has_the_modules_and_what_ships_with_them(installed):
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    names = {"test.py": "digits_read.py"} | {name: name for name in ("model.py", "train.py", "app.py")}
    names |= {name: name for name in tracked if name.startswith("digits/")}
    shipped = ("mnist.pth", "mnist.json", "line.pth", "line.json", "baselines/", "input/", "static/")
    names |= {name: f"digits/resources/{name}" for name in tracked if name.startswith(shipped)}
    files = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert {name for name in files if ".dist-info/" not in name} == set(names.values())
    for source, name in names.items():
        assert (installed / name).read_bytes() == Path(source).read_bytes(), name


def test_metadata_has_the_version_of_the_code(installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    assert f"\nVersion: {digits.__version__}\n" in metadata.read_text()


# Dependencies


def requirements(name: str) -> list[str]:
    """The requirements in a file, of which each must have its reason behind it."""
    lines = [line for line in Path(name).read_text().splitlines() if line and not line.startswith(("#", "-r "))]
    assert all(re.search(r"\S +#", line) for line in lines)
    return [line.partition("#")[0].strip() for line in lines]


def test_requirements_are_those_of_the_package():
    everything = [*PROJECT["dependencies"], *EXTRAS["serve"], *EXTRAS["report"], *EXTRAS["formats"]]
    assert requirements("requirements.txt") == everything
    assert ["digits[serve,report,formats]", *requirements("requirements-dev.txt")] == EXTRAS["dev"]


def test_requirements_have_bounds():
    for requirement in requirements("requirements.txt") + requirements("requirements-dev.txt") + EXTRAS["peers"]:
        assert re.search(r"==|~=|>=.+,<", requirement), requirement


def test_make_and_the_image_install_pytorch_from_the_given_index_first(tmp_path):
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text(Path(name).read_text())
    command = ["make", "--dry-run", "serve", "TORCH_INDEX=https://example.org/cpu"]
    lines = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()
    first, second = (line for line in lines if "pip install" in line)
    assert first.startswith("grep '^torch' requirements.txt | ")
    assert first.endswith(" --index-url https://example.org/cpu -r /dev/stdin")
    assert second.endswith(" -r requirements.txt")
    step = "grep '^torch' requirements.txt | pip install --no-cache-dir --index-url \"$TORCH_INDEX\" -r /dev/stdin"
    assert step in Path("Dockerfile").read_text()
    selected = [line for line in requirements("requirements.txt") if line.startswith("torch")]
    assert [line.partition(">=")[0] for line in selected] == ["torch", "torchvision"]


def test_extras_are_named_as_their_packages_are_imported():
    distributions = importlib.metadata.packages_distributions()
    for extra, packages in errors.EXTRAS.items():
        # The packages of `peers`, which are mostly not installed, have the names under which they are imported.
        names = {distributions.get(package, [package])[0].lower().replace("_", "-") for package in packages}
        assert names == {re.match(r"[\w-]+", requirement)[0].lower() for requirement in EXTRAS[extra]}


def test_mistyped_module_is_not_reported_as_a_missing_extra():
    assert errors.missing_package(ModuleNotFoundError(name="digits.serving.sever")) is None


# Commands


@pytest.mark.slow
def test_commands_run_anywhere_and_name_a_missing_extra(installed, tmp_path):
    commands = [
        ("digits-read",),
        ("digits-read", "--explain", "why"),
        ("digits-serve",),
        ("digits-train", "--synthetic", "100", "--outlier-fraction", "1"),
    ]
    calls = [f"run{(name, PROJECT['scripts'][name], *arguments)!r}" for name, *arguments in commands]
    calls += ["sys.argv = ['other.py']", "import app"]
    result = run_program(RUN_WITHOUT_EXTRAS + "\n".join(calls), installed, tmp_path)
    assert result.stdout.endswith("10 of 10 match their file names\n")
    *lines, last = [line for line in result.stderr.splitlines() if not line.startswith((" ", "Traceback"))]
    assert lines == [
        "0",
        'digits-read: matplotlib is not installed: run pip install ".[report]" in the folder of the repository.',
        "2",
        'digits-serve: flask is not installed: run pip install ".[serve]" in the folder of the repository.',
        'digits-train: matplotlib is not installed: run pip install ".[report]" in the folder of the repository.',
    ]
    assert last == "ModuleNotFoundError: No module named 'flask'"  # other programs get the ordinary error
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_python_programs_and_the_server_find_what_ships(installed, tmp_path):
    program = """
import app, model
from digits import Reader, files
from digits.recognition import image_decoding
reader = Reader(model.load(), line_network=model.load_line_reader())
reading = reader.read(image_decoding.decode(files.SHIPPED_FOLDER / "input" / "test-7.png"))
client = app.create_app().test_client()
statuses = [client.get(path).status_code for path in ("/", "/static/js/main.js")]
print(reading.text, statuses, len(app.create_app().extensions["models"].get().compared))
"""
    result = run_program(program, installed, tmp_path)
    assert result.stdout == "7 [200, 200] 3\n", result.stderr
