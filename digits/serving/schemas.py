"""Schemas of the API for its OpenAPI 3.1 document: requests, responses and errors."""

import copy
from collections.abc import Callable
from typing import Annotated, Any

from flask_openapi3 import Tag
from pydantic import BaseModel, Field

from digits.serving.request_parsing import MULTIPART, BatchRequest, ImageRequest

# A 1 as a PNG file of 28x28 pixels, for "Try it out" in the documentation.
EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAALklEQVR42mP8z4AbMDHQRJIFlcvIwPCf5naSIInqnkHgoMEmiRZA"
    "A+IgxgFItwCs6gU3dtiLcAAAAABJRU5ErkJggg=="
)
READING, EXPLAINING, MONITORING = [Tag(name="Reading")], [Tag(name="Looking inside")], [Tag(name="Watching")]
BINARY = {"type": "string", "format": "binary"}
REASONS = {
    400: "The request, or the picture in it, is broken.",
    408: "The request did not arrive in time.",
    413: "Too large: the body, the picture, or how many there are.",
    415: "Not a picture of the formats that are read, or a Content-Encoding that is not.",
    422: "Nothing is written in the picture, or too many marks.",
    503: "More to read than can be, or the fault is here: try again after Retry-After seconds.",
}


class DigitRead(BaseModel):
    """One digit of a reading."""

    result: int = Field(ge=0, le=9, description="The likeliest digit")
    probability: float = Field(ge=0, le=1, description="How likely it is")
    probabilities: list[float] = Field(min_length=10, max_length=10, description="How likely 0 to 9 are")
    box: tuple[int, int, int, int] = Field(description="Left, top, right, bottom in pixels of the upright picture")


class PictureRead(BaseModel):
    """The reading of a picture."""

    result: int | None = Field(description="text as a number; null beyond 15 digits, which JSON readers would round")
    probability: float = Field(ge=0, le=1, description="The calibrated chance that all of text is right")
    text: str = Field(pattern="^[0-9]+$", description="What was read, with leading zeros")
    certain: bool = Field(description="False where a person should look")
    digits: list[DigitRead] = Field(description="Left to right, line by line")


class Fault(BaseModel):
    """An error, for programs and for people."""

    code: str = Field(description="One word for programs")
    message: str = Field(description="What to do")


class Refusal(BaseModel):
    """The form of every error."""

    error: Fault


class PicturesRead(BaseModel):
    """The readings of pictures, in the order in which they were sent."""

    readings: list[PictureRead | Refusal]


Row = Annotated[list[float], Field(min_length=28, max_length=28)]
Map = Annotated[list[Row], Field(min_length=28, max_length=28, description="28 rows, from the top")]
Rectangle = tuple[float, float, float, float]


class Framed(BaseModel):
    """A digit as the network sees it: 28x28 pixels, and where in the picture they come from."""

    crop: Rectangle = Field(description="Left, top, right, bottom in pixels of the upright picture")
    placed: Rectangle = Field(description="The same rectangle in pixels of the frame; it may reach a little outside")
    centre: tuple[float, float] = Field(description="The ink's centre of mass, x and y in pixels of the frame")
    pixels: list[list[int]] = Field(description="28 rows of 28, 0 for paper to 255 for the darkest ink")


class Layer(BaseModel):
    """The output of one layer for the digit."""

    name: str
    shape: list[int] = Field(description="How many maps of how many rows and columns, or how many numbers")
    values: list = Field(description="In lists of this shape: after ReLU; of the last layer the logits of 0 to 9")


class Heat(BaseModel):
    """Which ink speaks for each of the ten digits, above 0, and which against it, below."""

    method: str
    values: list[Map] = Field(min_length=10, max_length=10, description="For 0 to 9, as logarithms; their sum is 0")


class Explained(BaseModel):
    """The computation of the network for one digit of a picture."""

    reading: PictureRead
    digit: int = Field(ge=0, description="Which of the reading's digits this is about")
    frame: Framed
    layers: list[Layer] = Field(description="In the order in which the digit passes them")
    heat: Heat


class NetworkRead(BaseModel):
    """The reading of one network."""

    name: str
    parameters: int = Field(description="How many numbers it has learned")
    test_accuracy: float | None = Field(description="Percent of MNIST's test images; null where it is not known")
    text: str = Field(pattern="^[0-9]+$")
    probability: float = Field(ge=0, le=1, description="The chance that all digits are right, as they were cut out")
    digits: list[DigitRead]


class Compared(BaseModel):
    """The readings of several networks for the same digits, from the smallest network on."""

    networks: list[NetworkRead]


class Network(BaseModel):
    """The weights of the network that can be shown."""

    name: str
    parameters: int
    test_accuracy: float | None = Field(description="Percent of MNIST's test images; null where it is not known")
    filters: dict[str, list] = Field(description="Of each convolution the weights, 3x3 for each map before it")
    templates: list[Map] | None = Field(description="The weights of softmax regression for 0 to 9; null without it")


class Health(BaseModel):
    """The state of the server."""

    status: str


def error_responses(*statuses: int) -> dict[int, dict]:
    """The error responses of an operation, by status."""
    found = {}
    for status in statuses:
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
        found[status] = {"description": REASONS[status], "content": content}
        if status == 503:
            header = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
            found[status]["headers"] = {"Retry-After": header}
    return found


def picture_route(app: Any, path: str, tags: list[Tag], answer: type[BaseModel], body: dict) -> Callable:
    """Decorate a view of `app` that takes pictures as `body` by POST and responds with an `answer`."""
    responses = {200: answer} | error_responses(400, 408, 413, 415, 422, 503)
    return app.post(path, tags=tags, responses=responses, openapi_extensions=body)


def request_body(kind: type[BaseModel], raw: bool) -> dict:
    """The body of a request: JSON of a `kind`, a form with files called "image", or, if `raw`, a picture itself."""
    image = BINARY if raw else {"type": "array", "items": BINARY, "minItems": 1}
    form = {"type": "object", "required": ["image"], "properties": {"image": image}}
    example = {"image": EXAMPLE} if raw else {"images": [EXAMPLE, EXAMPLE]}
    content: dict = {"application/json": {"schema": kind.model_json_schema(), "example": example}}
    content[MULTIPART] = {"schema": form}
    if raw:
        content |= {f"image/{name}": {"schema": BINARY} for name in ("png", "jpeg", "webp", "gif", "bmp", "tiff")}
    return {"requestBody": {"required": True, "content": content}}


ONE_PICTURE, MANY_PICTURES = request_body(ImageRequest, raw=True), request_body(BatchRequest, raw=False)
DIGIT_PARAMETER = {
    "name": "digit",
    "in": "query",
    "description": "Which digit of the reading, from the left; 0 is the first",
    "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0},
}
ONE_PICTURE_AND_DIGIT = ONE_PICTURE | {"parameters": [DIGIT_PARAMETER]}
NOT_MODIFIED = {"description": "The ETag in If-None-Match is still current."}


def describe_api(document: dict, root: str) -> dict:
    """The OpenAPI document of flask-openapi3 without its own validation errors, for an API at the path `root`."""
    document = copy.deepcopy(document) | {"servers": [{"url": root or "/"}]}
    for path in document["paths"].values():
        for operation in path.values():
            if "array" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in ("ValidationErrorModel", "ValidationErrorModel1"):
        document["components"]["schemas"].pop(name, None)
    if document["components"].get("securitySchemes") is None:
        document["components"].pop("securitySchemes", None)
    return document
