"""The documentation site builds from the documents without a warning, and loads nothing from other hosts."""

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built by `make docs` in a copy of the repository."""
    folder = tmp_path_factory.mktemp("repository")
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, folder / name)
    programs = Path(sys.executable).parent  # -o: nothing is installed
    command = ["make", "-o", ".venv/dev", f"BIN={programs}", "docs"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "site"


def test_each_document_has_a_page_in_the_navigation():
    navigation = Path("zensical.toml").read_text()
    for document in (*Path().glob("*.md"), *Path("docs").glob("*.md"), Path("data/README.md")):
        assert navigation.count(f'"{document}"') == 1, document


@pytest.mark.slow
def test_pages_load_nothing_from_other_hosts(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]*? src(?:set)?="([^"]*)"', page.read_text())
        loaded += re.findall(r'<link[^>]*? href="([^"]*)"', page.read_text())
        assert loaded
        assert not [url for url in loaded if re.match(r"(?:https?:)?//", url)], page


@pytest.mark.slow
def test_links_and_pictures_in_the_pages_lead_to_files(site):
    for page in site.rglob("*.html"):
        for url in re.findall(r'<(?:a|img)\b[^>]*? (?:href|src)="([^"]*)"', page.read_text()):
            address = urlsplit(html.unescape(url))
            if not address.scheme:
                target = site if address.path.startswith("/") else page.parent
                assert (target / unquote(address.path).lstrip("/")).exists(), f"{page}: {url}"
