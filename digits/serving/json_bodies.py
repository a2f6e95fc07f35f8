"""Request bodies in JSON: their encoding, what another body looks like, and drawings, sent as strokes."""

import json
from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from digits import UserError
from digits.recognition.formats import describe_content
from digits.recognition.strokes import Drawing
from digits.serving.schemas import MAX_COORDINATE, MAX_POINTS, MAX_STROKES, StrokesRequest

OTHER_BODIES = {  # first bytes of bodies that are not JSON, or not whole
    b"\x1f\x8b": "gzip without the header Content-Encoding: gzip",
    b"{": "a JSON object, but cut off or misspelled",
    b"--": "a form without the header Content-Type: multipart/form-data",
}
BEGINNING = 100  # bytes in which the first character of JSON stands, after white space
LIMIT = f"{MAX_COORDINATE:,}"
TOO_MANY = f"Send at most {MAX_STROKES:,} strokes with {MAX_POINTS:,} points in all: leave out every second point."
# What stands at each depth of "strokes": the list, a stroke, a point, a coordinate.
STROKE_HINTS = (
    "a list of strokes, each a list of points [x, y]",
    "a stroke: a list of points [x, y], at least one",
    "a point: a list of two numbers, x and y",
    f"a number from -{LIMIT} to {LIMIT}",
)
SIDE_HINT = f"a number above 0 and up to {LIMIT}: the size of the paper, in the unit of the strokes"


def is_drawing(content: bytes) -> bool:
    """Whether a body is a JSON object with strokes, and without an image, which would be read instead."""
    if not to_utf8(content[:BEGINNING]).lstrip().startswith(b"{"):
        return False
    content = to_utf8(content)
    return b'"strokes"' in content and b'"image"' not in content


def count_strokes(content: bytes) -> int:
    """Count the strokes in JSON without parsing it: the ends of lists of points."""
    return b"".join(to_utf8(content).split()).count(b"]]")


def parse_drawing(content: bytes) -> Drawing:
    """Parse JSON with strokes.

    Raises: UserError: with code "json", or with the name of the invalid field as its code.
    """
    content = to_utf8(content)
    if content.count(b"[") > 1 + MAX_STROKES + MAX_POINTS:  # before these lists take memory
        raise UserError(TOO_MANY, "strokes")
    try:
        sent = StrokesRequest.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        raise _to_user_error(problem["type"], problem["loc"], content) from None
    return Drawing([np.array(stroke) for stroke in sent.strokes], sent.width, sent.height)


def _to_user_error(kind: str, location: Sequence[str | int], content: bytes) -> UserError:
    """Make the error for a body that StrokesRequest rejects at a `location`, for a reason of a `kind`."""
    if location in ((), ("strokes",)) and kind in ("json_invalid", "model_type", "missing"):
        return UserError(
            f'Send a JSON object: {{"strokes": [[[x, y], …], …]}}. This is {describe_body(content)}.', "json"
        )
    name, *indices = location
    if kind == "too_long" and not indices:
        return UserError(TOO_MANY, str(name))
    field = f'"{name}"' + "".join(f"[{index}]" for index in indices)
    hint = STROKE_HINTS[len(indices)] if name == "strokes" else SIDE_HINT
    return UserError(f"{field} must be {hint}.", str(name))


def describe_body(content: bytes) -> str:
    """Describe a request body that is not the expected JSON object, for an error message."""
    start = content.lstrip()
    if not start:
        return "an empty body"
    descriptions = (text for signature, text in OTHER_BODIES.items() if start.startswith(signature))
    return next(descriptions, None) or describe_content(content)


def to_utf8(content: bytes) -> bytes:
    """Convert JSON in UTF-8, UTF-16 or UTF-32, with or without a byte order mark, to UTF-8."""
    encoding = json.detect_encoding(content)
    return content if encoding == "utf-8" else content.decode(encoding, "replace").encode()
