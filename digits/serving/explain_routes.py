"""Routes that explain the network: its computation for one digit, other networks' readings, and its weights.

These readings are not counted in the metrics: the page sends the same picture to `POST /api` first.
"""

import torch
from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint

from digits import UserError
from digits.explain import saliency
from digits.explain.activations import center_of_mass, layer_outputs
from digits.explain.comparison import ComparedModel, compare_models
from digits.recognition.results import Digit, DigitTrace, Reading
from digits.serving import openapi
from digits.serving.api_routes import read_picture
from digits.serving.loaded_models import LoadedModels, current_models
from digits.serving.request_parsing import chosen_page, parse_picture_or_drawing, reject_repeated_parameter
from digits.serving.schemas import (
    INDEX_HINT,
    CompareResponse,
    ExplainQuery,
    ExplainResponse,
    LayerOutput,
    NetworkReading,
    NetworkResponse,
    NormalizedDigit,
    PageQuery,
    Saliency,
)

blueprint = APIBlueprint("explain", __name__, operation_id_callback=openapi.operation_id)


@blueprint.post("/api/explain", **openapi.picture_route(ExplainResponse, openapi.EXPLANATIONS, openapi.DRAWING_BODY))
def explain(query: ExplainQuery) -> dict:
    """Read one picture, and explain the network's computation for one of its digits"""
    reject_repeated_parameter("digit", INDEX_HINT)
    reader = current_models().reader
    trace = read_picture(parse_picture_or_drawing(), reader, chosen_page(query))
    reading, index = trace.reading, query.digit
    if index >= len(reading.digits):
        last = len(reading.digits) - 1
        raise UserError(f'There is no such digit: "digit" is 0 for the first and {last} for the last one.', "digit")
    digit = reading.digits[index]
    outputs = layer_outputs(digit.pixels, reader.network, reader.device)
    saliency_maps = saliency.rise(digit.pixels, reader.network, reader.device)
    return ExplainResponse(
        reading=reading,
        digit=index,
        frame=describe_normalization(digit, trace.digits[index]),
        layers=[LayerOutput(name=name, shape=list(o.shape), values=to_lists(o)) for name, o in outputs.items()],
        heat=Saliency(method=saliency.METHOD, values=to_lists(saliency_maps)),
    ).model_dump()


@blueprint.post("/api/compare", **openapi.picture_route(CompareResponse, openapi.EXPLANATIONS, openapi.DRAWING_BODY))
def compare(query: PageQuery) -> dict:
    """Read one picture with simpler networks, too"""
    models = current_models()
    reading = read_picture(parse_picture_or_drawing(), models.reader, chosen_page(query)).reading
    readings = compare_models(reading, models.compared, models.reader.device)
    networks = [describe_reading(*pair) for pair in zip(models.compared, readings, strict=True)]
    return CompareResponse(networks=networks).model_dump()


@blueprint.get(
    "/api/network",
    tags=openapi.EXPLANATIONS,
    responses=openapi.responses(NetworkResponse, *openapi.COMMON_ERRORS) | {304: openapi.NOT_MODIFIED},
)
def network() -> Response:
    """The weights of the network; with If-None-Match only where they have changed"""
    response = jsonify(describe_network(current_models()).model_dump())
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def describe_normalization(digit: Digit, trace: DigitTrace) -> NormalizedDigit:
    """Describe a digit as the network sees it, and the rectangle of the picture that it comes from."""
    return NormalizedDigit(
        crop=trace.to_picture.apply_to_box(trace.box),
        placed=trace.box,
        centre=center_of_mass(digit.pixels),
        pixels=digit.pixels.tolist(),
    )


def describe_reading(compared: ComparedModel, reading: Reading) -> NetworkReading:
    """Describe a network and its reading."""
    return NetworkReading(
        name=compared.name,
        parameters=compared.parameter_count,
        test_accuracy=compared.test_accuracy,
        text=reading.text,
        probability=reading.probability,
        digits=reading.digits,
        lines=reading.lines,
    )


def to_lists(values: torch.Tensor) -> list:
    """Convert `values` to nested lists, rounded to 3 decimals: more than a screen shows."""
    return (values.cpu().double().numpy().round(3) + 0.0).tolist()  # + 0.0 turns -0.0 into 0.0


def describe_network(models: LoadedModels) -> NetworkResponse:
    """Collect the filters of the served network, and the templates of the softmax network where there is one."""
    served = models.served
    layers = served.network.named_children()
    filters = {name: layer.weight.detach() for name, layer in layers if isinstance(layer, torch.nn.Conv2d)}
    softmax = next((compared.network for compared in models.compared if compared.name == "softmax"), None)
    return NetworkResponse(
        name=served.name,
        parameters=served.parameter_count,
        test_accuracy=served.test_accuracy,
        filters={name: to_lists(weight.squeeze(1)) for name, weight in filters.items()},
        templates=to_lists(softmax.get_parameter("fc.weight").detach().view(10, 28, 28)) if softmax else None,
    )
