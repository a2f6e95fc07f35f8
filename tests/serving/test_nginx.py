"""nginx with the shipped configuration in front of real and fake instances: requests are retried where possible."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import app
from tests.helpers.fake_server import CLOSE_CONNECTION, fake_server
from tests.helpers.python_process import PythonProcess
from tests.helpers.running_server import run_app

pytestmark = pytest.mark.slow

NGINX_CONF = Path("deploy/nginx.conf").read_text()
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
with_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx: apt-get install nginx")
(SHIPPED_RATE,) = re.findall(r"rate=(\w+/s)", NGINX_CONF)
UNLIMITED = "100000r/s"  # for tests that send more than the limit of one client
BODY = json.dumps({"image": base64.b64encode(Path("input/test-7.png").read_bytes()).decode()}).encode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def configuration(folder: Path, port: int, instances: tuple[int, ...], rate: str) -> str:
    """Replace only the four settings that the head of the shipped configuration names."""
    (server,) = re.findall(r"server digits:5000 resolve .*?;", NGINX_CONF)
    each = [server.replace("digits:5000 resolve", f"127.0.0.1:{instance}") for instance in instances]
    ours = NGINX_CONF.replace(server, "\n".join(each)).replace("listen 8080;", f"listen 127.0.0.1:{port};")
    return ours.replace(" /tmp/", f" {folder}/").replace(f"rate={SHIPPED_RATE}", f"rate={rate}")


@contextmanager
def proxy(folder: Path, *instances: int, rate: str = UNLIMITED, edits: dict[str, str] | None = None) -> Iterator[str]:
    """The address of an nginx in front of the servers on these ports; its log is folder/access.log.

    edits: texts of the configuration and what replaces them.
    """
    port = free_port()
    text = configuration(folder, port, instances, rate)
    for old, new in (edits or {}).items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    more = "daemon off; error_log stderr notice;" + (" user root;" if os.geteuid() == 0 else "")
    command = [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr", "-g", more]
    with (
        (folder / "access.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            output = []
            for line in process.stderr:  # nginx listens before it starts its worker processes
                output.append(line)
                if "start worker process " in line:
                    break
            else:
                pytest.fail("".join(output))
            drain = threading.Thread(target=process.stderr.read)  # else nginx would block on a full pipe
            drain.start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    drain.join()


def tried_instances(folder: Path) -> list[list[str]]:
    """Return for each request the instances that it was sent to, in order."""
    log = (json.loads(line) for line in (folder / "access.log").read_text().splitlines())
    return [line["upstream"].split(", ") for line in log]


def send_request(
    address: str, body: bytes | None = BODY, path: str = "/api", **headers: str
) -> tuple[int, dict, bytes]:
    """Send a request. Returns: status, headers and body; status 0 for a truncated answer."""
    request = Request(address + path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        response = urlopen(request)
    except HTTPError as error:
        response = error
    with response:
        try:
            return response.status, dict(response.headers), response.read()
        except IncompleteRead as rest:
            return 0, dict(response.headers), rest.partial


def assert_json_error(answer: tuple[int, dict, bytes], status: int, code: str) -> dict:
    """Check status, code and the JSON shape that errors of app.py have. Returns: the headers."""
    assert answer[0] == status
    assert answer[1]["Content-Type"] == "application/json"
    error = json.loads(answer[2])["error"]
    assert (set(error), error["code"]) == ({"code", "message"}, code)
    return answer[1]


def kill(process: PythonProcess) -> None:
    """Kill the whole server at once: first the parent, which would replace its workers, then these."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    workers = {worker for task in tasks for worker in task.read_text().split()}
    assert workers
    process.kill()
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)


@with_nginx
@pytest.mark.parametrize(("end", "truncated"), [(kill, 4), (PythonProcess.terminate, 0)], ids=["killed", "terminated"])
def test_no_request_is_lost_when_one_of_two_instances_ends_under_load(tmp_path, end, truncated):
    """Except for at most `truncated` requests in progress whose answer had begun when the instance was killed."""
    with run_app() as first, run_app() as second:
        ports = [int(served.address.rpartition(":")[2]) for served in (first, second)]
        with proxy(tmp_path, *ports) as address, ThreadPoolExecutor(4) as threads:
            answers = []
            for answer in threads.map(lambda _: send_request(address), range(150)):
                answers.append(answer)
                if len(answers) == 50:  # both instances have answered, and four requests are in progress
                    end(first.process)
    whole = [json.loads(body)["text"] for status, _, body in answers if status == 200]
    assert set(whole) == {"7"}
    assert {status for status, _, _ in answers} <= {200, 0}
    assert len(whole) >= len(answers) - truncated
    went = tried_instances(tmp_path)
    here, there = (f"127.0.0.1:{port}" for port in ports)
    assert [here] in went[:50]
    assert [there] in went[:50]
    assert [here, there] in went  # passed on
    assert went[-1] == [there]


@with_nginx
def test_instance_receives_the_client_address_and_the_request_id(tmp_path):
    with fake_server((200, b"{}", {})) as instance, proxy(tmp_path, instance.port) as address:
        send_request(address, X_Request_ID="order-7.1", X_Forwarded_For="192.0.2.7")
        send_request(address)
        send_request(address, X_Request_ID='7", "client": "192.0.2.7')
    (named, unnamed, forged) = (headers for _, headers, _ in instance.requests)
    assert named["X-Request-ID"] == "order-7.1"
    assert named["X-Forwarded-For"] == "192.0.2.7, 127.0.0.1"  # nginx appends the last one
    assert unnamed["X-Forwarded-For"] == "127.0.0.1"
    for headers in (unnamed, forged):
        assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-ID"])
    assert {body for _, _, body in instance.requests} == {BODY}


