"""How fast the server is next to a tutorial's, and how it stands up to crowds, slow clients, photos, kills and stops.

`python -m bench.throughput` needs Linux, wrk (apt-get install wrk) and MNIST, and takes about ten minutes, of which the
memory takes most: `--requests 0` leaves it out. Machines are shared and noisy: only ratios within a round count. wrk
and the clients take their part of the same cores. The last line is one JSON object.
"""

import argparse
import base64
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from bench import resilience
from bench.images import encode_image
from bench.load_generator import known_pictures
from bench.resilience import WORKERS
from bench.results import Row, at_least, at_most, report
from bench.server_process import ServerProcess, run_app, run_server
from digits import UserError
from digits.data import mnist

SCRIPT = Path(__file__).with_suffix(".lua")


def wrk(port: int, bodies: Path, connections: int, seconds: float, *count: str) -> dict:
    """What wrk saw: good answers a second (`rate`), milliseconds (`p50`, `p99`, `max`), how many requests ended how.

    Raises: UserError when wrk is not there or fails.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", SCRIPT]
    command += [f"http://127.0.0.1:{port}", "--", bodies, *count]
    if not shutil.which("wrk"):
        raise UserError("bench.throughput needs wrk, which makes the load: apt-get install wrk")
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        return json.loads(finished.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise UserError(f"wrk failed: {finished.stdout[-500:]}{finished.stderr[-500:]}") from None


def ratios(key: str, ours: list[dict], others: list[dict]) -> list[float]:
    return [a[key] / max(b[key], 1e-3) for a, b in zip(ours, others, strict=True)]


def compare(log: int, bodies: Path, rounds: int, seconds: int) -> list[Row]:
    """Ours and the tutorial's in turn, with 64 connections and with one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen: dict[tuple, list] = {}
    with (
        run_app(0, WORKERS, log=log) as ours,
        run_server("-m", "bench.baseline_server", str(port), log=log) as tutorial,
    ):
        wait_for_answer(tutorial)
        for round_ in range(-1, rounds):  # the first is a warm-up
            for connections in (64, 1):
                for server in (ours, tutorial):
                    run = wrk(server.port, bodies, connections, seconds)
                    if round_ >= 0:
                        seen.setdefault((connections, server), []).append(run)
    many, theirs = seen[64, ours], seen[64, tutorial]
    for name, runs in (("ours", many), ("tutorial's", theirs)):
        rate, p99 = (statistics.median(run[key] for run in runs) for key in ("rate", "p99"))
        print(f"64 connections, {name}: {rate:.0f} requests a second, p99 {p99:.0f} ms")
    errors = sum(run["errors"] + run["lost"] for run in many + seen[1, ours])
    return [
        at_least("64 connections: throughput / tutorial's", ratios("rate", many, theirs), 5),
        at_most("64 connections: p99 / tutorial's", ratios("p99", many, theirs), 0.333),
        at_most("1 connection: median latency / tutorial's", ratios("p50", seen[1, ours], seen[1, tutorial]), 1),
        Row("64 and 1 connections: failed requests", "none", str(errors), not errors),
    ]


def wait_for_answer(server: ServerProcess) -> None:
    for _ in range(600):
        try:
            return urlopen(server.address).close()
        except HTTPError:  # 404 is an answer, too
            return None
        except OSError:
            time.sleep(0.1)
    raise UserError(f"{server.address} does not answer.")


def crowds(log: int, bodies: Path, rounds: int, seconds: int) -> list[Row]:
    """Many more connections than can be served at once, in turn with 64."""
    rows = []
    with run_app(0, WORKERS, log=log) as server:
        wrk(server.port, bodies, 64, seconds)
        for connections in (1024, 4096):
            usual, crowd = [], []
            for _ in range(rounds):
                usual.append(wrk(server.port, bodies, 64, seconds, "count"))
                crowd.append(wrk(server.port, bodies, connections, 4 * seconds, "count"))
            name, slowest = f"{connections:,} connections", max(run["max"] for run in crowd) / 1000
            busy = sum(run["busy"] for run in crowd) / max(1, sum(run["requests"] for run in crowd))
            failed = sum(run["other"] + run["lost"] for run in crowd)
            if connections > 1024:
                rows.append(at_least(f"{name}: throughput / at 64", ratios("rate", crowd, usual), 0.9))
            rows += [
                Row(
                    f"{name}: neither 200 nor 503 with Retry-After",
                    "none",
                    f"{failed}; {busy:.0%} were 503",
                    not failed,
                ),
                at_most(f"{name}: slowest answer, s", [slowest], 10),
            ]
    return rows


def memory(log: int, bodies: Path, requests: int) -> list[Row]:
    """Memory of each process over many requests, after a tenth of them."""
    with run_app(0, WORKERS, log=log) as server:
        sent, readings = 0, []
        while sent < 1.1 * requests:
            sent += wrk(server.port, bodies, 32, 5)["requests"]
            if sent > 0.1 * requests:
                readings.append(server.memory_mb())
    totals = [sum(reading.values()) for reading in readings]
    change = 100 * max(totals[-1] / totals[0] - 1, max(totals) / totals[0] - 1)
    each = ", ".join(f"{value:.0f}" for value in sorted(readings[-1].values()))
    return [
        Row(f"memory over {sent:,} requests", "+5 %", f"{change:+.1f} % of {totals[0]:.0f} MB ({each})", change <= 5)
    ]


def main(args: argparse.Namespace) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)  # for wrk
    pictures = known_pictures(200)
    with tempfile.TemporaryDirectory() as folder, open(os.environ.get("LOG", os.devnull), "wb") as log_file:
        log, bodies = log_file.fileno(), Path(folder) / "bodies.txt"
        images = [
            base64.b64encode(encode_image(image[0].numpy())).decode() for image in mnist.load("test").images[:1000]
        ]
        bodies.write_text("".join(json.dumps({"image": image}) + "\n" for image in images))
        starts = []
        for _ in range(3):
            with run_app(0, WORKERS, log=log) as server:
                starts.append(server.startup_seconds)
        rows = [at_most("start to the first answer, s", starts, 4)]
        rows += compare(log, bodies, args.rounds, args.seconds)
        rows += crowds(log, bodies, min(3, args.rounds), args.seconds)
        rows += resilience.slow_clients(log, pictures)
        rows += resilience.photos(log, pictures, args.seconds)
        rows += resilience.kill_worker(log, pictures, args.seconds)
        rows += resilience.stop_under_load(log, pictures, args.rounds)
        rows += resilience.new_weights(log, pictures, Path(folder))
        rows += resilience.malformed(log, args.bodies) if args.bodies else []
        rows += memory(log, bodies, args.requests) if args.requests else []
    report("throughput", rows, {"cores": os.cpu_count(), "workers": WORKERS})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each comparison; default: %(default)s")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement; default: %(default)s")
    parser.add_argument("--bodies", type=int, default=10_000, help="malformed ones; default: %(default)s")
    parser.add_argument("--requests", type=int, default=100_000, help="to watch memory; default: %(default)s")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
