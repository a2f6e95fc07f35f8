"""Files about the project match the code and each other: versions, citation, licenses, security promises, forms."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import digits
from app import ServerSettings
from digits.data import mnist_files
from digits.serving import request_parsing, wsgi_adapter

CHANGELOG = Path("CHANGELOG.md").read_text()
SECURITY = Path("SECURITY.md").read_text()
RELEASE, _, DEVELOPMENT = digits.__version__.partition(".dev")


def test_newest_entry_of_the_changelog_is_this_version():
    version, date = re.findall(r"^## (\S+) - (\S+)$", CHANGELOG, re.MULTILINE)[0]
    assert version == RELEASE
    assert (date == "Unreleased") == bool(DEVELOPMENT)


def test_entries_of_the_changelog_have_the_sections_of_keep_a_changelog():
    assert re.findall(r"^## (?!\d+\.\d+\.\d+ - (?:Unreleased|\d{4}-\d\d-\d\d)$).*$", CHANGELOG, re.MULTILINE) == []
    sections = set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_citation_names_this_version_and_license():
    citation = yaml.safe_load(Path("CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (digits.__version__, "MIT")
    assert ("date-released" in citation) == (not DEVELOPMENT)


def test_every_vendored_file_is_listed_with_its_license():
    third_party = Path("THIRD_PARTY.md").read_text()
    for name in tracked_files("static/vendor"):
        assert name in third_party
        assert Path(name).with_suffix(".LICENSE").exists()


def test_tests_named_in_the_security_policy_exist():
    defined = {
        name for path in Path("tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert set(re.findall(r"`(test_\w+)`", SECURITY)) <= defined


def test_limits_in_the_security_policy_are_the_defaults_of_the_server():
    defaults = ServerSettings()
    for limit in (
        f"at most {defaults.max_pixels // 10**6} million pixels",
        f"Decoding stops after {defaults.max_decode:g} s",
        f"at most {defaults.max_body // 2**20} MB",
        f"at most {defaults.max_batch} pictures",
        f"at most {request_parsing.MAX_FORM_FIELDS:,} fields",
        f"fill {wsgi_adapter.MAX_BUFFERED // 2**20} MB of a process",
        f"further ones over {wsgi_adapter.SMALL_BODY // 1024} kB",
        f"within {defaults.read_timeout:g} s",
        f"at most {defaults.max_wait:g} s for its turn",
        f"listens on {defaults.host}:",
    ):
        assert limit in SECURITY
    assert (defaults.cors, defaults.frame_ancestors, defaults.proxies) == ("", "", 0)


@pytest.mark.slow
def test_issue_forms_ask_for_the_version_by_commands_that_run():
    forms = {path.stem: path.read_text() for path in Path(".github/ISSUE_TEMPLATE").glob("*.yml")}
    del forms["config"]
    assert all({"name", "description", "body"} <= yaml.safe_load(form).keys() for form in forms.values())
    assert "`python test.py --json PICTURE`" in forms["misread"]
    for name in ("bug", "misread"):
        (command,) = re.findall(r'`python -c "(.*)"`', forms[name])
        output = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
        assert output.split()[0] == digits.__version__


def test_folder_of_mnist_tracks_its_readme_only():
    assert tracked_files("data") == ["data/README.md"]
    ignored = ["git", "check-ignore", "--quiet", "data/MNIST/raw/t10k-images-idx3-ubyte.gz"]
    assert subprocess.run(ignored, check=False).returncode == 0


def test_readme_of_mnist_lists_its_files_and_those_of_writers():
    from torchvision.datasets import MNIST, QMNIST

    rows = re.findall(r"^\| `(\S+)` \| ([\d,]+) \| `(\w{32})` \|$", Path("data/README.md").read_text(), re.MULTILINE)
    unpacked = {name: file.md5 for name, file in mnist_files.FILES.items()}
    writers = {
        url.rpartition("/")[-1]: md5
        for split in ("train", "test")
        for url, md5 in QMNIST.resources[split]
        if "labels" in url
    }
    assert {name: md5 for name, _, md5 in rows} == dict(MNIST.resources) | writers | unpacked
    sizes = {name: int(size.replace(",", "")) for name, size, _ in rows if name in unpacked}
    assert sizes == {name: file.size for name, file in mnist_files.FILES.items()}


def tracked_files(folder: str) -> list[str]:
    """The files of a folder that are in the repository."""
    return subprocess.run(["git", "ls-files", folder], capture_output=True, text=True, check=True).stdout.split()
