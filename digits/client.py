"""Ask a server (`python app.py`) what a picture says; standard library only. Retry-After: RFC 9110, 10.2.3."""

import json
import random
import time
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from digits import UserError

RAW = {"Content-Type": "application/octet-stream"}  # the body is the picture itself
AGAIN = (429, 502, 503, 504)  # asked too often, too much to do, or a proxy that found no server
PAUSE, LONGEST = 1, 30  # seconds to wait where the server names none; one that names more is not asked again
SPREAD = 1.5  # up to so many times that: those refused together do not come back together


def read(picture: str | Path | bytes, server="http://127.0.0.1:5000", tries=3, timeout=10, wait=time.sleep):
    """What the server reads in a picture (file or bytes), as a dict: `text`, `certain`, `digits` …

    It is asked up to `tries` times and may each time be silent for `timeout` seconds.
    Errors: UserError with the server's sentence and code, or with "missing", "unreachable", "answer".
    """
    try:
        content = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
    except OSError as error:
        raise UserError(f"{picture} cannot be read ({error.strerror}): check the name.", "missing") from None
    for left in reversed(range(max(tries, 1))):
        answer, pause = _ask(server, content, timeout)
        if isinstance(answer, dict):
            return answer
        if not left or pause is None or pause > LONGEST:
            raise answer
        wait(pause * random.uniform(1, SPREAD))


def _ask(server: str, content: bytes, timeout: float) -> tuple[dict | UserError, float | None]:
    """The reading or what is wrong, and after how many seconds it may be worth to ask again."""
    try:
        try:
            response = urlopen(Request(f"{server.rstrip('/')}/api", content, RAW), timeout=timeout)
        except HTTPError as refusal:  # an answer, too
            response = refusal
        with response:
            status, asked, said = response.status, response.headers["Retry-After"] or "", response.read()
    except (OSError, HTTPException, ValueError) as error:  # ValueError: the address is none
        cause = getattr(error, "reason", error)
        again = PAUSE if isinstance(cause, ConnectionError | IncompleteRead) else None
        return UserError(f"{server} does not answer ({cause}): is it started, and there?", "unreachable"), again
    again = None if status not in AGAIN else int(asked) if asked.isdecimal() else PAUSE
    try:
        answer = json.loads(said)
        if status == 200 and isinstance(answer, dict) and "digits" in answer:
            return answer, None
        return UserError(answer["error"]["message"], answer["error"]["code"]), again
    except (ValueError, KeyError, TypeError):
        return UserError(f"{server} answered {status} with no reading: is app.py there?", "answer"), again
