"""nginx with the shipped configuration before real and made-up instances: no request is lost that need not be."""

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
from tests.helpers.fake_server import HANG_UP, fake
from tests.helpers.server_process import site
from tests.test_deploy import NGINX_CONF

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
with_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx: apt-get install nginx")
BODY = json.dumps({"image": base64.b64encode(Path("input/test-7.png").read_bytes()).decode()}).encode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def configuration(folder: Path, port: int, instances: tuple[int, ...]) -> str:
    """The shipped one with the three things replaced that its head names, and nothing else."""
    (server,) = re.findall(r"server digits:5000 resolve .*?;", NGINX_CONF)
    each = [server.replace("digits:5000 resolve", f"127.0.0.1:{instance}") for instance in instances]
    ours = NGINX_CONF.replace(server, "\n".join(each)).replace("listen 8080;", f"listen 127.0.0.1:{port};")
    return ours.replace(" /tmp/", f" {folder}/")


@contextmanager
def proxy(folder: Path, *instances: int) -> Iterator[str]:
    """The address of an nginx in front of the servers on these ports; what it did stands in folder/access.log."""
    port = free_port()
    (folder / "nginx.conf").write_text(configuration(folder, port, instances))
    more = "daemon off; error_log stderr notice;" + (" user root;" if os.geteuid() == 0 else "")
    command = [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr", "-g", more]
    with (
        (folder / "access.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            said = []
            for line in process.stderr:  # it listens before it starts what answers
                said.append(line)
                if "start worker process " in line:
                    break
            else:
                pytest.fail("".join(said))
            drain = threading.Thread(target=process.stderr.read)  # or it would stop where the pipe is full
            drain.start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
    drain.join()


def tried(folder: Path) -> list[list[str]]:
    """Of each request the instances that it went to, in that order."""
    log = (json.loads(line) for line in (folder / "access.log").read_text().splitlines())
    return [line["upstream"].split(", ") for line in log]


def ask(address: str, body: bytes | None = BODY, path: str = "/api", **headers: str) -> tuple[int, dict, bytes]:
    """Status, headers and body of an answer, of an error, too; 0 for one that broke off."""
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


def assert_refused(answer: tuple[int, dict, bytes], status: int, code: str) -> dict:
    """The one JSON form of an error, as app.py has it; returns the headers."""
    assert answer[0] == status
    assert answer[1]["Content-Type"] == "application/json"
    error = json.loads(answer[2])["error"]
    assert (set(error), error["code"]) == ({"code", "message"}, code)
    return answer[1]


def kill(process: subprocess.Popen) -> None:
    """As if the power went: first the master, which would replace its workers, then these."""
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert workers
    process.kill()
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)


@with_nginx
@pytest.mark.parametrize(("end", "cut"), [(kill, 4), (subprocess.Popen.terminate, 0)], ids=["killed", "told to stop"])
def test_no_request_is_lost_when_one_of_two_instances_goes_under_load(tmp_path, end, cut):
    """But for at most `cut`: those under way whose answer had begun, which nobody can take back, when it was killed."""
    with site() as first, site() as second:
        ports = [int(served.address.rpartition(":")[2]) for served in (first, second)]
        with proxy(tmp_path, *ports) as address, ThreadPoolExecutor(4) as threads:
            answers = []
            for answer in threads.map(lambda _: ask(address), range(300)):
                answers.append(answer)
                if len(answers) == 100:  # both have read by now, and four requests are under way
                    end(first.process)
    whole = [json.loads(body)["text"] for status, _, body in answers if status == 200]
    assert set(whole) == {"7"}
    assert {status for status, _, _ in answers} <= {200, 0}
    assert len(whole) >= len(answers) - cut
    went = tried(tmp_path)
    here, there = (f"127.0.0.1:{port}" for port in ports)
    assert [here] in went[:100]
    assert [there] in went[:100]
    assert [here, there] in went  # passed on
    assert went[-1] == [there]


@with_nginx
def test_an_instance_hears_who_asked_and_the_name_of_the_request(tmp_path):
    with fake((200, b"{}", {})) as instance, proxy(tmp_path, instance.port) as address:
        ask(address, X_Request_ID="order-7.1", X_Forwarded_For="192.0.2.7")
        ask(address)
        ask(address, X_Request_ID='7", "client": "192.0.2.7')
    (named, unnamed, forged) = (headers for _, headers, _ in instance.asked)
    assert named["X-Request-ID"] == "order-7.1"
    assert named["X-Forwarded-For"] == "192.0.2.7, 127.0.0.1"  # the last one is nginx's own word
    assert unnamed["X-Forwarded-For"] == "127.0.0.1"
    for headers in (unnamed, forged):
        assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-ID"])
    assert {body for _, _, body in instance.asked} == {BODY}


@with_nginx
def test_an_instance_that_hangs_up_is_passed_over(tmp_path):
    with (
        fake(HANG_UP) as broken,
        fake((200, b"{}", {})) as sound,
        proxy(tmp_path, broken.port, sound.port) as address,
    ):
        assert {ask(address)[0] for _ in range(10)} == {200}
    assert broken.asked


@with_nginx
def test_a_picture_that_brings_down_its_reader_is_read_twice_and_takes_no_instance_out(tmp_path):
    """With nginx's own max_fails=1 the one such picture left no instance for anybody for ten seconds."""
    good = (200, b"{}", {})
    with fake(HANG_UP, good) as one, fake(HANG_UP, good) as other, proxy(tmp_path, one.port, other.port) as address:
        assert_refused(ask(address), 503, "unavailable")
        assert (len(one.asked), len(other.asked)) == (1, 1)
        assert ask(address)[0] == 200


@with_nginx
@pytest.mark.parametrize("status", [429, 503])
def test_who_is_told_to_come_back_hears_so_and_no_other_instance_is_asked(tmp_path, status):
    busy = (
        status,
        b'{"error": {"code": "busy", "message": ""}}',
        {"Retry-After": "7", "Content-Type": "application/json"},
    )
    with fake(busy) as one, fake(busy) as other, proxy(tmp_path, one.port, other.port) as address:
        assert assert_refused(ask(address), status, "busy")["Retry-After"] == "7"
    assert len(one.asked) + len(other.asked) == 1


@with_nginx
def test_what_nginx_itself_answers_has_the_form_of_the_apis_errors(tmp_path):
    with proxy(tmp_path, free_port(), free_port()) as address:
        assert int(assert_refused(ask(address), 503, "unavailable")["Retry-After"]) > 0
        assert_refused(ask(address, b"A" * 18 * 2**20), 413, "large")
        assert_refused(ask(address, None, "/metrics"), 404, "not_found")


@with_nginx
def test_a_body_as_large_as_an_instance_takes_goes_through_whole(tmp_path):
    body = os.urandom(app.Settings().max_body)
    with fake((200, b"{}", {})) as instance, proxy(tmp_path, instance.port) as address:
        assert ask(address, body)[0] == 200
    assert instance.asked[0][2] == body
    assert f"over {app.Settings().max_body // 2**20} MB" in NGINX_CONF
