"""What a client sent: from a Flask request to the bytes of its pictures.

A picture comes as base64 in JSON, as a file in a form, or as the body itself.
"""

import base64
import binascii
from typing import Annotated

from flask import request
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from digits import UserError

FORM = "multipart/form-data"
RAW = ("image/", "application/octet-stream")  # how the types of a body begin that is a picture itself
HINT = "the base64 of a picture file, or a data: URL of one"


class OnePicture(BaseModel):
    """A picture to read."""

    model_config = ConfigDict(strict=True)
    image: str = Field(min_length=1, description=f"{HINT[0].upper()}{HINT[1:]}")


class Pictures(BaseModel):
    """Pictures to read."""

    model_config = ConfigDict(strict=True)
    images: Annotated[list[str], FailFast()] = Field(min_length=1, description=f"For each picture {HINT}")


def picture(max_body: int) -> bytes:
    """The bytes of the one picture in the request, whatever way it came.

    Errors: UserError that says what the request lacks.
    """
    kind = request.mimetype
    if kind.startswith(RAW):
        return body(max_body)
    if kind == FORM:
        return files(max_body)[0].read()
    return decoded(parsed(OnePicture, 'Send a JSON object: {"image": "<base64 of a picture>"}.', max_body).image)


def pictures(max_body: int, most: int) -> list[bytes | UserError]:
    """The bytes of each picture in the request, or what is wrong with it.

    Errors: UserError that says what the request lacks, or with code "batch" when there are more than `most`.
    """
    if request.mimetype == FORM:
        found: list = files(max_body)
    else:
        hint = 'Send a JSON object: {"images": ["<base64 of a picture>", …]}.'
        found = parsed(Pictures, hint, max_body).images
    if len(found) > most:
        raise UserError(f"There are {len(found)} pictures: send at most {most} at once.", "batch")
    contents: list[bytes | UserError] = []
    for one in found:
        try:
            contents.append(one.read() if isinstance(one, FileStorage) else decoded(one))
        except UserError as error:
            contents.append(error)
    return contents


def body(max_body: int) -> bytes:
    """The body of the request. Errors: UserError with code "large" or "body"."""
    try:
        content = request.stream.read(max_body + 1)
    except RequestEntityTooLarge:
        content = bytes(max_body + 1)
    except Exception:  # each server has its own kinds for a body that breaks off or makes no sense
        raise UserError("The body did not arrive whole: send it again.", "body") from None
    if len(content) > max_body:
        raise UserError(f"The body is over {max_body / 2**20:g} MB: send a smaller picture.", "large")
    return content


def parsed(kind: type[BaseModel], hint: str, max_body: int) -> BaseModel:
    """The request's JSON as a `kind`, whatever its Content-Type says.

    Errors: UserError with code "json", or the name of the field that is wrong.
    """
    try:
        return kind.model_validate_json(body(max_body))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
    if not wrong["loc"]:
        raise UserError(hint, "json")
    name, *place = wrong["loc"]
    where = f'"{name}"' + "".join(f"[{number}]" for number in place)
    if wrong["type"] == "missing":
        raise UserError(f"The JSON object has no {where}: put {HINT} there.", str(name))
    shape = "a list of texts, each " if name == "images" and not place else "a text, "
    raise UserError(f"{where} must be {shape}{HINT}.", str(name))


def files(max_body: int) -> list[FileStorage]:
    """The files called "image" of a form.

    Errors: UserError with code "large" or "form".
    """
    request.max_content_length = max_body
    try:
        found = request.files.getlist("image")
    except RequestEntityTooLarge:
        raise UserError(f"The form is over {max_body / 2**20:g} MB: send a smaller picture.", "large") from None
    if not found:
        raise UserError('The form has no file called "image": send one, as curl -F image=@7.png does.', "form")
    return found


def decoded(text: str) -> bytes:
    """The bytes of a picture from base64, in lines or not, or from a data: URL.

    Errors: UserError with code "base64".
    """
    text = text.strip()
    if text[:5].lower() == "data:":  # without a comma, nothing of it is base64
        text = text.partition(",")[2] or "?"
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UserError("This is not base64: encode the bytes of the picture file.", "base64") from None
