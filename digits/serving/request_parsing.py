"""From a Flask request to the bytes of the pictures in it.

A picture comes as base64 in JSON, as a file in a form, as a field of a form, or as the body itself, with or without
the right Content-Type.
"""

import base64
import binascii
import io
import json
import math
import re
import zlib
from typing import Annotated
from urllib.parse import parse_qs, unquote

from flask import request
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from werkzeug.formparser import FormDataParser

from digits import UserError
from digits.recognition import decoding
from digits.serving.asgi import LARGE

MULTIPART, FIELDS = "multipart/form-data", "application/x-www-form-urlencoded"
RAW = ("image/", "application/octet-stream")  # how the types of a body begin that is a picture itself
MAX_FIELDS = 1000  # of a form
HINT = "the base64 of a picture file, or a data: URL of one"
URL_SAFE = str.maketrans("-_", "+/")  # RFC 4648, section 5
GZIP_OR_ZLIB, RAW_DEFLATE = 47, -15  # wbits of zlib.decompressobj; clients send both as "deflate"


JSON_IMAGE = re.compile(rb'"image"\s*:\s*"(?:data:[^",]{0,99},)?([A-Za-z0-9+/]+)')


class ImageRequest(BaseModel):
    """A picture to read."""

    model_config = ConfigDict(strict=True)
    image: str = Field(min_length=1, description=f"{HINT[0].upper()}{HINT[1:]}")


class BatchRequest(BaseModel):
    """Pictures to read."""

    model_config = ConfigDict(strict=True)
    images: Annotated[list[str], FailFast()] = Field(min_length=1, description=f"For each picture {HINT}")


def parse_picture(max_body: int) -> bytes:
    """The bytes of the one picture in the request.

    Raises: UserError that says what the request lacks.
    """
    content = read_body(max_body)
    if request.mimetype == MULTIPART:
        return form_pictures(content, takes_text=True)[0]
    if request.mimetype.startswith(RAW):
        return content
    if content[:1] != b"{" and decoding.is_picture(content):  # curl's own Content-Type, or none
        return content
    if request.mimetype == FIELDS and b"image=" in content:
        return decode_base64(form_field(content))
    return decode_base64(parse_json(ImageRequest, '{"image": "<base64 of a picture>"}', content).image)


def parse_pictures(max_body: int, max_count: int) -> list[bytes | UserError]:
    """The bytes of each picture in the request, or what is wrong with it.

    Raises: UserError that says what the request lacks, or with code "batch" when there are more than `max_count`.
    """
    content = read_body(max_body)
    if request.mimetype == MULTIPART:
        found: list = form_pictures(content)
    else:
        found = parse_json(BatchRequest, '{"images": ["<base64 of a picture>", …]}', content).images
    if len(found) > max_count:
        raise UserError(f"There are {len(found)} pictures: send at most {max_count} at once.", "batch")
    contents: list[bytes | UserError] = []
    for one in found:
        try:
            contents.append(one if isinstance(one, bytes) else decode_base64(one))
        except UserError as error:
            contents.append(error)
    return contents


def peek_pixels(body: bytes) -> float:
    """Pixels of the picture in a body, JSON or the file itself; infinity where its beginning does not tell."""
    if body[:1] == b"{":
        found = JSON_IMAGE.search(body)
        try:
            body = base64.b64decode(found[1] + b"==") if found else b""
        except ValueError:
            return math.inf
    return decoding.count_pixels(body)


def read_body(max_body: int) -> bytes:
    """The body of the request, decompressed. Raises: UserError with code "large", "body" or "encoding"."""
    try:
        content = request.stream.read(max_body + 1)
    except Exception:  # each server has its own kinds for a body that breaks off or makes no sense
        raise UserError("The body did not arrive whole: send it again.", "body") from None
    if encoding := request.headers.get("Content-Encoding", "").strip().lower():
        content = decompress(content, encoding, max_body)
    if len(content) > max_body:
        raise UserError(LARGE.format(max_body / 2**20), "large")
    return content


