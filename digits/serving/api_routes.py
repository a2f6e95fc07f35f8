"""Routes that read pictures, and routes for monitoring: liveness, readiness, metrics."""

from flask import Response, current_app
from flask_openapi3 import APIBlueprint
from PIL import Image, ImageDraw

from digits import UserError
from digits.recognition import image_decoding
from digits.recognition.reader import Reader
from digits.recognition.results import Trace
from digits.serving import openapi
from digits.serving.loaded_models import current_models
from digits.serving.request_parsing import parse_picture, parse_pictures
from digits.serving.schemas import BatchResponse, ErrorResponse, HealthResponse, ReadingResponse

blueprint = APIBlueprint("api", __name__, operation_id_callback=openapi.operation_id)


@blueprint.post("/api", **openapi.picture_route(ReadingResponse, openapi.READING))
def read() -> dict:
    """Read one picture"""
    return read_and_count(parse_picture()).model_dump()


@blueprint.post("/api/batch", **openapi.picture_route(BatchResponse, openapi.READING, openapi.BATCH_BODY))
def read_batch() -> dict:
    """Read several pictures; each gets a reading or an error of its own"""
    return BatchResponse(readings=[reading_or_error(content) for content in parse_pictures()]).model_dump()


@blueprint.get("/healthz", tags=openapi.MONITORING, responses=openapi.responses(HealthResponse, *openapi.COMMON_ERRORS))
def report_liveness() -> dict:
    """Liveness: whether the process answers"""
    return HealthResponse(status="alive").model_dump()


@blueprint.get("/readyz", tags=openapi.MONITORING, responses=openapi.responses(HealthResponse, *openapi.COMMON_ERRORS))
def report_readiness() -> dict:
    """Readiness: whether a digit can be read, by reading one"""
    if current_models().reader.read(readiness_image()).text != "1":
        raise RuntimeError("The readiness image was not read as 1.")
    return HealthResponse(status="ready").model_dump()


@blueprint.get(
    "/metrics", tags=openapi.MONITORING, responses=openapi.responses(openapi.PLAIN_TEXT, *openapi.COMMON_ERRORS)
)
def metrics() -> Response:
    """Metrics for Prometheus"""
    content = current_app.extensions["metrics"].exposition()
    return Response(content, mimetype="text/plain; version=0.0.4")


def reading_or_error(content: bytes | UserError) -> ReadingResponse | ErrorResponse:
    """Read one picture of a batch; an error does not affect the others."""
    if isinstance(content, UserError):
        return ErrorResponse.from_user_error(content)
    try:
        return read_and_count(content)
    except UserError as error:
        return ErrorResponse.from_user_error(error)


def read_and_count(content: bytes) -> ReadingResponse:
    """Read a picture file and count the reading in the metrics.

    Raises: UserError: as `read_picture` does.
    """
    reading = read_picture(content, current_models().reader).reading
    current_app.extensions["metrics"].count_reading(len(reading.digits), reading.certain)
    return ReadingResponse.model_validate(reading)


def read_picture(content: bytes, reader: Reader) -> Trace:
    """Decode a picture file within the limits of the settings, and read it.

    Raises: UserError: as `image_decoding.decode` does, or when the picture has no digits that can be read.
    """
    config = current_app.config
    trace = reader.trace(image_decoding.decode(content, config["MAX_PIXELS"], config["MAX_DECODE"]))
    if trace.reading.error:
        raise trace.reading.error
    return trace


def readiness_image() -> Image.Image:
    """Draw a handwritten 1, 28×28 pixels, black on white."""
    image = Image.new("L", (28, 28), 255)
    ImageDraw.Draw(image).line((15, 4, 13, 23), 0, 3)
    return image
