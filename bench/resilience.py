"""How the server stands up to slow clients, photos, kills, stops, new weights and malformed bodies.

Rows of `python -m bench.throughput`; each function starts a server of its own and returns rows.
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
from bench.load_generator import load
from bench.results import Row, at_most
from bench.server_process import ServerProcess, run_app

WORKERS = 2
CLIENTS = 16  # that check every answer
SLOW_CLIENTS = 200
READ_TIMEOUT = 3  # s, shorter than the server's default, which nobody wants to wait for
STALLED = (  # how slow clients begin: no body, half a chunk, half a head
    b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    b"POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    b"POST /api HTT",
)
PHOTO = (4000, 3000)  # pixels


def slow_clients(log: int, pictures: list) -> list[Row]:
    """Clients whose requests stall, or go on by a byte a second, next to good ones."""
    with run_app(0, WORKERS, "--read-timeout", str(READ_TIMEOUT), log=log) as server:
        slow, health, ends = [], [], Counter()
        for number in range(SLOW_CLIENTS):
            slow.append(socket.create_connection(("127.0.0.1", server.port)))
            slow[-1].sendall(STALLED[number % len(STALLED)])
        with load(server.port, pictures, CLIENTS) as good:
            for _ in range(READ_TIMEOUT + 2):
                for client in slow[: SLOW_CLIENTS // 2]:
                    with suppress(OSError):  # one that was closed
                        client.send(b"a")
                began = time.monotonic()
                urlopen(f"{server.address}/healthz").close()
                health.append(time.monotonic() - began)
                time.sleep(max(0.0, 1 - health[-1]))
        for client in slow:
            client.settimeout(1)
            try:
                ends[client.recv(12)[9:].decode() or "closed"] += 1
            except TimeoutError:
                ends["open"] += 1
            except OSError:
                ends["closed"] += 1
            client.close()
    how = ", ".join(f"{count} {end}" for end, count in ends.items() if count)
    failed = sum(count for kind, count in good.count().items() if kind != "right")
    return [
        at_most(f"{SLOW_CLIENTS} slow clients: others' slowest answer, s", [good.percentile(1)], 1),
        at_most(f"{SLOW_CLIENTS} slow clients: /healthz, s", [max(health)], 1),
        Row(f"{SLOW_CLIENTS} slow clients: how they ended", "408, 400 or closed", how, not ends["open"]),
        Row(f"{SLOW_CLIENTS} slow clients: others' requests that failed", "none", str(failed), not failed),
    ]


def photo() -> bytes:
    """A JPEG file of 12 megapixels: a digit on paper with the noise of a camera."""
    digit = Image.open("input/test-7.png").convert("L").resize(PHOTO)
    noise = np.random.default_rng(0).normal(0, 4, PHOTO[::-1])
    stream = io.BytesIO()
    Image.fromarray((np.asarray(digit) + noise).clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def photos(log: int, pictures: list, seconds: int) -> list[Row]:
    """Small pictures next to large photos."""
    with run_app(0, WORKERS, log=log) as server, load(server.port, [(photo(), "7")], 4) as large:
        time.sleep(1)
        with load(server.port, pictures, 8) as small:
            time.sleep(5 * seconds)
    failed = [kind for kind, count in (small.count() + large.count()).items() if kind not in ("right", "busy")]
    return [
        at_most("4 clients send photos: p99 of small pictures, ms", [1000 * small.percentile(0.99)], 300),
        Row("photos and small pictures: failed", "none", ", ".join(failed) or "none", not failed),
    ]


def kill_worker(log: int, pictures: list, seconds: int) -> list[Row]:
    """SIGKILL to a worker under load."""
    with run_app(0, WORKERS, log=log) as server, load(server.port, pictures, CLIENTS) as clients:
        time.sleep(2 * seconds)
        workers, killed = server.worker_pids(), time.monotonic()
        os.kill(max(workers), signal.SIGKILL)
        while not server.worker_pids() - workers:
            time.sleep(0.02)
        time.sleep(6)
    before = clients.rate(killed - seconds, killed)
    steps = [step / 2 for step in range(11)]
    back = next((step for step in steps if clients.rate(killed + step, killed + step + 1) > 0.7 * before), 99)
    lost = clients.count()["lost"]
    return [
        at_most("killed worker: s until the throughput is back (70 %)", [back], 5),
        Row("killed worker: lost requests", f"≤ {CLIENTS}, one a client", str(lost), lost <= CLIENTS),
    ]


def stop_under_load(log: int, pictures: list, rounds: int) -> list[Row]:
    """SIGTERM under load: each request is answered, or met a connection that the server was closing."""
    took, lost, crossed, codes = [], 0, 0, set()
    for _ in range(rounds):
        with run_app(0, WORKERS, log=log) as server, load(server.port, pictures, CLIENTS) as clients:
            time.sleep(2)
            began = time.monotonic()
            server.process.terminate()
            codes.add(server.process.wait(30))
            took.append(time.monotonic() - began)
        gone = [outcome for outcome in clients.outcomes if outcome.kind == "lost"]
        crossed += sum(outcome.crossed for outcome in gone)
        lost += sum(not outcome.crossed for outcome in gone)
    said = f"{lost}; {crossed} of {rounds * CLIENTS} clients' crossed the closing of a kept connection"
    return [
        Row("SIGTERM: exit status", "0", ", ".join(map(str, codes)), codes == {0}),
        at_most("SIGTERM: s", took, 10),
        Row("SIGTERM: accepted requests lost", "none", said, not lost and crossed < rounds * CLIENTS / 4),
    ]


def weights_in_use(server: ServerProcess) -> set[str]:
    """The hashes of the weights that its processes read with."""
    metrics = urlopen(f"{server.address}/metrics").read().decode()
    return set(re.findall(r'digits_model_info{sha256="(\w+)"} 1.0', metrics))


def new_weights(log: int, pictures: list, folder: Path) -> list[Row]:
    """Weights replaced on disk under load, first by broken ones."""
    weights = folder / "weights.pth"
    shutil.copy("mnist.pth", weights)
    other = model.load("mnist.pth")
    other.fc2.bias.data -= 1e-4  # reads the same
    with (
        run_app(0, WORKERS, "--weights", str(weights), log=log) as server,
        load(server.port, pictures, CLIENTS) as clients,
    ):
        old = weights_in_use(server)
        weights.write_bytes(b"broken")
        time.sleep(3)
        kept = weights_in_use(server) == old
        model.save(other, weights)
        began = time.monotonic()
        while weights_in_use(server) & old and time.monotonic() < began + 20:
            time.sleep(0.05)
        took = time.monotonic() - began
    failed = sum(count for kind, count in clients.count().items() if kind != "right")
    return [
        Row("broken weights", "old ones stay", "old ones stay" if kept else "gone", kept),
        at_most("new weights: s until all processes use them", [took], 5),
        Row("new and broken weights: requests that failed", "none", str(failed), not failed),
    ]


def malformed(log: int, count: int) -> list[Row]:
    """Bodies cut, changed and made up, to each route that takes pictures."""
    dice, statuses, failed = random.Random(0), Counter(), 0
    file = Path("input/test-7.png").read_bytes()
    body = json.dumps({"image": base64.b64encode(file).decode()}).encode()
    types = (
        "application/json",
        "image/png",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "",
    )
    routes = ("/api", "/api", "/api", "/api/batch", "/api/explain", "/api/compare")
    with run_app(0, WORKERS, log=log) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        for _ in range(count):
            content = bytearray(
                dice.choice((file, body, dice.randbytes(dice.randrange(300)), b"[" * dice.randrange(9999)))
            )
            for _ in range(dice.randrange(6)):
                if content:
                    content[dice.randrange(len(content))] = dice.randrange(256)
            content = content[: dice.randrange(len(content) + 1)] if dice.random() < 0.5 else content
            headers = {"Content-Type": dice.choice(types)} | (
                {"Content-Encoding": "gzip"} if dice.random() < 0.1 else {}
            )
            connection.request("POST", dice.choice(routes), bytes(content), headers)
            response = connection.getresponse()
            answer = response.read()
            statuses[response.status] += 1
            # A bug is answered with 503 as well, but with another code than a busy server.
            failed += response.status >= 500 and json.loads(answer)["error"]["code"] != "busy"
    said = ", ".join(f"{n} × {status}" for status, n in sorted(statuses.items()))
    return [Row(f"{count:,} malformed bodies: 5xx but busy", "none", f"{failed} ({said})", not failed)]
