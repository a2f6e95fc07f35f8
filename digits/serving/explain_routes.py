"""The routes for who looks inside the network: what one digit does in it, what others read, what it has learned."""

import functools
import re
from collections.abc import Callable, Sequence

import torch
from flask import Flask, Response, jsonify, request

from digits import Later, UserError
from digits.serving import schemas as openapi
from digits.explain import explained, listed
from digits.ladder import Rung, compared
from digits.reader import Reader, Reading


def add(app: Flask, reader: Reader, read: Callable[[], Reading], rungs: Sequence[Rung]) -> None:
    """Add them to `app`: `read` gives the reading of the picture in the request; one of `rungs` is what reads.

    Readings are not counted in the journal: the page asks for them beside `POST /api`, of the same picture.
    """
    explains(app, reader, read)
    compares(app, reader, read, rungs)
    tells(app, next(rung for rung in rungs if rung.quick is reader.model), rungs)


def explains(app: Flask, reader: Reader, read: Callable[[], Reading]) -> None:
    """Let `app` show what goes on with one digit."""

    @openapi.takes(app, "/api/explain", openapi.INSIDE, openapi.Explained, openapi.ONE_OF_ITS_DIGITS)
    def explain() -> Response:
        """Read one picture, and see what goes on inside the network with one of its digits"""
        number = asked()
        later()
        reading = read()
        if number >= len(reading.digits):
            last = len(reading.digits) - 1
            raise UserError(f'There is no such digit: "digit" is 0 for the first and {last} for the last one.', "digit")
        digit = reading.digits[number]
        return jsonify(reading=reading.as_dict(), digit=number, **explained(digit, reader.model, reader.device))


def compares(app: Flask, reader: Reader, read: Callable[[], Reading], rungs: Sequence[Rung]) -> None:
    """Let `app` show what each of `rungs` reads."""

    @openapi.takes(app, "/api/compare", openapi.INSIDE, openapi.Compared, openapi.ONE)
    def compare() -> Response:
        """Read one picture with simpler networks, too"""
        later()
        return jsonify(networks=compared(read(), rungs, reader.device))


def tells(app: Flask, served: Rung, rungs: Sequence[Rung]) -> None:
    """Let `app` tell what `served` has learned."""
    description = functools.cache(lambda: jsonify(described(served, rungs)).get_data())

    @app.get(
        "/api/network",
        tags=openapi.INSIDE,
        responses={200: openapi.Network, 304: openapi.UNCHANGED} | openapi.refusals(429, 503),
    )
    def network() -> Response:
        """What the network has learned; send If-None-Match to hear only of what is new"""
        response = Response(description(), mimetype="application/json", headers={"Cache-Control": "no-cache"})
        response.add_etag()
        return response.make_conditional(request)


def later() -> None:
    """Let others be answered first: this takes tens of milliseconds."""
    if request.environ.get("digits.inline"):
        raise Later


def asked() -> int:
    """Which digit of the reading is asked about, from the left. Errors: UserError with code "digit"."""
    sent = request.args.getlist("digit") or ["0"]
    if len(sent) > 1 or not re.fullmatch("[0-9]{1,9}", sent[0]):
        raise UserError('"digit" must be a whole number: 0 for the first digit from the left, 1 for the next.', "digit")
    return int(sent[0])


def described(served: Rung, rungs: Sequence[Rung]) -> dict:
    """What `served` has learned, and the templates of the softmax network among `rungs`."""
    layers = served.network.named_children()
    filters = {name: layer.weight.detach() for name, layer in layers if isinstance(layer, torch.nn.Conv2d)}
    softmax = next((rung.network for rung in rungs if rung.name == "softmax"), None)
    return {
        "name": served.name,
        "parameters": served.parameters,
        "test_accuracy": served.test_accuracy,
        "filters": {name: listed(weight.squeeze(1)) for name, weight in filters.items()},
        "templates": softmax and listed(softmax.fc.weight.detach().view(10, 28, 28)),
    }
