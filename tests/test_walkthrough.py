"""The notebook walkthrough.ipynb runs on synthetic digits; the outputs stored in it are those of a complete run."""

import copy
import re

import nbformat
import pytest

from scripts import run_walkthrough

MAX_CELLS = 25
MAX_BYTES = 500_000
NOTEBOOK = nbformat.read(run_walkthrough.PATH, as_version=4)
CODE_CELLS = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]


def output_kinds(cell: nbformat.NotebookNode) -> list[str]:
    """The kind of each output of a code cell: "stdout", "stderr", "error", or the types of the data shown."""
    return [
        output.get("name") or ", ".join(sorted(output.get("data", [output.output_type]))) for output in cell.outputs
    ]


def stored_text() -> str:
    """The notebook as text, without the pictures in it, whose base64 may look like anything."""
    notebook = copy.deepcopy(NOTEBOOK)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/png", None)
    return nbformat.writes(notebook)


@pytest.mark.slow
def test_runs_on_synthetic_digits_and_gives_the_stored_kinds_of_output(tmp_path):
    notebook = copy.deepcopy(NOTEBOOK)
    weights = tmp_path / "walkthrough.pth"
    run_walkthrough.run(notebook, SYNTHETIC=200, EPOCHS=1, WEIGHTS=str(weights))
    assert weights.exists()
    for cell, stored in zip(notebook.cells, NOTEBOOK.cells, strict=True):
        assert cell.source == stored.source
        if cell.cell_type == "code":
            assert output_kinds(cell) == output_kinds(stored), cell.id


def test_stored_outputs_are_those_of_one_run_without_errors_or_warnings():
    assert [cell.execution_count for cell in CODE_CELLS] == list(range(1, len(CODE_CELLS) + 1))
    kinds = {kind for cell in CODE_CELLS for kind in output_kinds(cell)}
    assert kinds == {"stdout", "image/png, text/plain"}


def test_is_short():
    assert len(NOTEBOOK.cells) <= MAX_CELLS
    assert run_walkthrough.PATH.stat().st_size <= MAX_BYTES


def test_names_no_machine_and_no_time():
    assert not re.search(r"(?<![\w.:/])/\w+/|\b[A-Z]:\\\\", stored_text()), "an absolute path"
    assert all("execution" not in cell.metadata for cell in NOTEBOOK.cells), "timings"
    assert NOTEBOOK.metadata.language_info == {"name": "python"}, "the version that ran it"
