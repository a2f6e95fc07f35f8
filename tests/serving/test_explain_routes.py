"""`digits.serving.explain_routes`: explanations, comparisons, the learned weights, and error responses."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import app
import model
from bench.sample_images import draw_number, encode_image, to_image
from tests.helpers.api import assert_error, to_base64

SAMPLE = Path("input/test-7.png").read_bytes()
RAW = {"data": SAMPLE, "content_type": "image/png"}
NUMBER = {"data": encode_image(to_image(draw_number("47"))), "content_type": "image/png"}


def test_explanation_has_the_documented_form(client, network):
    answer = client.post("/api/explain", **RAW).json
    assert list(answer) == ["reading", "digit", "frame", "layers", "heat"]
    assert answer["reading"] == client.post("/api", **RAW).json
    assert answer["digit"] == 0
    shapes = [(layer["name"], layer["shape"]) for layer in answer["layers"]]
    assert shapes == [("conv1", [32, 26, 26]), ("conv2", [64, 11, 11]), ("fc1", [128]), ("fc2", [10])]
    pixels = np.array(answer["frame"]["pixels"])
    assert pixels.shape == (28, 28)
    outputs = network.forward_intermediates(torch.from_numpy(pixels[None, None] / 255).float())
    for layer in answer["layers"]:
        values = torch.tensor(layer["values"])
        assert list(values.shape) == layer["shape"]
        torch.testing.assert_close(values, outputs[layer["name"]][0], atol=6e-4, rtol=0)
    saliency = np.array(answer["heat"]["values"])
    assert saliency.shape == (10, 28, 28)
    assert saliency[:, pixels == 0].any() == np.False_


def test_frame_has_its_position_in_the_picture(client):
    answer = client.post("/api/explain", **RAW).json
    left, top, right, bottom = answer["frame"]["crop"]
    assert answer["reading"]["digits"][0]["box"] == pytest.approx([left, top, right, bottom], abs=1)
    placed = answer["frame"]["placed"]
    assert max(placed[2] - placed[0], placed[3] - placed[1]) == 20
    assert answer["frame"]["centre"] == pytest.approx([14.5, 14.5], abs=0.6)  # pixel centers at +0.5


def test_each_digit_of_a_number_can_be_explained(client):
    first, second = (client.post(f"/api/explain?digit={number}", **NUMBER).json for number in (0, 1))
    assert first["reading"] == second["reading"]
    assert first["reading"]["text"] == "47"
    assert (first["digit"], second["digit"]) == (0, 1)
    assert first["frame"]["crop"][0] < second["frame"]["crop"][0]
    for digit, answer in ((4, first), (7, second)):
        assert np.argmax(answer["layers"][-1]["values"]) == digit


@pytest.mark.parametrize("path", ["/api/explain", "/api/compare"])
def test_picture_is_accepted_in_every_form_that_the_api_accepts(client, path):
    expected = client.post(path, **RAW).json
    assert client.post(path, json={"image": to_base64(SAMPLE)}).json == expected
    assert client.post(path, data={"image": (io.BytesIO(SAMPLE), "7.png")}).json == expected


@pytest.mark.parametrize(
    "query",
    ["x", "", "-1", "1.0", "1e0", "%20", "null", "٣", "1" * 10, "9" * 5000, "0&digit=1", "0&digit=0", "1", "999999999"],
    ids=lambda query: query[:16],
)
def test_invalid_digit_index_is_rejected(client, query):
    assert '"digit"' in assert_error(client.post(f"/api/explain?digit={query}", **RAW), 400, "digit")


@pytest.mark.parametrize("path", ["/api/explain", "/api/compare"])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"not json", 400, "json"),
        (json.dumps({"image": "zzzzz"}).encode(), 400, "base64"),
        (json.dumps({"image": to_base64(b"no picture")}).encode(), 415, "format"),
        (json.dumps({"image": to_base64(encode_image(Image.new("L", (28, 28), 255)))}).encode(), 422, "blank"),
    ],
)
def test_invalid_pictures_get_the_errors_of_the_api(client, path, body, status, code):
    assert_error(client.post(path, data=body), status, code)
    assert_error(client.get(path), 405)


def test_explanations_are_counted_as_requests_but_not_as_readings(client, application):
    def series(name: str) -> list[str]:
        return [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]

    before = series("digits_pictures_total")
    client.post("/api/explain", **RAW)
    client.post("/api/compare", **RAW)
    assert series("digits_pictures_total") == before
    assert any('route="/api/explain",status="200"' in line for line in series("digits_requests_total"))


def test_networks_are_compared_in_order_of_size(client):
    networks = client.post("/api/compare", **NUMBER).json["networks"]
    assert [(one["name"], one["parameters"]) for one in networks] == [
        ("softmax", 7_850),
        ("mlp", 101_770),
        ("cnn", 225_034),
    ]
    accuracies = [one["test_accuracy"] for one in networks]
    assert accuracies == sorted(accuracies)
    read = client.post("/api", **NUMBER).json
    assert networks[-1]["text"] == read["text"]
    assert networks[-1]["digits"] == read["digits"]
    assert all(one["digits"][0]["box"] == read["digits"][0]["box"] for one in networks)


def test_missing_baselines_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(app, "BASELINES", tmp_path / "none")
    client = app.create_app().test_client()
    assert [one["name"] for one in client.post("/api/compare", **RAW).json["networks"]] == ["cnn"]
    assert client.get("/api/network").json["templates"] is None


@pytest.mark.parametrize("name", ["softmax", "mlp", "teacher"])
def test_served_network_of_any_kind_is_compared_and_explained(tmp_path, name):
    torch.manual_seed(1)
    model.save(model.NETWORKS[name](), tmp_path / "w.pth")
    client = app.create_app(app.ServerSettings(weights=str(tmp_path / "w.pth"), device="cpu")).test_client()
    networks = {one["name"]: one for one in client.post("/api/compare", **RAW).json["networks"]}
    assert set(networks) == {"softmax", "mlp", name}
    assert networks[name]["test_accuracy"] is None
    (compared,), (read,) = networks[name]["digits"], client.post("/api", **RAW).json["digits"]
    assert compared["box"] == read["box"]  # the line reader may have outvoted the network
    answer = client.post("/api/explain", **RAW).json
    assert answer["layers"][-1]["shape"] == [10]
    answer = client.get("/api/network").json
    assert (answer["name"], answer["filters"]) == (name, {})


def test_learned_weights_are_those_of_the_network(client, network):
    answer = client.get("/api/network").json
    assert list(answer) == ["name", "parameters", "test_accuracy", "filters", "templates"]
    assert (answer["name"], answer["parameters"]) == ("cnn", 225_034)
    assert answer["test_accuracy"] == json.loads(Path("mnist.json").read_text())["test_accuracy"]
    assert np.shape(answer["templates"]) == (10, 28, 28)
    assert np.array(answer["filters"]["conv1"]) == pytest.approx(network.conv1.weight[:, 0].detach().numpy(), abs=6e-4)
    assert np.array(answer["filters"]["conv2"]) == pytest.approx(network.conv2.weight.detach().numpy(), abs=6e-4)


def test_learned_weights_are_not_sent_again_unless_they_changed(tmp_path, client):
    first = client.get("/api/network")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/api/network", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    model.save(model.CNN(), tmp_path / "w.pth")
    other = app.create_app(app.ServerSettings(weights=str(tmp_path / "w.pth"), device="cpu")).test_client()
    assert other.get("/api/network", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_baselines_are_found_from_any_folder():
    assert app.BASELINES.is_absolute()
    assert {path.name for path in app.BASELINES.iterdir()} == {"softmax.pth", "softmax.json", "mlp.pth", "mlp.json"}
