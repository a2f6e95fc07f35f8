"""The API as OpenAPI 3.1 describes it: what goes in, what comes out, and what each refusal means."""

from flask_openapi3 import Tag
from pydantic import BaseModel, Field

from digits.sent import FORM, OnePicture, Pictures

# A 1, as a PNG file of 28x28: to try it out with.
EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAALklEQVR42mP8z4AbMDHQRJIFlcvIwPCf5naSIInqnkHgoMEmiRZA"
    "A+IgxgFItwCs6gU3dtiLcAAAAABJRU5ErkJggg=="
)
READING, WATCHING = [Tag(name="Reading")], [Tag(name="Watching")]  # the two kinds of routes
BINARY = {"type": "string", "format": "binary"}
REASONS = {
    400: "The request, or the picture in it, is broken.",
    408: "The request did not arrive in time.",
    413: "Too large: the body, the picture, or how many there are.",
    415: "No picture of the formats that are read.",
    422: "Nothing is written in the picture, or too many marks.",
    429: "Too many requests, where --rate-limit is set.",
    503: "More to read than can be, or the fault is here: try again after Retry-After seconds.",
}


class DigitRead(BaseModel):
    """One digit of a reading."""

    result: int = Field(ge=0, le=9, description="The likeliest digit")
    probability: float = Field(ge=0, le=1, description="How likely it is")
    probabilities: list[float] = Field(min_length=10, max_length=10, description="How likely 0 to 9 are")
    box: tuple[int, int, int, int] = Field(description="Left, top, right, bottom in pixels of the upright picture")


class PictureRead(BaseModel):
    """What a picture says."""

    result: int | None = Field(description="text as a number; null beyond 15 digits, which JSON readers would round")
    probability: float = Field(ge=0, le=1, description="The calibrated chance that all of text is right")
    text: str = Field(pattern="^[0-9]+$", description="What was read, with leading zeros")
    certain: bool = Field(description="False where a person should look")
    digits: list[DigitRead] = Field(description="Left to right, line by line")


class Fault(BaseModel):
    """Why, for programs and for people."""

    code: str = Field(description="One word for programs")
    message: str = Field(description="What to do")


class Refusal(BaseModel):
    """What every error looks like."""

    error: Fault


class PicturesRead(BaseModel):
    """What pictures say, in the order in which they were sent."""

    readings: list[PictureRead | Refusal]


class Health(BaseModel):
    """How the server is."""

    status: str


def refusals(*statuses: int) -> dict[int, dict]:
    """The responses of an operation that may refuse with `statuses`."""
    found = {}
    for status in statuses:
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
        found[status] = {"description": REASONS[status], "content": content}
        if status in (429, 503):
            header = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
            found[status]["headers"] = {"Retry-After": header}
    return found


def sent(kind: type[BaseModel], raw: bool) -> dict:
    """The body of a request: JSON of a `kind`, a form with files called "image", or, if `raw`, a picture itself."""
    image = BINARY if raw else {"type": "array", "items": BINARY, "minItems": 1}
    form = {"type": "object", "required": ["image"], "properties": {"image": image}}
    example = {"image": EXAMPLE} if raw else {"images": [EXAMPLE, EXAMPLE]}
    content: dict = {"application/json": {"schema": kind.model_json_schema(), "example": example}}
    content[FORM] = {"schema": form}
    if raw:
        content |= {f"image/{name}": {"schema": BINARY} for name in ("png", "jpeg", "webp", "gif", "bmp", "tiff")}
    return {"requestBody": {"required": True, "content": content}}


ONE, MANY = sent(OnePicture, raw=True), sent(Pictures, raw=False)


def tidied(document: dict) -> dict:
    """`document` as flask-openapi3 makes it, without the errors of its own kind, which it adds everywhere."""
    for path in document["paths"].values():
        for operation in path.values():
            if "array" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in ("ValidationErrorModel", "ValidationErrorModel1"):
        document["components"]["schemas"].pop(name, None)
    if document["components"].get("securitySchemes") is None:
        document["components"].pop("securitySchemes", None)
    return document
