"""The server with slow clients, photos, killed workers, SIGTERM, new weights and malformed bodies.

Rows of `python -m bench.throughput`. Each function starts its own server and returns rows; `log` is the file descriptor
for the log of that server, `pictures` are those of `load_generator.labeled_pictures`.
"""

import base64
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import time
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from PIL import Image

import model
from bench.load_generator import Picture, generate_load
from bench.results import Row, at_most
from bench.server_process import ServerProcess, run_app

WORKERS = 2
CLIENTS = 16  # that check every answer
SLOW_CLIENTS = 200
READ_TIMEOUT = 3  # s, less than the server's default, to save time
# Beginnings of requests that stall: before most of the body, in a chunk, in the head.
STALLED_REQUESTS = (
    b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    b"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    b"POST /api HTT",
)
PHOTO_SIZE = (4000, 3000)  # pixels
BODY_TYPES = (
    "application/json",
    "image/png",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "",
)


def measure_slow_clients(log: int, pictures: list[Picture]) -> list[Row]:
    """Measure other clients next to clients whose requests stall, or continue by one byte per second."""
    with run_app(0, WORKERS, "--read-timeout", str(READ_TIMEOUT), log=log) as server:
        slow, health_seconds = [], []
        for number in range(SLOW_CLIENTS):
            slow.append(socket.create_connection(("127.0.0.1", server.port)))
            slow[-1].sendall(STALLED_REQUESTS[number % len(STALLED_REQUESTS)])
        with generate_load(server.port, pictures, CLIENTS) as load:
            for _ in range(READ_TIMEOUT + 2):
                for client in slow[: SLOW_CLIENTS // 2]:
                    with suppress(OSError):  # the server has closed the connection
                        client.send(b"a")
                start = time.monotonic()
                urlopen(f"{server.address}/healthz").close()
                health_seconds.append(time.monotonic() - start)
                time.sleep(max(0.0, 1 - health_seconds[-1]))
        ends = Counter(_close(client) for client in slow)
    described = ", ".join(f"{count} {end}" for end, count in ends.items())
    name = f"{SLOW_CLIENTS} slow clients"
    return [
        at_most(f"{name}: others' slowest answer, s", [load.percentile(1)], 1),
        at_most(f"{name}: /healthz, s", [max(health_seconds)], 1),
        Row(f"{name}: end of their connections", "408, 400 or closed", described, not ends["open"]),
        Row(f"{name}: others' failed requests", "none", str(load.failures()), not load.failures()),
    ]


def _close(client: socket.socket) -> str:
    """Close a slow connection. Returns: the status that the server had sent, "closed", or "open"."""
    with client:
        client.settimeout(1)
        try:
            return client.recv(12)[9:].decode() or "closed"
        except TimeoutError:
            return "open"
        except OSError:
            return "closed"


def make_photo() -> bytes:
    """Make a JPEG file of 12 megapixels: a digit on paper with the noise of a camera."""
    digit = Image.open("input/test-7.png").convert("L").resize(PHOTO_SIZE)
    noise = np.random.default_rng(0).normal(0, 4, PHOTO_SIZE[::-1])
    stream = io.BytesIO()
    Image.fromarray((np.asarray(digit) + noise).clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def measure_photos(log: int, pictures: list[Picture], seconds: int) -> list[Row]:
    """Measure small pictures next to large photos."""
    with run_app(0, WORKERS, log=log) as server, generate_load(server.port, [(make_photo(), "7")], 4) as large:
        time.sleep(1)
        with generate_load(server.port, pictures, 8) as small:
            time.sleep(5 * seconds)
    failed = [kind for kind in small.count() + large.count() if kind not in ("correct", "busy")]
    return [
        at_most("4 clients send photos: p99 of small pictures, ms", [1000 * small.percentile(0.99)], 300),
        Row("photos and small pictures: failed", "none", ", ".join(failed) or "none", not failed),
    ]


def measure_killed_worker(log: int, pictures: list[Picture], seconds: int) -> list[Row]:
    """Send SIGKILL to a worker under load."""
    with run_app(0, WORKERS, log=log) as server, generate_load(server.port, pictures, CLIENTS) as load:
        time.sleep(2 * seconds)
        workers, killed = server.worker_pids(), time.monotonic()
        os.kill(max(workers), signal.SIGKILL)
        while not server.worker_pids() - workers:
            time.sleep(0.02)
        time.sleep(6)
    before = load.throughput(killed - seconds, killed)
    delays = [step / 2 for step in range(11)]
    recovered = (delay for delay in delays if load.throughput(killed + delay, killed + delay + 1) > 0.7 * before)
    lost = load.count()["lost"]
    return [
        at_most("killed worker: s until the throughput is back (70 %)", [next(recovered, 99)], 5),
        Row("killed worker: lost requests", f"≤ {CLIENTS}, one per client", str(lost), lost <= CLIENTS),
    ]


def measure_stop_under_load(log: int, pictures: list[Picture], rounds: int) -> list[Row]:
    """Send SIGTERM under load: each request is answered, or was sent while the server closed the connection."""
    seconds, lost, crossed, codes = [], 0, 0, set()
    for _ in range(rounds):
        with run_app(0, WORKERS, log=log) as server, generate_load(server.port, pictures, CLIENTS) as load:
            time.sleep(2)
            start = time.monotonic()
            server.process.terminate()
            codes.add(server.process.wait(30))
            seconds.append(time.monotonic() - start)
        lost_outcomes = [outcome for outcome in load.outcomes if outcome.kind == "lost"]
        crossed += sum(outcome.crossed for outcome in lost_outcomes)
        lost += sum(not outcome.crossed for outcome in lost_outcomes)
    described = f"{lost}; {crossed} of {rounds * CLIENTS} clients' were sent while the server closed their connection"
    return [
        Row("SIGTERM: exit status", "0", ", ".join(map(str, codes)), codes == {0}),
        at_most("SIGTERM: s", seconds, 10),
        Row("SIGTERM: accepted requests lost", "none", described, not lost and crossed < rounds * CLIENTS / 4),
    ]


def weights_in_use(server: ServerProcess) -> set[str]:
    """Return the hashes of the weights that the workers use."""
    metrics = urlopen(f"{server.address}/metrics").read().decode()
    return set(re.findall(r'digits_model_info{sha256="(\w+)"} 1.0', metrics))


def measure_new_weights(log: int, pictures: list[Picture], folder: Path) -> list[Row]:
    """Replace the weights on disk under load, first by an invalid file."""
    weights = folder / "weights.pth"
    shutil.copy("mnist.pth", weights)
    other = model.load("mnist.pth")
    other.get_parameter("fc2.bias").data -= 1e-4  # of the logits, all alike: gives the same readings
    with (
        run_app(0, WORKERS, "--weights", str(weights), log=log) as server,
        generate_load(server.port, pictures, CLIENTS) as load,
    ):
        old = weights_in_use(server)
        weights.write_bytes(b"broken")
        time.sleep(3)
        kept = weights_in_use(server) == old
        model.save(other, weights)
        start = time.monotonic()
        while weights_in_use(server) & old and time.monotonic() < start + 20:
            time.sleep(0.05)
        seconds = time.monotonic() - start
    return [
        Row("invalid weights", "old ones stay", "old ones stay" if kept else "gone", kept),
        at_most("new weights: s until all workers use them", [seconds], 5),
        Row("new and invalid weights: failed requests", "none", str(load.failures()), not load.failures()),
    ]


def measure_malformed_bodies(log: int, count: int) -> list[Row]:
    """Send truncated, changed and random bodies to each route that takes pictures."""
    rng, statuses, failed = random.Random(0), Counter(), 0
    routes = ("/api", "/api", "/api", "/api/batch", "/api/explain", "/api/compare")
    with run_app(0, WORKERS, log=log) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for _ in range(count):
            body = _random_body(rng)
            headers = {"Content-Type": rng.choice(BODY_TYPES)}
            if rng.random() < 0.1:
                headers["Content-Encoding"] = "gzip"
            connection.request("POST", rng.choice(routes), body, headers)
            response = connection.getresponse()
            answer = response.read()
            statuses[response.status] += 1
            # A bug is answered with 503, too, but with another code than a busy server.
            failed += response.status >= 500 and json.loads(answer)["error"]["code"] != "busy"
    described = ", ".join(f"{n} × {status}" for status, n in sorted(statuses.items()))
    return [Row(f"{count:,} malformed bodies: 5xx except busy", "none", f"{failed} ({described})", not failed)]


def _random_body(rng: random.Random) -> bytes:
    """Take a picture, its JSON, random bytes or nested lists; change up to 5 bytes; truncate half of them."""
    file = Path("input/test-7.png").read_bytes()
    body = json.dumps({"image": base64.b64encode(file).decode()}).encode()
    content = bytearray(rng.choice((file, body, rng.randbytes(rng.randrange(300)), b"[" * rng.randrange(9999))))
    for _ in range(rng.randrange(6)):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content[: rng.randrange(len(content) + 1)] if rng.random() < 0.5 else content)
