"""Extracts the picture files from a Flask request.

A picture may arrive as base64 in JSON, as a file or a text field of a form, or as the body itself, with or without the
right Content-Type.
"""

import base64
import binascii
import io
import math
import re
import zlib
from typing import TypeVar
from urllib.parse import parse_qs, unquote

from flask import current_app, request
from pydantic import BaseModel, ValidationError
from werkzeug.formparser import FormDataParser

from digits import UserError
from digits.recognition import image_decoding
from digits.recognition.strokes import Drawing
from digits.serving.json_bodies import describe_body, is_drawing, parse_drawing, to_utf8
from digits.serving.schemas import BASE64_HINT, MULTIPART, PAGE_HINT, BatchRequest, ImageRequest, PageQuery
from digits.serving.wsgi_adapter import LARGE_MESSAGE

URLENCODED = "application/x-www-form-urlencoded"
PICTURE_TYPES = (
    "image/",
    "application/pdf",
    "application/octet-stream",
)  # beginnings of content types whose body is the picture
MAX_FORM_FIELDS = 1000
URL_SAFE = str.maketrans("-_", "+/")  # RFC 4648, section 5
GZIP_OR_ZLIB, RAW_DEFLATE = 47, -15  # wbits of zlib.decompressobj; clients send zlib and raw deflate as "deflate"
M = TypeVar("M", bound=BaseModel)
JSON_IMAGE = re.compile(rb'"image"\s*:\s*"(?:data:[^",]{0,99},)?([A-Za-z0-9+/]+)')


def parse_picture() -> bytes:
    """Return the content of the one picture file in the request.

    Raises: UserError: when the request contains none; the message names what is missing.
    """
    return find_picture(read_body(current_app.config["MAX_BODY"]))


def parse_picture_or_drawing() -> bytes | Drawing:
    """Return the drawing in the request if its body is JSON with strokes, else its picture as `parse_picture` does.

    Raises: UserError: as `parse_picture` and `parse_drawing` do.
    """
    content = read_body(current_app.config["MAX_BODY"])
    return parse_drawing(content) if is_drawing(content) else find_picture(content)


def find_picture(content: bytes) -> bytes:
    """Return the content of the one picture file in a body."""
    if request.mimetype == MULTIPART:
        return form_pictures(content, takes_text=True)[0]
    if request.mimetype.startswith(PICTURE_TYPES):
        return content
    if content[:1] != b"{" and image_decoding.is_picture(content):  # curl sends its own Content-Type, or none
        return content
    if request.mimetype == URLENCODED and b"image=" in content:
        return decode_base64(form_field(content))
    return decode_base64(parse_json(ImageRequest, '{"image": "<base64 of a picture>"}', content).image)


def parse_pictures() -> list[bytes | UserError]:
    """Return the content of each picture file in the request, or the error of one that is not base64.

    Raises: UserError: when the request contains no pictures, or with code "batch" when there are too many.
    """
    content = read_body(current_app.config["MAX_BODY"])
    if request.mimetype == MULTIPART:
        pictures: list = form_pictures(content)
    else:
        pictures = parse_json(BatchRequest, '{"images": ["<base64 of a picture>", …]}', content).images
    max_count = current_app.config["MAX_BATCH"]
    if len(pictures) > max_count:
        raise UserError(f"There are {len(pictures)} pictures: send at most {max_count} at once.", "batch")
    return [picture if isinstance(picture, bytes) else _decode_or_error(picture) for picture in pictures]


def chosen_page(query: PageQuery) -> int | None:
    """Return the page that the request's query names. Raises: UserError: with code "page" when it names several."""
    reject_repeated_parameter("page", PAGE_HINT)
    return query.page


def reject_repeated_parameter(name: str, hint: str) -> None:
    """Check that a parameter is given once. Raises: UserError: with its `name` as the code."""
    if len(request.args.getlist(name)) > 1:  # flask-openapi3 validates the first only
        raise UserError(hint, name)


def _decode_or_error(text: str) -> bytes | UserError:
    try:
        return decode_base64(text)
    except UserError as error:
        return error


def peek_pixels(body: bytes) -> float:
    """Return the number of pixels of the picture in a body, without decoding it.

    body: a picture file, or JSON.
    Returns: infinity if the beginning of the body does not tell.
    """
    if body[:1] == b"{":
        match = JSON_IMAGE.search(body)
        try:
            body = base64.b64decode(match[1] + b"==") if match else b""
        except ValueError:
            return math.inf
    return image_decoding.count_pixels(body)


