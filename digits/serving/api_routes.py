"""Routes that read pictures, and routes for monitoring: liveness, readiness, metrics."""

import base64
import io

import numpy as np
from flask import Response, current_app
from flask_openapi3 import APIBlueprint
from PIL import Image, ImageDraw

from digits import UserError
from digits.recognition import image_decoding
from digits.recognition.pages import PageTrace, trace_first_written_page, trace_page
from digits.recognition.reader import Reader, to_working_array
from digits.recognition.results import Trace
from digits.recognition.strokes import Drawing
from digits.serving import openapi
from digits.serving.loaded_models import current_models
from digits.serving.request_parsing import (
    chosen_page,
    parse_picture,
    parse_picture_or_drawing,
    parse_pictures,
)
from digits.serving.schemas import (
    BatchResponse,
    ErrorResponse,
    HealthResponse,
    PageQuery,
    PictureResponse,
    ReadingResponse,
)

blueprint = APIBlueprint("api", __name__, operation_id_callback=openapi.operation_id)


@blueprint.post("/api", **openapi.picture_route(ReadingResponse, openapi.READING, openapi.DRAWING_BODY))
def read(query: PageQuery) -> dict:
    """Read one picture, of a file with several pages the first with writing, or a drawing sent as strokes"""
    return read_and_count(parse_picture_or_drawing(), chosen_page(query)).model_dump()


@blueprint.post("/api/batch", **openapi.picture_route(BatchResponse, openapi.READING, openapi.BATCH_BODY))
def read_batch() -> dict:
    """Read several pictures; each gets a reading or an error of its own"""
    return BatchResponse(readings=[reading_or_error(content) for content in parse_pictures()]).model_dump()


@blueprint.post("/api/picture", **openapi.picture_route(PictureResponse, openapi.READING))
def show_picture(query: PageQuery) -> dict:
    """Show a picture as the reader sees it: for formats that a browser does not show, and files with several pages"""
    image, trace = decode_to_show(parse_picture(), current_models().reader, chosen_page(query))
    return PictureResponse(
        image=encode_data_url(to_working_array(image)[0]), page=trace.reading.page, pages=trace.reading.pages
    ).model_dump()


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


def read_and_count(content: bytes | Drawing, page: int | None = None) -> ReadingResponse:
    """Read a picture file or a drawing and count the reading in the metrics.

    Raises: UserError: as `read_picture` does.
    """
    reading = read_picture(content, current_models().reader, page).reading
    current_app.extensions["metrics"].count_reading(len(reading.digits), reading.certain)
    return ReadingResponse.model_validate(reading)


def read_picture(content: bytes | Drawing, reader: Reader, page: int | None = None) -> Trace:
    """Decode a picture file within the limits of the settings, and read it; or read a drawing.

    page: which page of the file to read, from 1; None for the first with writing.

    Raises: UserError: as `image_decoding.decode` does, or when the picture has no digits that can be read; with code
    "page" when a drawing is not to be read as its first page.
    """
    if isinstance(content, Drawing):
        if page not in (None, 1):
            raise UserError(f"There is no page {page}: strokes are 1 page.", "page")
        trace = reader.trace_drawing(content)
    else:
        _, trace = decode_and_trace(content, reader, page)
    if trace.reading.error:
        raise trace.reading.error
    return trace


def decode_and_trace(content: bytes, reader: Reader, page: int | None) -> PageTrace:
    """Do what `read_picture` does, and return the page also where it has no digits."""
    config = current_app.config
    file = image_decoding.open_file(content, config["MAX_PIXELS"], config["MAX_DECODE"])
    return trace_page(reader, file, page) if page else trace_first_written_page(reader, file)


def decode_to_show(content: bytes, reader: Reader, page: int | None) -> PageTrace:
    """Do what `decode_and_trace` does; of a file in which it finds no digits, return the first page to look at."""
    try:
        return decode_and_trace(content, reader, page)
    except UserError as error:
        if error.code not in ("blank", "crowded"):
            raise
    return decode_and_trace(content, reader, 1)


def encode_data_url(pixels: np.ndarray) -> str:
    """Encode a picture (H, W, C) uint8 as a data: URL of a PNG file."""
    file = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.save(file, "PNG", compress_level=1)  # 6, the default, takes four times as long
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def readiness_image() -> Image.Image:
    """Draw a handwritten 1, 28×28 pixels, black on white."""
    image = Image.new("L", (28, 28), 255)
    ImageDraw.Draw(image).line((15, 4, 13, 23), 0, 3)
    return image
