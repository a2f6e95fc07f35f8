"""Send pictures to a running server, and read its log."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

SAMPLE = Path("input/test-7.png").read_bytes()


def read_log(log) -> str:
    return Path(log.name).read_text()


def read_text(address: str, content: bytes = SAMPLE) -> str:
    """POST a picture to /api. Returns: the text of the reading. Raises: HTTPError for any other answer."""
    with urlopen(Request(f"{address}/api", content)) as response:
        return json.load(response)["text"]
