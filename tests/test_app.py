"""`app.py`: documented answers for good requests, one form of error for all others, and a real server."""

import base64
import functools
import io
import json
import os
import random
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import torch
from PIL import Image

import app
import model
from digits import UserError
from tests.serving import site
from tests.test_picture import GOOD, claims

SAMPLE = Path("input/test-7.png")


@pytest.fixture(scope="module")
def application():
    return app.create_app("mnist.pth")


@pytest.fixture
def client(application):
    return application.test_client()


@pytest.fixture(scope="module")
def address():
    with site() as served:
        yield served.address


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def assert_refused(response, status: int, code: str | None = None) -> str:
    """The one JSON form of an error; returns its message."""
    assert response.status_code == status
    assert set(response.json) == {"error"}
    assert set(response.json["error"]) == {"code", "message"}
    assert code in (None, response.json["error"]["code"])
    assert len(response.json["error"]["message"]) > 20
    return response.json["error"]["message"]


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
    assert set(document["paths"]) == {"/api", "/api/batch", "/healthz", "/readyz", "/metrics"}
    one = document["paths"]["/api"]["post"]
    assert set(one["responses"]) == {"200"} | {str(code) for code in (*app.STATUS.values(), 400, 408, 429, 503)}
    assert {"application/json", "multipart/form-data", "image/png"} <= set(one["requestBody"]["content"])
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_the_documentation_needs_nothing_from_elsewhere(client):
    page = client.get("/docs", buffered=True).text
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert client.get(f"/{name}", buffered=True).status_code == 200, name


def test_every_answer_forbids_what_a_page_of_ours_does_not_do(client):
    for path in ("/", "/api", "/healthz", "/nothing"):
        headers = client.get(path, buffered=True).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_pages_of_another_origin_may_ask_where_it_is_allowed():
    client = app.create_app(settings=app.Settings(cors="https://example.org")).test_client()
    preflight = client.options("/api", headers={"Origin": "https://example.org"})
    assert preflight.status_code == 204
    for answer in (preflight, client.get("/healthz")):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.org"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]


def test_who_asks_too_often_is_told_when_to_come_again():
    client = app.create_app(settings=app.Settings(rate_limit=2, proxies=1)).test_client()
    ask = functools.partial(client.post, "/api", json={"image": "zzz"})
    assert [ask().status_code for _ in range(3)] == [400, 400, 429]
    assert_refused(last := ask(), 429, "too_many_requests")
    assert 1 <= int(last.headers["Retry-After"]) <= 60
    assert ask(headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 400
    assert client.get("/healthz").status_code == 200


def test_every_request_has_one_line_with_its_name_and_nothing_of_its_picture(client, caplog):
    caplog.set_level("INFO", "digits.requests")
    image = encoded(SAMPLE.read_bytes())
    own = client.post("/api?secret=1", json={"image": image}, headers={"X-Request-ID": "mine-1"})
    assert own.headers["X-Request-ID"] == "mine-1"
    other = client.get("/nothing", headers={"X-Request-ID": "a b\t<script>"})
    first, second = (record.requests[0] for record in caplog.records)
    assert (first["id"], first["method"], first["path"], first["status"]) == ("mine-1", "POST", "/api", 200)
    assert first["ms"] > 0
    assert second["id"] == other.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", second["id"])
    assert image[:50] not in caplog.text


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
    for file in Path("static").iterdir():
        assert client.get(f"/static/{file.name}", buffered=True).status_code == 200
        assert set(re.findall(r"https?://\S+?[\"' ]", file.read_text())) <= {'http://www.w3.org/2000/svg"'}


def test_missing_weights_are_said_before_anything_is_served(tmp_path):
    with pytest.raises(UserError, match=r"python train\.py"):
        app.create_app(tmp_path / "none.pth")


def test_the_server_answers_many_at_once_and_stops_when_told():
    body = json.dumps({"image": encoded(SAMPLE.read_bytes())}).encode()
    with site(workers=2) as served:
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: urlopen(Request(f"{served.address}/api", body)).read(), range(64)))
        assert urlopen(f"{served.address}/").headers["Server"] == "gunicorn"  # no development server
    assert {json.loads(answer)["text"] for answer in answers} == {"7"}
    assert served.process.returncode == 0


def chunks():
    yield from (b"A" * 1_000_000 for _ in range(21))


@pytest.mark.parametrize("body", [b"A" * 20_000_000, chunks()], ids=["known length", "chunked"])
def test_a_client_that_sends_too_much_hears_so(address, body):
    """Once the server closed the line while 20 MB were still coming: clients saw a broken pipe, no answer."""
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(f"{address}/api", body))
    assert caught.value.code == 413
    assert json.load(caught.value)["error"]["code"] == "large"


def test_a_body_in_chunks_that_make_no_sense_is_the_clients_fault(address):
    host, port = address.removeprefix("http://").split(":")
    head = b"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((host, int(port))) as line:
        line.sendall(head + b"zzz\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_stalls_does_not_hold_up_the_stop():
    with site() as served:
        host, port = served.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            served.process.terminate()
            assert served.process.wait(timeout=30) == 0


def test_no_control_socket_is_left_open(address):
    """gunicorn 25.1 and later opens one in the home folder, the same for every server, if not told otherwise."""
    for folder in (Path.home() / ".gunicorn", Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))):
        assert not (folder / "gunicorn.ctl").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--weights", "none.pth"], "train it with"),
        (["--port", "99999"], "choose another port"),
        (["--host", "no.such.host.invalid"], "with --host"),
        (["--workers", "0"], "at least 1"),
        (["--device", "cuda"], "--device auto"),
    ],
)
def test_a_start_that_cannot_work_ends_with_one_sentence(flags, words):
    if flags[-1] == "cuda" and torch.cuda.is_available():
        flags = ["--device", "mps"]
    result = subprocess.run([sys.executable, "app.py", *flags], check=False, capture_output=True, text=True)
    assert result.returncode in (1, 2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_said_with_another_to_try():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "app.py", "--port", str(port)], check=False, capture_output=True, text=True
        )
    assert result.returncode == 1
    assert f"127.0.0.1 port {port}" in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_the_simpler_networks_serve_too(tmp_path, name):
    model.save(model.NETWORKS[name](), tmp_path / "w.pth")
    client = app.create_app(tmp_path / "w.pth").test_client()
    picture = base64.b64encode(Path("input/test-3.png").read_bytes()).decode()
    assert client.post("/api", json={"image": picture}).get_json()["text"] in "0123456789"
