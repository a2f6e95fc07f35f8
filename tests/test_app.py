"""`app.py`: documented answers for good requests, one form of error for all others."""

import base64
import io
import json
import random
import re
from pathlib import Path

import pytest
from PIL import Image

import app
import model
from digits import UserError
from tests.helpers.api import assert_refused, encoded
from tests.test_picture import GOOD, claims

SAMPLE = Path("input/test-7.png")


@pytest.mark.parametrize("digit", range(10))
def test_the_samples_are_read(client, digit):
    content = Path(f"input/test-{digit}.png").read_bytes()
    answer = client.post("/api", json={"image": encoded(content)}).json
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
    "wrap",
    [
        lambda text: f"data:image/png;base64,{text}",
        lambda text: f" DATA:image/png;base64,{text}\n",
        lambda text: "\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
    ],
    ids=["data: URL", "another spelling of it", "lines of 76"],
)
def test_base64_may_come_as_a_data_url_or_in_lines(client, wrap):
    assert client.post("/api", json={"image": wrap(encoded(SAMPLE.read_bytes()))}).json["text"] == "7"


def test_json_is_read_whatever_its_content_type_says(client):
    body = json.dumps({"image": encoded(SAMPLE.read_bytes())})
    assert client.post("/api", data=body, content_type="text/plain").json["text"] == "7"


def picture_of(*size: int) -> str:
    stream = io.BytesIO()
    Image.new("L", size, 255).save(stream, "PNG")
    return encoded(stream.getvalue())


