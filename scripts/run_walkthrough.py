"""Run `walkthrough.ipynb` and write its outputs into it, without timings.

    python -m scripts.run_walkthrough

It takes the real MNIST, as `train.py` does, and a minute or two.
"""

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
PATH = ROOT / "walkthrough.ipynb"


def run(notebook: NotebookNode, **settings: Any) -> None:
    """Run all cells in the root of the clone, with `settings` in place of those of the cell tagged "parameters".

    Raises: nbclient.exceptions.CellExecutionError: when a cell fails.
    """
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    source = cell.source
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in settings.items())
    NotebookClient(
        notebook, record_timing=False, coalesce_streams=True, resources={"metadata": {"path": ROOT}}
    ).execute()
    cell.source = source


def main() -> None:
    notebook = nbformat.read(PATH, as_version=4)
    run(notebook)
    notebook.metadata.language_info = {"name": "python"}  # without the version that ran it
    nbformat.write(notebook, PATH)


if __name__ == "__main__":
    main()
