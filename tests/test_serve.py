"""What `bench.serve` compares: both other servers answer in its form; what it says of crowds. wrk is not needed."""

import asyncio

import pytest

from bench import bodies, clients, serve
from bench.servers import APP, serving

CALM = {"rate": 100.0, "max": 10.0}
CROWD = {"rate": 95.0, "max": 900.0, "other": 0, "lost": 0, "late": 0, "busy": 30, "requests": 100}
ASKED = {"max": 950.0, "good": {"right": 9, "busy": 3}}


async def answered(port: int, request: bytes) -> clients.Answer:
    line = await clients.connect(port)
    try:
        return await line.ask(request)
    finally:
        line.transport.abort()


def test_the_hollow_server_answers_every_picture_alike():
    with serving("-m", "bench.hollow", *APP[1:], "--workers", "1") as server:
        for content in (b"no picture", b"another"):
            answer = asyncio.run(answered(server.port, bodies.request(bodies.body(content))))
            assert clients.kind_of(answer, "7") == "right"
        assert asyncio.run(answered(server.port, bodies.request(b"no JSON"))).status == 400


def test_the_tutorial_reads_what_we_read():
    (known,) = bodies.known(1)
    with serving("-m", "bench.tutorial", "0") as server:
        answer = asyncio.run(answered(server.port, known.request))
    assert answer.status == 200
    assert f'"result":{known.text}' in answer.body.decode().replace(" ", "")


@pytest.mark.parametrize(
    ("crowd", "asked", "unmet"),
    [
        ({}, {}, set()),
        ({"rate": 80.0}, {}, {"served / at 64"}),
        ({"other": 1}, {}, {"not 200, nor 503 with Retry-After"}),
        ({"lost": 1}, {}, {"not 200, nor 503 with Retry-After"}),
        ({}, {"good": {"right": 9, "broken": 1}}, {"not 200, nor 503 with Retry-After"}),
        ({"max": 1200.0}, {}, {"slowest answer, ms"}),
        ({}, {"max": 1200.0}, {"slowest answer, ms"}),
    ],
)
def test_a_crowd_is_served_well_only_if_all_of_it_is(crowd, asked, unmet):
    seen = {"before": [CALM], "crowd": [CROWD | crowd], "asked": [ASKED | asked], "after": [CALM]}
    rows = serve.of_crowd(1000, seen)
    assert {row.name.partition(": ")[2] for row in rows if not row.met} == unmet