def full_of_marks() -> str:
    page = Image.new("L", (600, 600), 255)
    for place in range(900):
        page.paste(0, (20 * (place % 30) + 5, 20 * (place // 30) + 5, 20 * (place % 30) + 17, 20 * (place // 30) + 17))
    stream = io.BytesIO()
    page.save(stream, "PNG")
    return encoded(stream.getvalue())


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
        ({"image": "zzz"}, 400, "base64"),
        ({"image": "!!!!"}, 400, "base64"),
        ({"image": "ä"}, 400, "base64"),
        ({"image": "data:image/png;base64"}, 400, "base64"),
        ({"image": "data:image/png,%89PNG"}, 400, "base64"),
        ({"image": encoded(b"hello, I am no picture")}, 415, "format"),
        ({"image": encoded(b"%PDF-1.7")}, 415, "format"),
        ({"image": encoded(GOOD[:-30])}, 400, "damaged"),
        ({"image": picture_of(28, 28)}, 422, "blank"),
        ({"image": picture_of(1, 1)}, 422, "blank"),
        ({"image": full_of_marks()}, 422, "crowded"),
        ({"image": encoded(claims(30_000, 30_000))}, 413, "pixels"),
        ({"image": "A" * 20_000_000}, 413, "large"),
        (b"\0" * 20_000_000, 413, "large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_bad_request_is_refused_in_one_form_with_what_to_do(client, body, status, code):
    content = {"data": body} if isinstance(body, bytes) else {"json": body}
    assert_refused(client.post("/api", **content), status, code)


def test_other_paths_and_methods_are_refused_in_the_same_form(client):
    assert "POST /api" in assert_refused(client.get("/nothing"), 404)
    assert "/docs" in assert_refused(client.get("/api"), 405)
    assert "POST" in client.get("/api").headers["Allow"]


@pytest.mark.parametrize("kind", ["image/png", "image/x-unknown", "application/octet-stream"])
def test_the_body_may_be_the_picture_itself(client, kind):
    assert client.post("/api", data=SAMPLE.read_bytes(), content_type=kind).json["text"] == "7"
    assert_refused(client.post("/api", data=b"", content_type=kind), 400, "empty")
    assert_refused(client.post("/api", data=b"no picture", content_type=kind), 415, "format")


def test_a_picture_may_be_a_file_in_a_form(client):
    with SAMPLE.open("rb") as file:
        assert client.post("/api", data={"image": (file, "7.png")}).json["text"] == "7"
    assert_refused(client.post("/api", data={"image": "no file"}, content_type="multipart/form-data"), 400, "form")
    assert_refused(client.post("/api", data=b"no form", content_type="multipart/form-data"), 400, "form")


def test_many_pictures_are_read_at_once_each_with_its_reading_or_its_error(client):
    images = [encoded(Path(f"input/test-{digit}.png").read_bytes()) for digit in (3, 7)]
    answer = client.post("/api/batch", json={"images": [images[0], "zzz", picture_of(28, 28), images[1]]})
    assert answer.status_code == 200
    first, broken, blank, last = answer.json["readings"]
    assert first == client.post("/api", json={"image": images[0]}).json
    assert last["text"] == "7"
    assert (broken["error"]["code"], blank["error"]["code"]) == ("base64", "blank")


def test_many_pictures_may_be_files_in_a_form(client):
    files = [(io.BytesIO(Path(f"input/test-{digit}.png").read_bytes()), f"{digit}.png") for digit in (1, 2)]
    answer = client.post("/api/batch", data={"image": files})
    assert [reading["text"] for reading in answer.json["readings"]] == ["1", "2"]


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
def test_a_batch_that_is_none_is_refused_whole(client, body, status, code):
    assert_refused(client.post("/api/batch", json=body), status, code)


def test_whoever_watches_is_told_how_the_server_is(client):
    client.post("/api", json={"image": encoded(SAMPLE.read_bytes())})
    client.post("/api", json={"image": "zzz"})
    client.get("/nothing/made/up")
    assert client.get("/healthz").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready"}
    figures = client.get("/metrics").text
    for line in (
        r'digits_requests_total{method="POST",route="/api",status="200"} \d',
        r'digits_requests_total{method="POST",route="/api",status="400"} \d',
        r'digits_requests_total{method="GET",route="other",status="404"} \d',
        r'digits_request_seconds_bucket{le="0.1",route="/api"} \d',
        r"digits_queue 0",
        r"digits_pictures_total \d",
        r"digits_digits_total \d",
        r"digits_uncertain_total \d",
        r'digits_model_info{sha256="[0-9a-f]{12}"} 1',
    ):
        assert re.search(line, figures), line
    assert "made" not in figures


def test_a_network_that_reads_nothing_is_alive_but_not_ready(monkeypatch):
    broken = app.create_app("mnist.pth")
    monkeypatch.setattr(app.Reader, "read", lambda *_: 1 / 0)
    assert broken.test_client().get("/healthz").status_code == 200
    assert_refused(broken.test_client().get("/readyz"), 503, "unavailable")


def test_the_document_describes_every_route_and_every_status(client):
    document = client.get("/openapi.json").json
    read, inside = {"/api", "/api/batch"}, {"/api/explain", "/api/compare", "/api/network"}
    assert set(document["paths"]) == read | inside | {"/healthz", "/readyz", "/metrics"}
    one = document["paths"]["/api"]["post"]
    assert set(one["responses"]) == {"200"} | {str(code) for code in (*app.STATUS.values(), 400, 408, 429, 503)}
    assert {"application/json", "multipart/form-data", "image/png"} <= set(one["requestBody"]["content"])
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_the_documentation_needs_nothing_from_elsewhere(client):
    page = client.get("/docs", buffered=True).text
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert client.get(f"/{name}", buffered=True).status_code == 200, name


def test_limits_are_those_that_were_set():
    settings = app.Settings(max_body=10_000, max_pixels=1000, max_batch=1)
    client = app.create_app(settings=settings).test_client()
    assert_refused(client.post("/api", json={"image": "A" * 10_000}), 413, "large")
    form = {"image": (io.BytesIO(bytes(10_000)), "large.png")}
    assert_refused(client.post("/api", data=form), 413, "large")
    assert "0.001 million" in assert_refused(client.post("/api", json={"image": picture_of(50, 50)}), 413, "pixels")
    assert_refused(client.post("/api/batch", json={"images": ["AAAA", "AAAA"]}), 413, "batch")


def test_random_changes_of_a_request_never_end_in_a_server_error(client):
    dice = random.Random(5)
    good = json.dumps({"image": encoded(SAMPLE.read_bytes())}).encode()
    for _ in range(300):
        body = bytearray(good[: dice.randrange(1, len(good) + 1)] if dice.random() < 0.3 else good)
        for _ in range(dice.randrange(4)):
            body[dice.randrange(len(body))] = dice.randrange(256)
        response = client.post("/api", data=bytes(body))
        if response.status_code != 200:
            assert response.status_code in (400, 413, 415, 422)
            assert_refused(response, response.status_code)


def test_a_fault_of_our_own_is_no_stack_trace_for_the_client(application, client, monkeypatch, caplog):
    monkeypatch.setattr(app.picture, "decode", lambda *_: 1 / 0)
    response = client.post("/api", json={"image": "aGVsbG8="})
    message = assert_refused(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "ZeroDivision" not in message
    assert "ZeroDivisionError" in caplog.text


def test_the_page_and_all_it_names_are_served_and_nothing_from_elsewhere(client):
    page = client.get("/", buffered=True)
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    for file in (path for path in Path("static").rglob("*") if path.is_file()):
        assert client.get(f"/{file.as_posix()}", buffered=True).status_code == 200
        assert set(re.findall(r"https?://\S+?[\"' ]", file.read_text())) <= {'http://www.w3.org/2000/svg"'}


def test_missing_weights_are_said_before_anything_is_served(tmp_path):
    with pytest.raises(UserError, match=r"python train\.py"):
        app.create_app(tmp_path / "none.pth")


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_the_simpler_networks_serve_too(tmp_path, name):
    model.save(model.NETWORKS[name](), tmp_path / "w.pth")
    client = app.create_app(tmp_path / "w.pth").test_client()
    picture = base64.b64encode(Path("input/test-3.png").read_bytes()).decode()
    assert client.post("/api", json={"image": picture}).get_json()["text"] in "0123456789"


def test_a_picture_that_takes_too_long_to_decode_is_too_large(client, monkeypatch):
    def slow(*_):
        raise UserError("The picture takes too long to decode: send a smaller one, or as PNG.", "time")

    monkeypatch.setattr(app.picture, "decode", slow)
    assert_refused(client.post("/api", json={"image": encoded(SAMPLE.read_bytes())}), 413, "time")
