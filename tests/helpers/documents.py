"""The pages of the documents, and the tables in them."""

import re
from pathlib import Path

import nbformat

README = Path("README.md").read_text()
PAGES = {
    path: path.read_text() for path in (Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").glob("*.md")))
}
CELLS = nbformat.read("walkthrough.ipynb", as_version=4).cells
PAGES[Path("walkthrough.ipynb")] = "\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")
TEXT = "\n".join(PAGES.values())
OTHER_PAGES = [Path(name) for name in ("CHANGELOG.md", "SECURITY.md", "THIRD_PARTY.md", "data/README.md")]
ARCHITECTURE = PAGES[Path("docs/architecture.md")]


def table_rows(heading: str, text: str = TEXT) -> list[str]:
    """The rows of the table whose first column has this heading."""
    table = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    return table[1].splitlines()
