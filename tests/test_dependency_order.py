"""The dependency order: modules import from their own package and from earlier rows of LAYERS only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.layers import LAYERS

ROOT = Path(__file__).parents[1]
RANK = {package: rank for rank, row in enumerate(LAYERS) for package in row}
# model.py is about torch alone.
MODEL_MAY_IMPORT = {"digits.errors", "digits.files", "digits.im2col", "digits.state_dicts"}
EXPORTS = {  # of `digits` itself, with the packages that they come from
    "digits": "digits.errors",
    "digits.UserError": "digits.errors",
    "digits.Reader": "digits.recognition",
}
FILES = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def package_of(module: str) -> str | None:
    """The entry of LAYERS that a module or a name in it belongs to; None for other people's modules."""
    if module in EXPORTS:
        return EXPORTS[module]
    return next((package for package in RANK if module == package or module.startswith(f"{package}.")), None)


def imported_packages(source: str) -> set[str]:
    """The entries of LAYERS that a file imports from, at its top or inside functions."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):  # of a module, or of a name in one
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    assert not {module for module in modules if module.startswith("digits.") and not package_of(module)}
    return {package for module in modules if (package := package_of(module))}


@pytest.mark.parametrize("name", [name for name in FILES if name != "digits/__init__.py"])  # see the next test
def test_imports_lead_to_earlier_layers(name):
    package = package_of(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    assert package, f"{name} is in no layer: add its package to LAYERS"
    for imported in imported_packages((ROOT / name).read_text()) - {package}:
        assert RANK[imported] < RANK[package], f"{name} imports {imported}"
        assert imported != "test", f"{name} imports test.py, whose name is that of a standard package"
        assert package != "model" or imported in MODEL_MAY_IMPORT, f"{name} imports {imported}"


def test_importing_digits_imports_its_errors_alone():
    program = "import sys, digits; print(sorted(m for m in sys.modules if m.split('.')[0] in ('digits', 'torch')))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "['digits', 'digits.errors']\n"


def test_imports_of_modules_and_of_names_are_found_inside_functions_too():
    source = "import app\ndef f():\n    from digits.data import mnist\nfrom digits import UserError, files\nimport os\n"
    assert imported_packages(source) == {"app", "digits.data", "digits.errors", "digits.files"}
