"""`digits.serving.page_routes`: the page, its static files, and the documentation of the API."""

import re
from pathlib import Path

import pytest

from digits.recognition.results import CONFIDENCE_THRESHOLD
from digits.serving import page_routes
from tests.helpers.api import assert_error

STATIC = Path("static")
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())
IMPORT = re.compile(r"""^(?:import|export|\}).* from ["']([^"']+)|import\(["'`]([^"'`]+)""", re.MULTILINE)
# An absolute URL, or one that leaves the scheme out: "//host/path".
HOST = re.compile(r"""https?://[\w./-]+|["'(]//\w[\w./-]+""")
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
ENCODINGS = ["", "gzip", "gzip, deflate, br, zstd"]


@pytest.fixture(scope="module")
def version() -> str:
    return page_routes.static_version(Path("static"))


def test_page_links_to_versioned_files(client, version):
    page = client.get("/")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    links = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    files = [link for link in links if not link.startswith("docs")]
    assert len(files) > 5
    for link in files:
        assert link.startswith(f"assets/{version}/")
        assert client.get(f"/{link.partition('#')[0]}", buffered=True).status_code == 200


def test_page_gets_the_confidence_threshold_of_the_reader(client):
    page = client.get("/").text
    assert f'<meta name="confidence-threshold" content="{CONFIDENCE_THRESHOLD}">' in page
    assert "{{" not in page


@pytest.mark.parametrize("name", FILES)
def test_every_static_file_is_served_and_names_no_other_host(client, version, name):
    for path in (f"/static/{name}", f"/assets/{version}/{name}"):
        assert client.get(path, buffered=True).data == (STATIC / name).read_bytes()
    assert set(HOST.findall((STATIC / name).read_text())) <= {SVG_NAMESPACE}


def test_scripts_use_relative_imports():
    """So the version in the address and any URL prefix apply to imported scripts, too."""
    imports = [link for path in STATIC.rglob("*.js") for link in IMPORT.findall(path.read_text())]
    assert len(imports) > 30
    assert all("".join(link).startswith("./") or "".join(link).startswith("../") for link in imports)


@pytest.mark.parametrize("encodings", ENCODINGS)
def test_versioned_files_are_immutable(client, version, encodings):
    response = client.get(f"/assets/{version}/js/main.js", headers={"Accept-Encoding": encodings}, buffered=True)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/docs/css/swagger-ui.css", "/static/js/main.js", "/assets/old/js/main.js", "/api/network"],
)
@pytest.mark.parametrize("encodings", ENCODINGS)
def test_files_without_the_current_version_are_revalidated_and_not_sent_again(client, path, encodings):
    """Flask-Compress changes ETags: compressed files were once sent again although they had not changed."""
    headers = {"Accept-Encoding": encodings}
    first = client.get(path, headers=headers, buffered=True)
    assert first.status_code == 200
    assert len(first.data) > 300
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers=headers | {"If-None-Match": first.headers["ETag"]}, buffered=True)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = client.get(path, headers=headers | {"If-None-Match": '"other"'}, buffered=True)
    assert (other.status_code, other.headers["ETag"]) == (200, first.headers["ETag"])


def test_version_changes_with_any_static_file(tmp_path):
    versions = []
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b.js", "2"), ("css/b.css", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        versions.append(page_routes.static_version(tmp_path))
    assert len(set(versions)) == 4
    (tmp_path / "b.js").rename(tmp_path / "c.js")
    assert page_routes.static_version(tmp_path) not in versions


@pytest.mark.parametrize(
    "path",
    ["/static/none.js", "/assets/x/none.js", "/assets/x/../../app.py", "/assets/x/%2e%2e/app.py", "/static/", "/docs/"],
)
def test_files_outside_the_static_folder_are_not_found(client, path):
    assert_error(client.get(path), 404, "not_found")


def test_documentation_links_to_local_files_only(client):
    for name in re.findall(r'(?:src|href)="([^"]+)"', client.get("/docs", buffered=True).text):
        assert client.get(f"/{name}", buffered=True).status_code == 200, name