def decompress(content: bytes, encoding: str, max_size: int) -> bytes:
    """Undo a Content-Encoding, up to one byte more than `max_size`. Raises: UserError with code "encoding"."""
    if encoding == "identity":
        return content
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UserError(
            f"Content-Encoding {encoding} is not read: send gzip, deflate or nothing of the kind.", "encoding"
        )
    for wbits in (GZIP_OR_ZLIB, RAW_DEFLATE):
        stream = zlib.decompressobj(wbits)
        try:
            unpacked = stream.decompress(content, max_size + 1)
        except zlib.error:
            continue
        if stream.eof or len(unpacked) > max_size:
            return unpacked
    raise UserError(f"The body is not {encoding}, as its Content-Encoding says: compress it again.", "encoding")


def parse_json(model: type[BaseModel], example: str, content: bytes) -> BaseModel:
    """JSON in UTF-8, UTF-16 or UTF-32, with or without a byte order mark, as a `model`.

    Raises: UserError with code "json", or the name of the field that is wrong.
    """
    try:
        return model.model_validate_json(to_utf8(content))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
    if not wrong["loc"]:
        raise UserError(f"Send a JSON object: {example}. This is {decoding.describe_content(content)}.", "json")
    name, *place = wrong["loc"]
    where = f'"{name}"' + "".join(f"[{number}]" for number in place)
    if wrong["type"] == "missing":
        raise UserError(f"The JSON object has no {where}: put {HINT} there.", str(name))
    shape = "a list of texts, each " if name == "images" and not place else "a text, "
    raise UserError(f"{where} must be {shape}{HINT}.", str(name))


def to_utf8(content: bytes) -> bytes:
    encoding = json.detect_encoding(content)
    return content if encoding == "utf-8" else content.decode(encoding, "replace").encode()


def form_pictures(content: bytes, takes_text: bool = False) -> list[bytes]:
    """The files called "image" of a form, else its text called so, else its only file, whatever that is called.

    Raises: UserError with code "form".
    """
    parser = FormDataParser(lambda *_, **__: io.BytesIO(), max_form_parts=MAX_FIELDS)  # no temporary files
    _, texts, files = parser.parse(io.BytesIO(content), MULTIPART, len(content), request.mimetype_params)
    if takes_text and "image" in texts and "image" not in files:
        return [decode_base64(texts["image"])]
    chosen = [file for _, file in files.items(multi=True) if file.filename]  # browsers send a file that was not chosen
    found = files.getlist("image") or chosen
    if not found:
        raise UserError('The form has no file called "image": send one, as curl -F image=@7.png does.', "form")
    if len(found) > 1 and "image" not in files:
        names = ", ".join(f'"{name}"' for name in list(files)[:5])
        raise UserError(f'The form has files called {names}: call the one to read "image".', "form")
    return [file.read() for file in found]


def form_field(content: bytes) -> str:
    """The field "image" of a urlencoded form, in which + may stand for itself. Raises: UserError with code "form"."""
    try:
        fields = parse_qs(content.decode("ascii", "replace"), max_num_fields=MAX_FIELDS)
        return fields["image"][0].replace(" ", "+")
    except (ValueError, KeyError):
        raise UserError('The form has no field "image", or too many others: send image=<base64>.', "form") from None


def decode_base64(text: str) -> bytes:
    """The bytes of a picture from base64 or a data: URL; padding, line breaks and the URL-safe alphabet are optional.

    Raises: UserError with code "base64".
    """
    text = text.strip()
    if text[:5].lower() == "data:":  # without a comma, nothing of it is base64
        text = unquote(text.partition(",")[2]) or "?"
    start = text[:30]
    text = "".join(text.split()).rstrip("=").translate(URL_SAFE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UserError(
            f"This is not base64, but begins with {start!r}: encode the bytes of the picture file.", "base64"
        ) from None
