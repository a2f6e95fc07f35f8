"""What the documents point to exists: links, files, the tree, the dependency order, functions, make's targets."""

import ast
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers.documents import ARCHITECTURE, OTHER_PAGES, PAGES, README, TEXT, table_rows
from tests.helpers.layers import LAYERS

FOLDERS = ("baselines", "bench", "deploy", "digits", "docs", "scripts", "static", "tests")


def test_documented_make_targets_are_those_of_the_makefile():
    targets = set(re.search(r"^\.PHONY: (.*)$", Path("Makefile").read_text(), re.MULTILINE)[1].split())
    listed = re.search(r"^Makefile +(.*?):", ARCHITECTURE, re.MULTILINE)[1].split(", ")
    assert set(listed) == targets
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", TEXT, re.MULTILINE)) <= targets


def tree_paths(page: str, heading: str) -> set[str]:
    """The paths in the tree under a heading of a page; those of folders end with a slash."""
    tree = re.search(rf"## {heading}\n.*?```\n(.*?)```", page, re.DOTALL)[1]
    folders, paths = [], set()
    for line in tree.splitlines():
        name = line.split()[0]
        del folders[(len(line) - len(line.lstrip())) // 2 :]
        paths.add("".join(folders) + name)
        if name.endswith("/"):
            folders.append(name)
    return paths


def tracked_files() -> set[str]:
    """The files of the repository, without hidden ones."""
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    return {name for name in tracked if not name.startswith(".")}


def test_layout_in_the_readme_lists_each_folder():
    folders = {f"{name.partition('/')[0]}/" for name in tracked_files() if "/" in name}
    assert tree_paths(README, "Layout") == folders


def test_tree_of_files_is_that_of_the_repository():
    """Each file is listed itself, or its nearest listed folder is one of which no file is listed."""
    listed, tracked = tree_paths(ARCHITECTURE, "Files"), tracked_files()
    folders = {f"{parent}/" for name in tracked for parent in Path(name).parents}
    assert listed - tracked - folders == set()
    with_files = {str(Path(name).parent) for name in listed if not name.endswith("/")}
    for name in tracked - listed:
        nearest = next((str(parent) for parent in Path(name).parents if f"{parent}/" in listed), ".")
        assert nearest not in with_files, name


def heading_anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES])
def test_links_between_the_pages_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", page.read_text()):
        linked = Path((page.parent / target).resolve()).relative_to(Path.cwd()) if target else page
        assert linked.exists(), target
        assert not anchor or anchor in heading_anchors(linked), f"{target}#{anchor}"


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES])
def test_files_and_modules_named_in_the_pages_exist(page):
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[^`\s]*)`", page.read_text()):
        assert Path(path).exists(), path
    for name in re.findall(r"python -m ([a-z_]+\.[a-z_.]+)", page.read_text()):
        assert importlib.util.find_spec(name), name


def test_documented_order_of_packages_is_the_one_that_is_checked():
    order = "\n← ".join(", ".join(row) for row in LAYERS)
    assert f"```\n{order}\n```\n" in ARCHITECTURE


def defined_names(path: Path) -> set[str]:
    """The classes, functions and methods that a Python file defines, methods as Class.method."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if hasattr(part, "name")}
    return names


def test_functions_in_the_walks_through_the_data_are_defined():
    """In the tables with "step" each name is defined in the file that is named before it."""
    tables = re.findall(r"^\| step \|.*\n\|[-| ]+\n((?:\|.*\n)+)", ARCHITECTURE, re.MULTILINE)
    assert len(tables) == 4
    for row in "".join(tables).splitlines():
        defined: set[str] = set()
        for name in re.findall(r"`([^`]+)`", row.split("|")[2]):
            if name.endswith(".py"):
                defined = defined_names(Path(name))
            else:
                assert name in defined, row


def test_places_to_add_things_are_defined():
    """In the table "to add" each name is defined in the file that is named before it."""
    for row in table_rows("to add"):
        source = None
        for name in re.findall(r"`([^`]+)`", row.split("|")[2]):
            if "." in name and Path(name).exists():
                source = Path(name).read_text()
            elif name.isidentifier():
                assert re.search(rf"^\s*(const |export function |class |def )?{name}\b", source, re.MULTILINE), row
