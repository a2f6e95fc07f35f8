"""`digits.serving.api_routes`: the documented answers for valid requests, one error form for all others."""

import base64
import io
import json
import random
import re
from pathlib import Path

import pytest
from PIL import Image

import app
from bench.sample_images import draw_number, encode_image, to_image
from digits.serving import wsgi_adapter
from tests.helpers.api import assert_error, to_base64
from tests.helpers.images import png_declaring_size
from tests.helpers.readings import make_reading

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
    assert list(answer) == ["result", "probability", "text", "certain", "digits", "lines", "marks", "page", "pages"]
    assert (answer["result"], answer["text"], answer["certain"]) == (digit, str(digit), True)
    (read,) = answer["digits"]
    assert list(read) == ["result", "probability", "probabilities", "box"]
    assert sum(read["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert read["probability"] == max(read["probabilities"])
    assert answer["lines"] == [{"text": str(digit), "probability": answer["probability"], "box": read["box"]}]
    assert answer["marks"] == []
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
        ({"image": to_base64(b"%PDF-1.7")}, 400, "damaged"),
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


@pytest.mark.slow
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


def test_health_and_readiness_answer(client):
    assert client.get("/healthz").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready"}


@pytest.mark.parametrize("read", [lambda *_: 1 / 0, lambda *_: make_reading((7, 0.99))], ids=["raises", "misreads"])
def test_server_with_a_failing_reader_is_alive_but_not_ready(monkeypatch, read):
    broken = app.create_app()
    monkeypatch.setattr(app.Reader, "read", read)
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


def test_too_large_body_gets_the_same_message_from_adapter_and_application(client):
    """A server without the adapter (`flask run`) has only the application's check."""
    limit = client.application.config["MAX_BODY"]
    message = assert_error(client.post("/api", data=bytes(limit + 1)), 413, "large")
    assert message == wsgi_adapter.LARGE_MESSAGE.format(limit / 2**20)


def encode_pages(*pages: Image.Image) -> bytes:
    return encode_image(pages[0], "TIFF", save_all=True, append_images=pages[1:])


@pytest.mark.parametrize(
    ("texts", "query", "page"),
    [
        (("", "4", "7"), "", 2),
        (("", "4", "7"), "?page=1", 1),
        (("", "4", "7"), "?page=3", 3),
        (("", ""), "", 1),
        (("",), "", 1),
    ],
    ids=["first with writing", "chosen, though blank", "chosen", "all blank", "one blank page"],
)
def test_picture_of_a_page_is_shown_as_the_reader_sees_it(client, texts, query, page):
    """Where nothing is written, there is still a page to look at."""
    images = [to_image(draw_number(text)) if text else Image.new("L", (400, 200), 255) for text in texts]
    answer = client.post(f"/api/picture{query}", data=encode_pages(*images), content_type="image/tiff").json
    assert (answer["page"], answer["pages"]) == (page, len(texts))
    content = base64.b64decode(answer["image"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(content)) as shown:
        assert shown.tobytes() == images[page - 1].tobytes()
    if texts[page - 1]:
        assert client.post("/api", data=content, content_type="image/png").json["text"] == texts[page - 1]
