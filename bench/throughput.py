"""Throughput and latency of the server relative to a tutorial's server, and its resilience (bench/resilience.py).

`python -m bench.throughput` needs Linux, wrk (apt-get install wrk) and MNIST, and takes about ten minutes, most of them
for the row on memory: `--requests 0` leaves it out. Machines are shared and noisy, so only ratios within a round count.
wrk and the clients run on the same cores as the server. The last line is one JSON object.
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
from bench.load_generator import labeled_pictures
from bench.resilience import WORKERS
from bench.results import Row, at_least, at_most, report
from bench.sample_images import encode_image
from bench.server_process import ServerProcess, run_app, run_server
from digits import UserError
from digits.data import mnist

WRK_SCRIPT = Path(__file__).with_suffix(".lua")


def run_wrk(port: int, bodies: Path, connections: int, seconds: float, count_busy: bool = False) -> dict:
    """Run wrk with the request bodies in the lines of a file.

    count_busy: count 503 apart from other errors.
    Returns: the object that bench/throughput.lua prints: `throughput` in good answers per second, latencies, counts.
    Raises: UserError: when wrk is not installed or fails.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", WRK_SCRIPT]
    command += [f"http://127.0.0.1:{port}", "--", bodies, *(["count"] if count_busy else [])]
    if not shutil.which("wrk"):
        raise UserError("bench.throughput needs wrk, which makes the load: apt-get install wrk")
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        return json.loads(finished.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise UserError(f"wrk failed: {finished.stdout[-500:]}{finished.stderr[-500:]}") from None


def compute_ratios(key: str, runs: list[dict], references: list[dict]) -> list[float]:
    return [run[key] / max(reference[key], 1e-3) for run, reference in zip(runs, references, strict=True)]


def compare_servers(log: int, bodies: Path, rounds: int, seconds: int) -> list[Row]:
    """Measure our server and the tutorial's in turn, with 64 connections and with one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    runs: dict[tuple, list] = {}
    with (
        run_app(0, WORKERS, log=log) as ours,
        run_server("-m", "bench.tutorial_server", str(port), log=log) as tutorial,
    ):
        wait_for_answer(tutorial)
        for round_ in range(-1, rounds):  # round -1 is a warm-up
            for connections in (64, 1):
                for server in (ours, tutorial):
                    run = run_wrk(server.port, bodies, connections, seconds)
                    if round_ >= 0:
                        runs.setdefault((connections, server), []).append(run)
    for name, server in (("ours", ours), ("tutorial's", tutorial)):
        throughput, p99 = (statistics.median(run[key] for run in runs[64, server]) for key in ("throughput", "p99_ms"))
        print(f"64 connections, {name}: {throughput:.0f} requests a second, p99 {p99:.0f} ms")
    errors = sum(run["errors"] + run["lost"] for run in runs[64, ours] + runs[1, ours])
    many, one = ((runs[connections, ours], runs[connections, tutorial]) for connections in (64, 1))
    return [
        at_least("64 connections: throughput / tutorial's", compute_ratios("throughput", *many), 5),
        at_most("64 connections: p99 / tutorial's", compute_ratios("p99_ms", *many), 0.333),
        at_most("1 connection: median latency / tutorial's", compute_ratios("p50_ms", *one), 1),
        Row("64 and 1 connections: failed requests", "none", str(errors), not errors),
    ]


def wait_for_answer(server: ServerProcess) -> None:
    """Wait until the server answers, for at most a minute.

    Raises: UserError: when it does not.
    """
    for _ in range(600):
        try:
            return urlopen(server.address).close()
        except HTTPError:  # 404 is an answer
            return None
        except OSError:
            time.sleep(0.1)
    raise UserError(f"{server.address} does not answer.")


def measure_overload(log: int, bodies: Path, rounds: int, seconds: int) -> list[Row]:
    """Measure many more connections than can be served at once, in turn with 64."""
    rows = []
    with run_app(0, WORKERS, log=log) as server:
        run_wrk(server.port, bodies, 64, seconds)
        for connections in (1024, 4096):
            usual, overloaded = [], []
            for _ in range(rounds):
                usual.append(run_wrk(server.port, bodies, 64, seconds, count_busy=True))
                overloaded.append(run_wrk(server.port, bodies, connections, 4 * seconds, count_busy=True))
            name, slowest = f"{connections:,} connections", max(run["max_ms"] for run in overloaded) / 1000
            busy = sum(run["busy"] for run in overloaded) / max(1, sum(run["requests"] for run in overloaded))
            failed = sum(run["other"] + run["lost"] for run in overloaded)
            described = f"{failed}; {busy:.0%} were 503"
            if connections > 1024:
                rows.append(
                    at_least(f"{name}: throughput / at 64", compute_ratios("throughput", overloaded, usual), 0.9)
                )
            rows.append(Row(f"{name}: neither 200 nor 503 with Retry-After", "none", described, not failed))
            rows.append(at_most(f"{name}: slowest answer, s", [slowest], 10))
    return rows


def measure_memory(log: int, bodies: Path, requests: int) -> list[Row]:
    """Measure the growth of memory over many requests, after the first tenth."""
    with run_app(0, WORKERS, log=log) as server:
        sent, samples = 0, []
        while sent < 1.1 * requests:
            sent += run_wrk(server.port, bodies, 32, 5)["requests"]
            if sent > 0.1 * requests:
                samples.append(server.memory_mb())
    totals = [sum(sample.values()) for sample in samples]
    growth = 100 * max(totals[-1] / totals[0] - 1, max(totals) / totals[0] - 1)
    each = ", ".join(f"{value:.0f}" for value in sorted(samples[-1].values()))
    described = f"{growth:+.1f} % of {totals[0]:.0f} MB ({each})"
    return [Row(f"memory over {sent:,} requests", "+5 %", described, growth <= 5)]


def measure_startup(log: int) -> list[Row]:
    """Measure the time until the server listens."""
    seconds = []
    for _ in range(3):
        with run_app(0, WORKERS, log=log) as server:
            seconds.append(server.startup_seconds)
    return [at_most("from start until it listens, s", seconds, 4)]


def main(args: argparse.Namespace) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for wrk
    pictures = labeled_pictures(200)
    with tempfile.TemporaryDirectory() as folder, open(os.environ.get("LOG", os.devnull), "wb") as log_file:
        log, bodies = log_file.fileno(), Path(folder) / "bodies.txt"
        images = [
            base64.b64encode(encode_image(image[0].numpy())).decode() for image in mnist.load("test").images[:1000]
        ]
        bodies.write_text("".join(json.dumps({"image": image}) + "\n" for image in images))
        rows = measure_startup(log)
        rows += compare_servers(log, bodies, args.rounds, args.seconds)
        rows += measure_overload(log, bodies, min(3, args.rounds), args.seconds)
        rows += resilience.measure_slow_clients(log, pictures)
        rows += resilience.measure_photos(log, pictures, args.seconds)
        rows += resilience.measure_killed_worker(log, pictures, args.seconds)
        rows += resilience.measure_stop_under_load(log, pictures, args.rounds)
        rows += resilience.measure_new_weights(log, pictures, Path(folder))
        rows += resilience.measure_malformed_bodies(log, args.bodies) if args.bodies else []
        rows += measure_memory(log, bodies, args.requests) if args.requests else []
    report("throughput", rows, {"cores": os.cpu_count(), "workers": WORKERS})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each comparison; default: %(default)s")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement; default: %(default)s")
    parser.add_argument("--bodies", type=int, default=10_000, help="number of malformed bodies; default: %(default)s")
    parser.add_argument("--requests", type=int, default=100_000, help="for the memory row; default: %(default)s")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