@with_nginx
def test_instance_that_closes_connections_is_skipped(tmp_path):
    with (
        fake_server(CLOSE_CONNECTION) as broken,
        fake_server((200, b"{}", {})) as sound,
        proxy(tmp_path, broken.port, sound.port) as address,
    ):
        assert {send_request(address)[0] for _ in range(10)} == {200}
    assert broken.requests


@with_nginx
def test_picture_that_crashes_its_worker_is_tried_twice_and_takes_no_instance_out(tmp_path):
    """With nginx's default max_fails=1, one such picture made all instances unavailable for ten seconds."""
    good = (200, b"{}", {})
    with (
        fake_server(CLOSE_CONNECTION, good) as one,
        fake_server(CLOSE_CONNECTION, good) as other,
        proxy(tmp_path, one.port, other.port) as address,
    ):
        assert_json_error(send_request(address), 503, "unavailable")
        assert (len(one.requests), len(other.requests)) == (1, 1)
        assert send_request(address)[0] == 200


@with_nginx
def test_busy_response_is_passed_on_without_trying_another_instance(tmp_path):
    busy = (
        503,
        b'{"error": {"code": "busy", "message": ""}}',
        {"Retry-After": "7", "Content-Type": "application/json"},
    )
    with fake_server(busy) as one, fake_server(busy) as other, proxy(tmp_path, one.port, other.port) as address:
        assert assert_json_error(send_request(address), 503, "busy")["Retry-After"] == "7"
    assert len(one.requests) + len(other.requests) == 1


@with_nginx
def test_rate_limit_applies_to_post_but_not_to_health_checks_and_the_page(tmp_path):
    with run_app() as instance, proxy(tmp_path, instance.port, rate=SHIPPED_RATE) as address:
        with ThreadPoolExecutor(100) as threads:
            # Not pictures: on a busy machine the queue for reading would refuse some of them.
            answers = list(threads.map(lambda _: send_request(address, b"no picture"), range(200)))
        unlimited = [send_request(address, None, path)[0] for path in ("/", "/readyz") * 30]
    refused = [answer for answer in answers if answer[0] != 400]
    assert len(answers) - len(refused) >= 40  # burst
    assert refused
    for answer in refused:
        assert int(assert_json_error(answer, 429, "too_many_requests")["Retry-After"]) > 0
    assert set(unlimited) == {200}


def edits_from_comment(_: int) -> dict[str, str]:
    """The edits that the comment in the shipped configuration describes for a path prefix."""
    (described,) = re.findall(r"under a path: (.*?)\.\n", NGINX_CONF, re.DOTALL)
    location, target, prefix = re.findall("`(.*?)`", described)
    return {"location / {": f"{location} {{", "proxy_pass http://digits;": target, 'X-Forwarded-Prefix "";': prefix}


def edits_from_docs(port: int) -> dict[str, str]:
    """The documented `location` in place of the shipped one."""
    (shipped,) = re.findall(r"        location / \{.*?\n        \}\n", NGINX_CONF, re.DOTALL)
    (shown,) = re.findall(r"```nginx\n(.*?)```", Path("docs/deployment.md").read_text(), re.DOTALL)
    return {shipped: shown.replace("127.0.0.1:5000", f"127.0.0.1:{port}")}


@with_nginx
@pytest.mark.parametrize("edits", [edits_from_comment, edits_from_docs])
def test_server_works_under_a_path_prefix(tmp_path, edits):
    with (
        run_app(0, 1, "--proxies", "1") as served,
        proxy(tmp_path, served.port, edits=edits(served.port)) as address,
    ):
        page = send_request(address, None, "/digits/")[2].decode()
        script = re.search(r'<script [^>]*src="([^"]+)"', page)[1]
        assert send_request(address, None, f"/digits/{script}")[0] == 200
        assert json.loads(send_request(address, None, "/digits/openapi.json")[2])["servers"] == [{"url": "/digits"}]
        assert json.loads(send_request(address, path="/digits/api")[2])["text"] == "7"
        assert b'href="/digits/"' in send_request(address, None, "/digits/none", Accept="text/html")[2]
        assert (
            send_request(address, b"A" * 16 * 2**20, "/digits/api")[0] == 400
        )  # the largest allowed: it is received, but is not JSON


@with_nginx
def test_forwarded_host_and_prefix_of_clients_are_not_passed_on(tmp_path):
    with fake_server((200, b"{}", {})) as instance, proxy(tmp_path, instance.port) as address:
        send_request(address, X_Forwarded_Prefix="/evil", X_Forwarded_Host="evil.example")
    ((_, headers, _),) = instance.requests
    assert headers["X-Forwarded-Prefix"] is None


@with_nginx
def test_errors_of_nginx_have_the_form_of_api_errors(tmp_path):
    with proxy(tmp_path, free_port(), free_port()) as address:
        assert int(assert_json_error(send_request(address), 503, "unavailable")["Retry-After"]) > 0
        assert_json_error(send_request(address, b"A" * 18 * 2**20), 413, "large")
        assert_json_error(send_request(address, None, "/metrics"), 404, "not_found")


@with_nginx
def test_body_of_the_largest_allowed_size_is_passed_on_whole(tmp_path):
    body = os.urandom(app.ServerSettings().max_body)
    with fake_server((200, b"{}", {})) as instance, proxy(tmp_path, instance.port) as address:
        assert send_request(address, body)[0] == 200
    assert instance.requests[0][2] == body
    assert f"over {app.ServerSettings().max_body // 2**20} MB" in NGINX_CONF