def read_body(max_body: int) -> bytes:
    """Return the body of the request, decompressed.

    Raises: UserError: with code "large", "body" or "encoding".
    """
    try:
        content = request.stream.read(max_body + 1)
    except Exception:  # noqa: BLE001 # each server has its own exceptions for a body that breaks off or is malformed
        raise UserError("The body did not arrive whole: send it again.", "body") from None
    if encoding := request.headers.get("Content-Encoding", "").strip().lower():
        content = decompress(content, encoding, max_body)
    if len(content) > max_body:
        raise UserError(LARGE_MESSAGE.format(max_body / 2**20), "large")
    return content


def decompress(content: bytes, encoding: str, max_size: int) -> bytes:
    """Undo a Content-Encoding.

    Returns: at most `max_size` + 1 bytes, so that a decompression bomb fills no memory.
    Raises: UserError: with code "encoding" when the encoding is unknown, or does not match the content.
    """
    if encoding == "identity":
        return content
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UserError(
            f"Content-Encoding {encoding} is not supported: send gzip or deflate, or leave the header out.", "encoding"
        )
    for wbits in (GZIP_OR_ZLIB, RAW_DEFLATE):
        stream = zlib.decompressobj(wbits)
        try:
            decompressed = stream.decompress(content, max_size + 1)
        except zlib.error:
            continue
        if stream.eof or len(decompressed) > max_size:
            return decompressed
    raise UserError(f"The body is not {encoding}, as its Content-Encoding says: compress it again.", "encoding")


def parse_json(model: type[M], example: str, content: bytes) -> M:
    """Validate JSON in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    example: a body that `model` accepts, for the error message.
    Raises: UserError: with code "json", or with the name of the invalid field as its code.
    """
    try:
        return model.model_validate_json(to_utf8(content))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
    if not problem["loc"]:
        raise UserError(f"Send a JSON object: {example}. This is {describe_body(content)}.", "json")
    name, *indices = problem["loc"]
    field = f'"{name}"' + "".join(f"[{index}]" for index in indices)
    if problem["type"] == "missing":
        raise UserError(f"The JSON object has no {field}: put {BASE64_HINT} there.", str(name))
    kind = "a list of texts, each " if name == "images" and not indices else "a text, "
    raise UserError(f"{field} must be {kind}{BASE64_HINT}.", str(name))


def form_pictures(content: bytes, takes_text: bool = False) -> list[bytes]:
    """Return the files called "image" of a multipart form, else its text field "image", else its only file.

    takes_text: whether the text field is allowed.
    Raises: UserError: with code "form" when there is none of these.
    """
    parser = FormDataParser(lambda *_, **__: io.BytesIO(), max_form_parts=MAX_FORM_FIELDS)  # no temporary files
    _, texts, files = parser.parse(io.BytesIO(content), MULTIPART, len(content), request.mimetype_params)
    if takes_text and "image" in texts and "image" not in files:
        return [decode_base64(texts["image"])]
    chosen = [file for _, file in files.items(multi=True) if file.filename]  # browsers send empty file fields, too
    pictures = files.getlist("image") or chosen
    if not pictures:
        raise UserError('The form has no file called "image": send one, as curl -F image=@7.png does.', "form")
    if len(pictures) > 1 and "image" not in files:
        names = ", ".join(f'"{name}"' for name in list(files)[:5])
        raise UserError(f'The form has files called {names}: call the one to read "image".', "form")
    return [file.read() for file in pictures]


def form_field(content: bytes) -> str:
    """Return the field "image" of a urlencoded form, where "+" may be unescaped.

    Raises: UserError: with code "form" when there is no such field, or there are too many fields.
    """
    try:
        fields = parse_qs(content.decode("ascii", "replace"), max_num_fields=MAX_FORM_FIELDS)
    except ValueError:  # too many fields
        fields = {}
    if "image" not in fields:
        raise UserError('The form has no field "image", or too many others: send image=<base64>.', "form")
    return fields["image"][0].replace(" ", "+")


def decode_base64(text: str) -> bytes:
    """Decode base64 or a data: URL; padding, line breaks and the URL-safe alphabet are optional.

    Raises: UserError: with code "base64".
    """
    text = text.strip()
    if text[:5].lower() == "data:":
        text = unquote(text.partition(",")[2]) or "?"  # "?" is not base64: a URL without a comma has no data
    start = text[:30]
    text = "".join(text.split()).rstrip("=").translate(URL_SAFE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UserError(
            f"This is not base64, but begins with {start!r}: encode the bytes of the picture file.", "base64"
        ) from None
