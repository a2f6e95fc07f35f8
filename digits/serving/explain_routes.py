"""Routes that show the inside of the network: what happens to one digit, what other networks read, what was learned."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from flask import Flask, Response, jsonify, request

from digits import UserError
from digits.explain.activations import explain_digit, to_lists
from digits.explain.comparison import ComparedModel, compare_models
from digits.serving import schemas
from digits.serving.api_routes import read_picture
from digits.serving.request_parsing import parse_picture


def init_app(app: Flask, networks: Callable[[], Any]) -> None:
    """Add the routes to `app`; `networks` gives the current app.LoadedModels.

    These readings are not counted in the metrics, as the page asks for them after `POST /api`, of the same picture.
    """
    max_body = app.config["SETTINGS"].max_body

    @schemas.picture_route(app, "/api/explain", schemas.EXPLAINING, schemas.Explained, schemas.ONE_PICTURE_AND_DIGIT)
    def explain() -> Response:
        """Read one picture, and see what goes on inside the network with one of its digits"""
        number, reader = parse_digit(), networks().reader
        trace = read_picture(parse_picture(max_body), reader)
        reading = trace.reading
        if number >= len(reading.digits):
            last = len(reading.digits) - 1
            raise UserError(f'There is no such digit: "digit" is 0 for the first and {last} for the last one.', "digit")
        explanation = explain_digit(reading.digits[number], trace.digits[number], reader.model, reader.device)
        return jsonify(reading=reading.to_dict(), digit=number, **explanation)

    @schemas.picture_route(app, "/api/compare", schemas.EXPLAINING, schemas.Compared, schemas.ONE_PICTURE)
    def compare() -> Response:
        """Read one picture with simpler networks, too"""
        current = networks()
        reading = read_picture(parse_picture(max_body), current.reader).reading
        return jsonify(networks=compare_models(reading, current.compared, current.reader.device))

    @app.get(
        "/api/network",
        tags=schemas.EXPLAINING,
        responses={200: schemas.Network, 304: schemas.NOT_MODIFIED} | schemas.error_responses(503),
    )
    def network() -> Response:
        """What the network has learned; send If-None-Match to hear only of what is new"""
        current = networks()
        response = jsonify(describe_network(current.served, current.compared))
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        return response.make_conditional(request)


def parse_digit() -> int:
    """Which digit of the reading is asked about, from the left. Raises: UserError with code "digit"."""
    given = request.args.getlist("digit") or ["0"]
    if len(given) > 1 or not re.fullmatch("[0-9]{1,9}", given[0]):
        raise UserError('"digit" must be a whole number: 0 for the first digit from the left, 1 for the next.', "digit")
    return int(given[0])


def describe_network(served: ComparedModel, compared: Sequence[ComparedModel]) -> dict:
    """The filters of `served`, and the templates of the softmax network among `compared`."""
    layers = served.network.named_children()
    filters = {name: layer.weight.detach() for name, layer in layers if isinstance(layer, torch.nn.Conv2d)}
    softmax = next((rung.network for rung in compared if rung.name == "softmax"), None)
    return {
        "name": served.name,
        "parameters": served.parameter_count,
        "test_accuracy": served.test_accuracy,
        "filters": {name: to_lists(weight.squeeze(1)) for name, weight in filters.items()},
        "templates": softmax and to_lists(softmax.fc.weight.detach().view(10, 28, 28)),
    }
