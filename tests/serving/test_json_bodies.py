"""`digits.serving.json_bodies`: drawings sent as strokes, and the errors for invalid ones."""

import json
import re

import pytest

from digits.serving import openapi
from digits.serving.json_bodies import count_strokes, is_drawing
from digits.serving.schemas import MAX_COORDINATE, MAX_POINTS, MAX_STROKES
from tests.helpers.api import assert_error, client_of

DRAWING = openapi.STROKES_EXAMPLE
POINT = [0, 0]


@pytest.fixture(scope="module")
def client():
    return client_of()


def test_strokes_are_read(client):
    answer = client.post("/api", json=DRAWING).json
    assert answer["text"] == "7"
    assert answer["certain"]
    assert (answer["page"], answer["pages"]) == (1, 1)
    assert answer["digits"][0]["box"] == pytest.approx([5, 4, 75, 103], abs=3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_strokes_are_read_in_any_encoding_of_json_and_with_any_content_type(client, encoding):
    body = json.dumps(DRAWING, indent=1).encode(encoding)
    assert is_drawing(body)
    for content_type in ("application/x-www-form-urlencoded", "text/plain", None):
        assert client.post("/api", data=body, content_type=content_type).json["text"] == "7"


def test_strokes_are_explained_and_compared_as_they_are_read(client):
    reading = client.post("/api", json=DRAWING).json
    explanation = client.post("/api/explain?digit=0", json=DRAWING).json
    assert explanation["reading"] == reading
    assert explanation["frame"]["crop"] == pytest.approx(reading["digits"][0]["box"], abs=1.5)
    networks = client.post("/api/compare", json=DRAWING).json["networks"]
    assert [network["text"] for network in networks] == ["7"] * len(networks)


def test_image_takes_precedence_over_strokes(client):
    assert client.post("/api", json=DRAWING | {"image": openapi.EXAMPLE}).json["text"] == "1"


def test_reading_of_strokes_is_counted():
    client = client_of()
    client.post("/api", json=DRAWING)
    assert "digits_pictures_total 1.0" in client.get("/metrics").text.splitlines()


@pytest.mark.parametrize(
    ("drawing", "code", "problem"),
    [
        ({"strokes": 7}, "strokes", '"strokes" must be a list of strokes'),
        ({"strokes": []}, "strokes", '"strokes" must be a list of strokes'),
        ({"strokes": [[POINT], []]}, "strokes", r'"strokes"\[1\] must be a stroke'),
        ({"strokes": [[POINT, [1]]]}, "strokes", r'"strokes"\[0\]\[1\]'),
        ({"strokes": [[POINT, [1, 2, 3]]]}, "strokes", r'"strokes"\[0\]\[1\] must be a point'),
        ({"strokes": [[POINT, [1, "2"]]]}, "strokes", r'"strokes"\[0\]\[1\]\[1\] must be a number'),
        ({"strokes": [[POINT, [1, float("nan")]]]}, "strokes", "must be a number"),
        ({"strokes": [[POINT, [1, float("inf")]]]}, "strokes", "must be a number"),
        ({"strokes": [[POINT, [1, MAX_COORDINATE + 1]]]}, "strokes", "from -1,000,000 to 1,000,000"),
        ({"strokes": [[POINT]] * (MAX_STROKES + 1)}, "strokes", "at most 1,000 strokes with 20,000 points"),
        ({"strokes": [[POINT] * (MAX_POINTS + 1)]}, "strokes", "at most 1,000 strokes with 20,000 points"),
        ({"strokes": [[POINT] * (MAX_POINTS // 4 + 1)] * 4}, "strokes", "at most 1,000 strokes with 20,000 points"),
        (DRAWING | {"width": 0}, "width", '"width" must be a number above 0'),
        (DRAWING | {"height": "tall"}, "height", '"height" must be a number above 0'),
    ],
)
def test_invalid_strokes_are_answered_with_what_to_do(client, drawing, code, problem):
    message = assert_error(client.post("/api", data=json.dumps(drawing)), 400, code)
    assert re.search(problem, message)


def test_broken_json_with_strokes_is_answered_with_an_example(client):
    message = assert_error(client.post("/api", data=b'{"strokes": [[[1, 2]'), 400, "json")
    assert '{"strokes": [[[x, y], …], …]}' in message
    assert "cut off" in message


def test_too_many_strokes_are_crowded(client):
    many = {"strokes": [[[9 * i, 0], [9 * i, 9]] for i in range(201)]}
    assert_error(client.post("/api", json=many), 422, "crowded")


def test_strokes_are_one_page_and_no_picture_to_show(client):
    assert client.post("/api?page=1", json=DRAWING).json["text"] == "7"
    assert_error(client.post("/api?page=2", json=DRAWING), 400, "page")
    assert_error(client.post("/api/picture", json=DRAWING), 400, "image")


def test_strokes_are_counted_without_parsing():
    body = json.dumps({"strokes": [[POINT, POINT], [POINT], [POINT] * 5]}, indent=2)
    assert count_strokes(body.encode()) == count_strokes(body.encode("utf-16")) == 3
