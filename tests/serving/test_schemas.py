"""The document of the API against the server that it describes."""

import base64
import subprocess
import sys

from digits.serving import schemas as openapi
from tests.helpers.server_process import site


def test_the_example_is_a_picture_that_is_read():
    with site() as served:
        from digits.client import read

        assert read(base64.b64decode(openapi.EXAMPLE), served.address)["text"] == "1"


def test_schemathesis_finds_nothing():
    """It makes up requests that the document allows, and some that it forbids, and looks at every answer."""
    with site() as served:
        command = ["-m", "schemathesis.cli", "run", f"{served.address}/openapi.json", "--seed", "1"]
        result = subprocess.run([sys.executable, *command], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert "8 selected / 8 total" in result.stdout
