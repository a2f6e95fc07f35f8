"""`digits.serving.server`: new weights, log and metrics of all workers."""

import contextlib
import json
import os
import re
import shutil
import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

import model
from bench.load_generator import generate_load, labeled_pictures
from bench.sample_images import draw_number, encode_image, to_image
from digits import UserError
from digits.serving import monitoring
from tests.helpers.images import tiff_with_damaged_strip
from tests.helpers.running_server import read_log, read_text, run_app
from tests.helpers.waiting import wait_until

SAMPLE = Path("input/test-7.png").read_bytes()


def weights_in_use(address: str) -> set[str]:
    """Return the hashes of the weights that workers use. The worker that answers /readyz checks for new weights."""
    urlopen(f"{address}/readyz").close()
    with urlopen(f"{address}/metrics") as response:
        return set(re.findall(r'digits_model_info{sha256="(\w+)"} 1', response.read().decode()))


def test_new_weights_are_used_without_failed_requests_and_invalid_ones_are_not(tmp_path, server_log):
    weights = tmp_path / "w.pth"
    shutil.copy("mnist.pth", weights)
    other = model.load("mnist.pth")  # gives the same readings
    other.fc2.bias.data += 0.01
    flags = ("--weights", str(weights), "--log-format", "json")
    with run_app(0, 2, *flags, log=server_log.fileno()) as served:
        (first,) = weights_in_use(served.address)
        with generate_load(served.port, labeled_pictures(10), 2) as clients:
            model.save(other, weights)
            wait_until(
                lambda: (
                    len(weights_in_use(served.address) - {first}) == 1 and first not in weights_in_use(served.address)
                )
            )
            (second,) = weights_in_use(served.address)

            weights.write_bytes(b"no weights")
            wait_until(
                lambda: weights_in_use(served.address) and "What was loaded before stays in use" in read_log(server_log)
            )
            assert weights_in_use(served.address) == {second}
            answered = len(clients.outcomes)
            wait_until(lambda: len(clients.outcomes) > answered + 20)
        assert {outcome.kind for outcome in clients.outcomes} == {"correct"}
    assert served.process.returncode == 0
    lines = [json.loads(line) for line in read_log(server_log).splitlines()]
    assert {line["level"] for line in lines} == {"info", "warning", "error"}
    assert not [line for line in lines if line.get("status", 200) >= 400]


def test_log_has_one_line_per_request_and_nothing_else(server_log):
    """Also for pictures that libtiff and Pillow warn about, and for truncated bodies."""
    picture = to_image(draw_number("7"))
    damaged = tiff_with_damaged_strip(picture, "tiff_lzw")
    odd = encode_image(picture, exif=b"MM\0*\0\0\0\x08\0\x05")  # Pillow warns of "Corrupt EXIF data"
    with run_app(0, 1, "--log-format", "json", log=server_log.fileno()) as served:
        for content in (damaged, odd, SAMPLE):
            with contextlib.suppress(HTTPError):
                read_text(served.address, content)
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.sendall(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        wait_until(lambda: len(read_log(server_log).splitlines()) == 4)
    lines = [json.loads(line) for line in read_log(server_log).splitlines()]
    fields = {"time", "level", "request_id", "method", "path", "status", "duration_ms", "remote_addr"}
    assert [(set(line), line["path"], line["status"]) for line in lines] == [
        (fields, "/api", status) for status in (400, 200, 200, 400)
    ]


def test_metrics_cover_all_workers_and_their_folder_is_removed(tmp_path, server_log, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with run_app(0, 2, log=server_log.fileno()) as served:
        (folder,) = tmp_path.glob("digits-*")
        wait_until(lambda: len(list(folder.glob("counter_*.db"))) == 2)  # both processes count
        for _ in range(12):
            read_text(served.address)
        with urlopen(f"{served.address}/metrics") as response:
            exposition = response.read().decode()
    assert 'digits_requests_total{method="POST",route="/api",status="200"} 12.0' in exposition
    assert "digits_pictures_total 12.0" in exposition
    assert not list(tmp_path.glob("digits-*"))


def test_metrics_folder_is_removed_after_an_error(monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    with contextlib.suppress(LookupError), monitoring.shared_metrics_folder():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        assert folder.is_dir()
        raise LookupError
    assert not folder.exists()


def test_missing_temporary_folder_raises_with_advice(monkeypatch):
    def refuse(**_):
        raise FileNotFoundError("No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(monitoring.tempfile, "mkdtemp", refuse)
    with pytest.raises(UserError, match="TMPDIR"), monitoring.shared_metrics_folder():
        pytest.fail("entered")
