"""Continuous integration: the workflow, `.ci/run`, the pre-commit hooks and `make lint` fit together."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

WORKFLOW = yaml.safe_load(Path(".github/workflows/ci.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
MAKEFILE = Path("Makefile").read_text()
ISSUE_CONFIG = Path(".github/ISSUE_TEMPLATE/config.yml")  # next to the forms, but not a form


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    return re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1].replace("\t", "").splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", ".github/workflows/*.yml"),
        ("custom.github-workflows-require-timeout", ".github/workflows/*.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/*.yml"),
        ("vendor.github-issue-config", str(ISSUE_CONFIG)),
        ("vendor.citation-file-format", "CITATION.cff"),
        ("vendor.compose-spec", "deploy/compose.yaml"),
    ],
)
def test_files_match_their_schemas(schema, pattern):
    files = sorted(path for path in Path().glob(pattern) if "*" not in pattern or path != ISSUE_CONFIG)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, "--default-filetype=yaml", *files]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_actions_are_pinned_by_commit():
    for step in STEPS:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step.get("uses", f"actions/none@{40 * '0'}"))


def test_oldest_python_of_the_workflow_is_the_oldest_that_is_allowed():
    allowed = tomllib.loads(Path("pyproject.toml").read_text())["project"]["requires-python"]
    assert allowed == f">={WORKFLOW['jobs']['all']['strategy']['matrix']['python'][0]}"


def test_workflow_runs_the_commands_of_the_documents():
    commands = {step["run"] for step in STEPS if "run" in step}
    assert commands == {".ci/run", "make check"}
    assert os.access(".ci/run", os.X_OK)
    assert Path(".ci/run").read_text().rstrip().endswith("make test")


def test_pre_commit_runs_the_tools_of_make_lint():
    (repository,) = yaml.safe_load(Path(".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook["entry"].removesuffix(" --force-exclude") for hook in repository["hooks"]]
    assert hooks == [
        command.replace("$(BIN)", ".venv/bin").removesuffix(" .").removesuffix(" --check") for command in recipe("lint")
    ]
