"""`digits.client`: what a server answers, asked again when it says so, and one kind of error for all else."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bench.server_process import run_app
from digits import UserError, client
from tests.helpers.fake_server import CLOSE_CONNECTION, fake_server

SAMPLE = Path("input/test-7.png")
READING = {"result": 7, "text": "7", "digits": []}
GOOD = (200, json.dumps(READING).encode(), {})


def refused(status: int, code: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    error = {"code": code, "message": f"That is {code}: do something."}
    return status, json.dumps({"error": error}).encode(), {name.replace("_", "-"): v for name, v in headers.items()}


@pytest.fixture
def waited() -> list[float]:
    return []


def test_the_real_server_reads_a_file_and_its_bytes_and_says_what_is_wrong():
    with run_app() as served:
        assert client.read(SAMPLE, served.address)["text"] == "7"
        assert client.read(SAMPLE.read_bytes(), f"{served.address}/")["certain"] is True
        with pytest.raises(UserError, match="convert it") as caught:
            client.read(b"no picture", served.address)
    assert caught.value.code == "format"


def test_the_picture_is_sent_as_it_is():
    with fake_server(GOOD) as server:
        assert client.read(str(SAMPLE), server.address) == READING
    ((path, _, body),) = server.requests
    assert path == "/api"
    assert body == SAMPLE.read_bytes()


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_with_too_much_to_do_is_asked_again_when_it_said(waited, status):
    busy = refused(status, "busy", Retry_After="4")
    with fake_server(busy, busy, GOOD) as server:
        assert client.read(SAMPLE, server.address, wait=waited.append) == READING
    assert len(server.requests) == 3
    assert all(4 <= pause <= 4 * client.SPREAD for pause in waited)


@pytest.mark.parametrize("header", [{}, {"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {"Retry_After": "-1"}])
def test_without_a_number_of_seconds_the_pause_is_our_own(waited, header):
    with fake_server(refused(503, "busy", **header), GOOD) as server:
        assert client.read(SAMPLE, server.address, wait=waited.append) == READING
    assert client.PAUSE <= waited[0] <= client.PAUSE * client.SPREAD


def test_after_the_last_try_the_servers_own_sentence_is_raised(waited):
    with fake_server(refused(503, "busy")) as server, pytest.raises(UserError, match="That is busy") as caught:
        client.read(SAMPLE, server.address, tries=4, wait=waited.append)
    assert caught.value.code == "busy"
    assert (len(server.requests), len(waited)) == (4, 3)


def test_a_server_that_wants_a_long_pause_is_not_asked_again(waited):
    with fake_server(refused(429, "often", Retry_After="3600")) as server, pytest.raises(UserError, match="often"):
        client.read(SAMPLE, server.address, wait=waited.append)
    assert (len(server.requests), waited) == (1, [])


@pytest.mark.parametrize("status", [400, 408, 413, 415, 422])
def test_what_asking_again_cannot_mend_is_said_at_once(waited, status):
    with fake_server(refused(status, "blank")) as server, pytest.raises(UserError, match="do something") as caught:
        client.read(SAMPLE, server.address, wait=waited.append)
    assert (caught.value.code, len(server.requests), waited) == ("blank", 1, [])


@pytest.mark.parametrize("lost", [CLOSE_CONNECTION, (200, b"{", {"Content-Length": "1000"})], ids=["nothing", "a part"])
def test_an_answer_that_was_lost_on_the_way_is_asked_for_again(waited, lost):
    with fake_server(lost, GOOD) as server:
        assert client.read(SAMPLE, server.address, wait=waited.append) == READING
    assert len(waited) == 1


def test_where_no_server_is_it_is_tried_again_and_then_said(waited):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(UserError, match=f"{address} does not answer .*refused") as caught:
        client.read(SAMPLE, address, wait=waited.append)
    assert (caught.value.code, len(waited)) == ("unreachable", 2)


def test_a_server_that_stays_silent_is_not_given_the_same_work_again(waited):
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UserError, match="timed out") as caught:
        client.read(SAMPLE, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05, wait=waited.append)
    assert (caught.value.code, waited) == ("unreachable", [])


@pytest.mark.parametrize("address", ["127.0.0.1:5000", "", "http://a b", "http://no.such.host.invalid"])
def test_an_address_that_is_none_is_said(waited, address):
    with pytest.raises(UserError, match="does not answer") as caught:
        client.read(SAMPLE, address, wait=waited.append)
    assert (caught.value.code, waited) == ("unreachable", [])


@pytest.mark.parametrize(
    "content",
    [b"<html>It works!</html>", b"", b'["digits"]', b'"digits"', b"7", b"null", b"{}", b'{"error": 1}', b"\xff"],
)
@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_of_something_else_is_no_reading(waited, status, content):
    with fake_server((status, content, {})) as server, pytest.raises(UserError, match=f"answered {status}") as caught:
        client.read(SAMPLE, server.address, wait=waited.append)
    assert (caught.value.code, len(server.requests), waited) == ("answer", 1, [])


def test_a_proxys_page_of_its_own_is_asked_again(waited):
    with fake_server((502, b"<html>Bad Gateway</html>", {}), GOOD) as server:
        assert client.read(SAMPLE, server.address, wait=waited.append) == READING
    assert len(waited) == 1


def test_a_missing_file_is_said_before_anybody_is_asked(tmp_path):
    with fake_server(GOOD) as server, pytest.raises(UserError, match="check the name") as caught:
        client.read(tmp_path / "none.png", server.address)
    assert (caught.value.code, server.requests) == ("missing", [])


def test_it_needs_nothing_but_the_standard_library():
    ours = "import sys; before = set(sys.modules); import digits.client; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", ours], capture_output=True, text=True, check=True).stdout.split()
    foreign = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert foreign == {"digits"}
