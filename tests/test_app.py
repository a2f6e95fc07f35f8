"""`app.create_app`: the documented answers for valid requests, one error form for all others."""

import io
import json
import random
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

import app
import model
from bench.sample_images import encode_image
from digits import UserError
from digits.recognition import image_decoding
from digits.serving import error_handlers, wsgi_adapter
from tests.helpers.api import assert_error, to_base64
from tests.helpers.images import png_declaring_size

SAMPLE = Path("input/test-7.png")


def blank(*size: int) -> bytes:
    return encode_image(Image.new("L", size, 255))


def full_of_marks() -> bytes:
    page = Image.new("L", (600, 600), 255)
    for place in range(900):
        page.paste(0, (20 * (place % 30) + 5, 20 * (place // 30) + 5, 20 * (place % 30) + 17, 20 * (place // 30) + 17))
    return encode_image(page)


@pytest.mark.parametrize("digit", range(10))
def test_sample_pictures_are_read_in_the_documented_form(client, digit):
    content = Path(f"input/test-{digit}.png").read_bytes()
    answer = client.post("/api", json={"image": to_base64(content)}).json
    assert list(answer) == ["result", "probability", "text", "certain", "digits"]
    assert (answer["result"], answer["text"], answer["certain"]) == (digit, str(digit), True)
    (read,) = answer["digits"]
    assert list(read) == ["result", "probability", "probabilities", "box"]
    assert sum(read["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert read["probability"] == max(read["probabilities"]) == answer["probability"]
    left, top, right, bottom = read["box"]
    width, height = Image.open(io.BytesIO(content)).size
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json"),
        (b"not json", 400, "json"),
        (b"\xff\xfe{}", 400, "json"),
        (b"[" * 100_000, 400, "json"),
        ([], 400, "json"),
        ("text", 400, "json"),
        (7, 400, "json"),
        (None, 400, "json"),
        ({}, 400, "image"),
        ({"picture": "aGVsbG8="}, 400, "image"),
        ({"image": None}, 400, "image"),
        ({"image": 7}, 400, "image"),
        ({"image": ["aGVsbG8="]}, 400, "image"),
        ({"image": ""}, 400, "image"),
        ({"image": "zzzzz"}, 400, "base64"),
        ({"image": "!!!!"}, 400, "base64"),
        ({"image": "ä"}, 400, "base64"),
        ({"image": "data:image/png;base64"}, 400, "base64"),
        ({"image": "data:image/png,%89PNG"}, 400, "base64"),
        ({"image": "\ud83d"}, 400, "json"),
        ({"image": " "}, 400, "empty"),
        ({"image": to_base64(b"hello, I am no picture")}, 415, "format"),
        ({"image": to_base64(b"%PDF-1.7")}, 415, "format"),
        ({"image": to_base64(encode_image(Image.new("L", (100, 100), 255))[:-30])}, 400, "damaged"),
        ({"image": to_base64(blank(28, 28))}, 422, "blank"),
        ({"image": to_base64(blank(1, 1))}, 422, "blank"),
        ({"image": to_base64(full_of_marks())}, 422, "crowded"),
        ({"image": to_base64(png_declaring_size(30_000, 30_000))}, 413, "pixels"),
        ({"image": "A" * 20_000_000}, 413, "large"),
        (b"\0" * 20_000_000, 413, "large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_requests_get_an_error_code_and_advice(client, body, status, code):
    content = {"data": body} if isinstance(body, bytes) else {"json": body}
    assert_error(client.post("/api", **content), status, code)


def test_unknown_paths_and_methods_get_errors_in_the_same_form(client):
    assert "POST /api" in assert_error(client.get("/nothing"), 404, "not_found")
    assert "/docs" in assert_error(client.get("/api"), 405, "method_not_allowed")
    assert "POST" in client.get("/api").headers["Allow"]


def test_batch_answers_each_picture_with_a_reading_or_an_error(client):
    images = [to_base64(Path(f"input/test-{digit}.png").read_bytes()) for digit in (3, 7)]
    answer = client.post("/api/batch", json={"images": [images[0], "zzzzz", to_base64(blank(28, 28)), images[1]]})
    assert answer.status_code == 200
    first, broken, empty, last = answer.json["readings"]
    assert first == client.post("/api", json={"image": images[0]}).json
    assert last["text"] == "7"
    assert (broken["error"]["code"], empty["error"]["code"]) == ("base64", "blank")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([], 400, "json"),
        ({}, 400, "images"),
        ({"images": []}, 400, "images"),
        ({"images": "aGVsbG8="}, 400, "images"),
        ({"images": [7]}, 400, "images"),
        ({"images": ["aGVsbG8="] * 65}, 413, "batch"),
    ],
)
def test_malformed_batch_is_rejected_as_a_whole(client, body, status, code):
    assert_error(client.post("/api/batch", json=body), status, code)


def test_limits_are_those_of_the_settings():
    settings = app.ServerSettings(device="cpu", max_body=10_000, max_pixels=1000, max_batch=1)
    client = app.create_app(settings).test_client()
    assert_error(client.post("/api", json={"image": "A" * 10_000}), 413, "large")
    form = {"image": (io.BytesIO(bytes(10_000)), "large.png")}
    assert_error(client.post("/api", data=form), 413, "large")
    image = to_base64(blank(50, 50))
    assert "0.001 million" in assert_error(client.post("/api", json={"image": image}), 413, "pixels")
    assert_error(client.post("/api/batch", json={"images": ["AAAA", "AAAA"]}), 413, "batch")


def test_randomly_changed_requests_never_cause_a_server_error(client):
    rng = random.Random(5)
    good = json.dumps({"image": to_base64(SAMPLE.read_bytes())}).encode()
    for _ in range(300):
        body = bytearray(good[: rng.randrange(1, len(good) + 1)] if rng.random() < 0.3 else good)
        for _ in range(rng.randrange(4)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        response = client.post("/api", data=bytes(body))
        if response.status_code != 200:
            assert response.status_code in (400, 413, 415, 422)
            assert_error(response, response.status_code)


def test_bug_is_answered_with_503_and_logged_with_its_traceback(client, monkeypatch, caplog):
    monkeypatch.setattr(image_decoding, "decode", lambda *_: 1 / 0)
    response = client.post("/api", json={"image": "aGVsbG8="})
    message = assert_error(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "ZeroDivision" not in message
    assert "ZeroDivisionError" in caplog.text


def test_decoding_timeout_is_answered_with_413(client, monkeypatch):
    def slow(*_):
        raise UserError("The picture takes too long to decode: send a smaller one, or as PNG.", "time")

    monkeypatch.setattr(image_decoding, "decode", slow)
    assert_error(client.post("/api", json={"image": to_base64(SAMPLE.read_bytes())}), 413, "time")


@pytest.mark.parametrize(("code", "status"), [("large", 413), ("slow", 408), ("busy", 503), ("body", 400)])
@pytest.mark.parametrize("path", ["/api", "/", "/healthz", "/nothing"])
def test_errors_of_the_asgi_adapter_are_answered_in_the_same_form(client, path, code, status):
    error = UserError("That was not as it should be: do something.", code)
    response = client.post(path, data=b"not read", environ_overrides={"digits.error": error})
    assert assert_error(response, status, code) == str(error)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert response.headers["X-Request-ID"]


def test_health_and_readiness_answer(client):
    assert client.get("/healthz").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_server_with_a_failing_reader_is_alive_but_not_ready(monkeypatch):
    broken = app.create_app()
    monkeypatch.setattr(app.Reader, "read", lambda *_: 1 / 0)
    assert broken.test_client().get("/healthz").status_code == 200
    assert_error(broken.test_client().get("/readyz"), 503, "unavailable")


def test_metrics_count_requests_and_readings(client):
    client.post("/api", json={"image": to_base64(SAMPLE.read_bytes())})
    client.post("/api", json={"image": "zzzzz"})
    client.get("/nothing/made/up")
    exposition = client.get("/metrics").text
    for line in (
        r'digits_requests_total{method="POST",route="/api",status="200"} \d',
        r'digits_requests_total{method="POST",route="/api",status="400"} \d',
        r'digits_requests_total{method="GET",route="other",status="404"} \d',
        r'digits_request_duration_seconds_bucket{le="0.1",route="/api"} \d',
        r"digits_queued_requests 0",
        r"digits_pictures_total \d",
        r"digits_digits_total \d",
        r"digits_uncertain_pictures_total \d",
        r'digits_model_info{sha256="[0-9a-f]{12}"} 1',
    ):
        assert re.search(line, exposition), line
    assert "made" not in exposition


def test_openapi_document_describes_every_route_and_status(client):
    document = client.get("/openapi.json").json
    read, explain = {"/api", "/api/batch"}, {"/api/explain", "/api/compare", "/api/network"}
    assert set(document["paths"]) == read | explain | {"/healthz", "/readyz", "/metrics"}
    one = document["paths"]["/api"]["post"]
    assert set(one["responses"]) == {"200"} | {str(code) for code in (*error_handlers.STATUS_CODES.values(), 400)}
    assert {"application/json", "multipart/form-data", "image/png"} <= set(one["requestBody"]["content"])
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


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
    client = app.create_app(settings, Path("mnist.pth").read_bytes()).test_client()
    assert client.post("/api", json={"image": to_base64(SAMPLE.read_bytes())}).json["text"] == "7"


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


@pytest.mark.parametrize(
    ("path", "body", "is_short"),
    [
        ("/api", blank(28, 28), True),
        ("/api", b'{"image": "' + to_base64(blank(28, 28)).encode() + b'"}', True),
        ("/api", blank(1000, 1000), True),
        ("/api", blank(1000, 1001), False),
        ("/api", blank(28, 28) + bytes(app.SHORT_REQUEST_MAX_BYTES), False),
        ("/api", b"\x1f\x8b", False),
        ("/api/batch", blank(28, 28), False),
        ("/api/explain", blank(28, 28), False),
        ("/digits/api/compare", blank(28, 28), False),
    ],
)
def test_only_small_pictures_on_short_routes_are_short_requests(path, body, is_short):
    assert app.is_short_request(path, body) == is_short


def test_long_routes_exist(application):
    assert set(app.LONG_ROUTES) <= {rule.rule for rule in application.url_map.iter_rules()}


def test_too_large_body_gets_the_same_message_from_adapter_and_application(client):
    """A server without the adapter (`flask run`) has only the application's check."""
    limit = client.application.config["MAX_BODY"]
    message = assert_error(client.post("/api", data=bytes(limit + 1)), 413, "large")
    assert message == wsgi_adapter.LARGE_MESSAGE.format(limit / 2**20)
