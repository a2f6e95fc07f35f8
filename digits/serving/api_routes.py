"""Routes that read pictures, and those that tell whether the server does."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, jsonify
from PIL import Image, ImageDraw

from digits import UserError
from digits.recognition import decoding
from digits.recognition.reader import Reader
from digits.recognition.results import Trace
from digits.serving import schemas
from digits.serving.request_parsing import parse_picture, parse_pictures


def init_app(app: Flask, networks: Callable[[], Any]) -> None:
    """Add the routes to `app`; `networks` gives the current app.LoadedModels."""
    settings, metrics = app.config["SETTINGS"], app.extensions["metrics"]

    def reading_of(content: bytes) -> dict:
        reading = read_picture(content, networks().reader).reading
        metrics.count_reading(len(reading.digits), reading.certain)
        return reading.to_dict()

    def reading_or_error(content: bytes | UserError) -> dict:
        try:
            if isinstance(content, UserError):
                raise content
            return reading_of(content)
        except UserError as error:
            return {"error": {"code": error.code, "message": str(error)}}

    @schemas.picture_route(app, "/api", schemas.READING, schemas.PictureRead, schemas.ONE_PICTURE)
    def read() -> Response:
        """Read one picture"""
        return jsonify(reading_of(parse_picture(settings.max_body)))

    @schemas.picture_route(app, "/api/batch", schemas.READING, schemas.PicturesRead, schemas.MANY_PICTURES)
    def read_batch() -> Response:
        """Read some pictures; one that cannot be read spoils no other"""
        contents = parse_pictures(settings.max_body, settings.max_batch)
        return jsonify(readings=[reading_or_error(content) for content in contents])

    @app.get("/healthz", tags=schemas.MONITORING, responses={200: schemas.Health} | schemas.error_responses(503))
    def is_alive() -> Response:
        """Whether the process lives"""
        return jsonify(status="alive")

    @app.get("/readyz", tags=schemas.MONITORING, responses={200: schemas.Health} | schemas.error_responses(503))
    def is_ready() -> Response:
        """Whether a digit can be read: one is"""
        if networks().reader.read(readiness_image()).text != "1":
            raise RuntimeError("a stroke was not read as 1")
        return jsonify(status="ready")

    text = {"content": {"text/plain": {"schema": {"type": "string"}}}}

    @app.get("/metrics", tags=schemas.MONITORING, responses={200: text})
    def exposition() -> Response:
        """Metrics for Prometheus"""
        return Response(metrics.exposition(), mimetype="text/plain; version=0.0.4")


def read_picture(content: bytes, reader: Reader) -> Trace:
    """Decode and read a picture file. Raises: UserError of `decoding.decode`, and if there are no digits to read."""
    settings = current_app.config["SETTINGS"]
    trace = reader.trace(decoding.decode(content, settings.max_pixels, settings.max_decode))
    if trace.reading.error:
        raise trace.reading.error
    return trace


def readiness_image() -> Image.Image:
    """A handwritten 1 of 28×28 pixels."""
    image = Image.new("L", (28, 28), 255)
    ImageDraw.Draw(image).line((15, 4, 13, 23), 0, 3)
    return image
