"""`app`: the application is created from its settings and weights, and requests are sorted into short and long ones."""

import io
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

import app
import model
from bench.sample_images import encode_image
from digits import UserError
from tests.helpers.api import assert_error, to_base64

SAMPLE = Path("input/test-7.png")


def blank(*size: int) -> bytes:
    return encode_image(Image.new("L", size, 255))


def test_limits_are_those_of_the_settings():
    settings = app.ServerSettings(device="cpu", max_body=10_000, max_pixels=1000, max_batch=1)
    client = app.create_app(settings).test_client()
    assert_error(client.post("/api", json={"image": "A" * 10_000}), 413, "large")
    form = {"image": (io.BytesIO(bytes(10_000)), "large.png")}
    assert_error(client.post("/api", data=form), 413, "large")
    image = to_base64(blank(50, 50))
    assert "0.001 million" in assert_error(client.post("/api", json={"image": image}), 413, "pixels")
    assert_error(client.post("/api/batch", json={"images": ["AAAA", "AAAA"]}), 413, "batch")


def test_missing_weights_raise_before_anything_is_served(tmp_path):
    with pytest.raises(UserError, match=r"python train\.py"):
        app.create_app(app.ServerSettings(weights=str(tmp_path / "none.pth"), device="cpu"))


def test_non_finite_weights_raise(tmp_path):
    network = model.CNN()
    network.fc2.bias.data[:] = float("nan")
    torch.save(network.state_dict(), tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"not finite in fc2\.bias"):
        app.create_app(app.ServerSettings(weights=str(tmp_path / "w.pth"), device="cpu"))


def test_given_weights_content_is_used_when_the_file_is_missing(tmp_path):
    settings = app.ServerSettings(weights=str(tmp_path / "w.pth"), device="cpu")
    client = app.create_app(
        settings, app.WeightsContents(Path("mnist.pth").read_bytes(), Path("line.pth").read_bytes())
    ).test_client()
    assert client.post("/api", json={"image": to_base64(SAMPLE.read_bytes())}).json["text"] == "7"


@pytest.mark.parametrize("name", ["none.pth", "mnist.pth"])
def test_missing_or_other_line_weights_raise_before_anything_is_served(name):
    with pytest.raises(UserError, match=name):
        app.create_app(app.ServerSettings(line_weights=name, device="cpu"))
    with pytest.raises(UserError, match=name):
        app.main(app.ServerSettings(line_weights=name, device="cpu"))


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_simpler_networks_can_be_served(tmp_path, name):
    model.save(model.NETWORKS[name](), tmp_path / "w.pth")
    client = app.create_app(app.ServerSettings(weights=str(tmp_path / "w.pth"), device="cpu")).test_client()
    image = to_base64(Path("input/test-3.png").read_bytes())
    assert client.post("/api", json={"image": image}).get_json()["text"] in "0123456789"


def test_replaced_weights_are_used_by_the_next_request(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.serving.reloading.CHECK_INTERVAL", -1.0)
    weights = tmp_path / "w.pth"
    weights.write_bytes(Path("mnist.pth").read_bytes())
    client = app.create_app(app.ServerSettings(weights=str(weights), device="cpu")).test_client()
    assert client.get("/api/network").json["name"] == "cnn"
    model.save(model.Softmax(), weights)
    assert client.get("/api/network").json["name"] == "softmax"
    weights.write_bytes(b"no weights")
    assert client.get("/api/network").json["name"] == "softmax"
    assert len(re.findall(r"digits_model_info{.*} 1", client.get("/metrics").text)) == 1


def test_replaced_line_weights_are_used_by_the_next_request(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.serving.reloading.CHECK_INTERVAL", -1.0)
    weights = tmp_path / "l.pth"
    weights.write_bytes(Path("line.pth").read_bytes())
    client = app.create_app(app.ServerSettings(line_weights=str(weights), device="cpu")).test_client()
    before = client.post("/api", data=SAMPLE.read_bytes()).json
    network = model.load_line_reader()
    network.fc.weight.data.zero_()  # each symbol is as probable as any other
    network.fc.bias.data.zero_()
    model.save(network, weights)
    after = client.post("/api", data=SAMPLE.read_bytes()).json
    assert after["lines"][0]["probability"] < before["lines"][0]["probability"]
    weights.write_bytes(b"no weights")
    assert client.post("/api", data=SAMPLE.read_bytes()).json == after


@pytest.mark.parametrize(
    ("path", "body", "is_short"),
    [
        ("/api", blank(28, 28), True),
        ("/api", b'{"image": "' + to_base64(blank(28, 28)).encode() + b'"}', True),
        ("/api", blank(500, 200), True),
        ("/api", blank(500, 201), False),
        ("/api", blank(28, 28) + bytes(app.SHORT_REQUEST_MAX_BYTES), False),
        ("/api", b"\x1f\x8b", False),
        ("/api", b'{"strokes": [' + b"[[0, 0], [9, 9]], " * 5 + b"[[1, 2]]]}", True),
        ("/api", b'{"strokes": [' + b"[[0, 0], [9, 9]], " * 6 + b"[[1, 2]]]}", False),
        ("/api/explain", b'{"strokes": [[[0, 0], [9, 9]]]}', False),
        ("/api/batch", blank(28, 28), False),
        ("/api/explain", blank(28, 28), False),
        ("/digits/api/compare", blank(28, 28), False),
    ],
)
def test_only_small_pictures_and_drawings_on_short_routes_are_short_requests(path, body, is_short):
    assert app.is_short_request(path, body) == is_short


def test_long_routes_exist(application):
    assert set(app.LONG_ROUTES) <= {rule.rule for rule in application.url_map.iter_rules()}
