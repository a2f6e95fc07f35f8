"""Run servers, send them pictures, and read their logs."""

import functools
import json
from pathlib import Path
from urllib.request import Request, urlopen

from bench import server_process
from tests.helpers.python_process import PythonProcess

run_server = functools.partial(server_process.run_server, popen=PythonProcess)
run_app = functools.partial(server_process.run_app, popen=PythonProcess)

SAMPLE = Path("input/test-7.png").read_bytes()


def read_log(log) -> str:
    return Path(log.name).read_text()


def read_text(address: str, content: bytes = SAMPLE) -> str:
    """POST a picture to /api. Returns: the text of the reading. Raises: HTTPError for any other answer."""
    with urlopen(Request(f"{address}/api", content)) as response:
        return json.load(response)["text"]
