"""The parts of the OpenAPI document that flask-openapi3 does not derive from the views: request bodies and errors."""

import copy

from flask_openapi3 import Tag

# The default callback of flask-openapi3, which exports it from here only: requirements.txt bounds the version.
from flask_openapi3.utils import get_operation_id_for_path
from pydantic import BaseModel

from digits.recognition.formats import FORMATS
from digits.serving.schemas import MULTIPART, BatchRequest, ErrorResponse, ImageRequest, StrokesRequest

READING, EXPLANATIONS, MONITORING = [Tag(name="Reading")], [Tag(name="Explanations")], [Tag(name="Monitoring")]
# A 1 as a PNG file of 28x28 pixels, for "Try it out" in the documentation.
EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAALklEQVR42mP8z4AbMDHQRJIFlcvIwPCf5naSIInqnkHgoMEmiRZA"
    "A+IgxgFItwCs6gU3dtiLcAAAAABJRU5ErkJggg=="
)
BINARY = {"type": "string", "format": "binary"}
IMAGE_TYPES = [known.media_type for known in FORMATS.values() if known.media_type]
PLAIN_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}}}}
NOT_MODIFIED = {"description": "The ETag in If-None-Match is still current."}
ERROR_DESCRIPTIONS = {
    400: "The request, or the picture in it, is broken.",
    408: "The request did not arrive in time.",
    413: "Too large: the body, the picture, or how many there are.",
    415: "Not a picture of the formats that are read, or a Content-Encoding that is not.",
    422: "Nothing is written in the picture, or too many marks.",
    503: "The server is overloaded or failed: try again after Retry-After seconds.",
}
PICTURE_ERRORS = tuple(ERROR_DESCRIPTIONS)  # of a route that takes pictures
# Of every route: the server answers a broken request with 400 before it knows the route, and any route may fail (503).
# flask-openapi3 adds its own form of a 400 wherever none is described.
COMMON_ERRORS = (400, 503)


def responses(answer: type[BaseModel] | dict, *errors: int) -> dict:
    """Describe the responses of an operation: `answer` with status 200, an ErrorResponse with each of `errors`."""
    return {200: answer} | {status: _error_response(status) for status in errors}


def _error_response(status: int) -> dict:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorResponse.__name__}"}}}
    response = {"description": ERROR_DESCRIPTIONS[status], "content": content}
    if status == 503:
        header = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
        response["headers"] = {"Retry-After": header}
    return response


def operation_id(*, name: str, path: str, method: str) -> str:
    """Name an operation without its blueprint, so that client generators keep the names of their methods."""
    return get_operation_id_for_path(name=name, path=path, method=method)


def _request_body(schema: type[BaseModel], example: dict, files: dict) -> dict:
    """Describe a request body: JSON, or a form with `files` called "image"."""
    form = {"type": "object", "required": ["image"], "properties": {"image": files}}
    content = {"application/json": {"schema": schema.model_json_schema(), "example": example}}
    return {"required": True, "content": content | {MULTIPART: {"schema": form}}}


# For `openapi_extensions` of a view: these views take several types of body, which flask-openapi3 cannot describe.
IMAGE_BODY = {"requestBody": _request_body(ImageRequest, {"image": EXAMPLE}, BINARY)}
IMAGE_BODY["requestBody"]["content"] |= {name: {"schema": BINARY} for name in IMAGE_TYPES}
# A 7 as the points of one stroke.
STROKES_EXAMPLE = {"strokes": [[[10, 12], [40, 10], [70, 9], [55, 40], [42, 70], [34, 98]]], "width": 80, "height": 110}
# Of the routes that take a drawing as strokes, too.
DRAWING_BODY = copy.deepcopy(IMAGE_BODY)
DRAWING_BODY["requestBody"]["content"]["application/json"] = {
    "schema": {"anyOf": [ImageRequest.model_json_schema(), StrokesRequest.model_json_schema()]},
    "examples": {"picture": {"value": {"image": EXAMPLE}}, "strokes": {"value": STROKES_EXAMPLE}},
}
IMAGES = {"type": "array", "items": BINARY, "minItems": 1}
BATCH_BODY = {"requestBody": _request_body(BatchRequest, {"images": [EXAMPLE, EXAMPLE]}, IMAGES)}


def picture_route(answer: type[BaseModel], tags: list[Tag], body: dict = IMAGE_BODY) -> dict:
    """Return the arguments of `APIBlueprint.post` for a route that takes pictures as `body` describes."""
    return {"tags": tags, "responses": responses(answer, *PICTURE_ERRORS), "openapi_extensions": body}
