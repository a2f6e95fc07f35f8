"""How fast the server is, next to a tutorial's and to itself without its work, and what it does with too many clients.

1,000 MNIST test images as 28x28 PNG files in JSON go to `POST /api`, from wrk with one thread. The servers run at the
same time, but are asked one after the other, several rounds after a warm-up: machines are shared and noisy, so ratios
within a round count, and their median. wrk takes its part of the same cores. The last line is one JSON object. It takes
about three minutes; `--rounds 1 --seconds 1` says in one whether all is there.
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench import bodies
from bench.bodies import Known
from bench.clients import load
from bench.reading import png
from bench.servers import APP, Server, serving
from bench.targets import Row, at_least, at_most, report
from digits import UserError, mnist

SCRIPT = Path(__file__).with_suffix(".lua")
IMAGES = 1_000  # test images
BUSY = 64  # connections that keep any server busy and none waiting for long
SERVED = 1_024  # connections that are all served, each within half of the time that it may wait
OVER = 4  # times as many: more than can be served in time
BEYOND = 8_000  # connections: what becomes of it then, without a target
MAX_WAIT = 0.8  # seconds that a request may wait for its turn: the server's default
ASKED = 32  # connections beside a crowd whose every answer is awaited: wrk does not see who still waits at its end
LONGER = 3  # times as long as other measurements: a crowd takes a second to connect
PAUSE = 1.0  # seconds between the rounds of a crowd, in which the server forgets the one before
STARTS = 3
FASTER, TAIL, LEFT = 5.0, 1 / 3, 0.45  # of the tutorial's throughput and p99; of the throughput without work
KEPT = 0.9  # share of the throughput that is left under overload, and that is there again after it
SLOWEST = 1_000.0  # milliseconds in which everybody has an answer
START = 6.0  # seconds from the start to the first answer


def wrk(port: int, sent: str, connections: int, seconds: float, count: bool = False) -> dict:
    """What wrk saw: requests, milliseconds, `rate` of good answers a second; with `count` also what the others were.

    Errors: UserError when wrk is not there or fails.
    """
    if not shutil.which("wrk"):
        raise UserError("bench.serve needs wrk, which makes the load: apt-get install wrk")
    words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(SCRIPT)]
    words += [f"http://127.0.0.1:{port}", "--", sent, *(["count"] if count else [])]
    finished = subprocess.run(words, check=False, capture_output=True, text=True)
    try:
        seen = json.loads(finished.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise UserError(f"wrk failed: {finished.stdout[-500:]}{finished.stderr[-500:]}") from None
    good = seen["served"] if count else seen["requests"] - seen["refused"]
    return seen | {"rate": round(good / seen["seconds"], 1)}


def first_answer(sent: str) -> float:
    """Seconds from the start of the server to its first reading."""
    with open(sent, "rb") as lines:
        content = lines.readline()
    began = time.perf_counter()
    with serving(*APP) as server:
        while True:
            try:
                line = HTTPConnection("127.0.0.1", server.port, timeout=60)
                line.request("POST", "/api", content, {"Content-Type": "application/json"})
                if line.getresponse().status == 200:
                    return time.perf_counter() - began
            except (OSError, HTTPException):
                pass
            finally:
                line.close()
            time.sleep(0.01)


def compared(sent: str, rounds: int, seconds: float) -> tuple[list[Row], dict]:
    """Ours, the tutorial's and the hollow server in turn, with many connections and with one."""
    with serving(*APP) as ours, serving("-m", "bench.tutorial", "0") as tutorial, hollow() as empty:
        ports = {"ours": ours.port, "tutorial": tutorial.port, "hollow": empty.port}
        for port in ports.values():
            wrk(port, sent, BUSY, 2 * seconds)  # warm-up: workers start, caches fill
        many: dict[str, list] = {name: [] for name in ports}
        one: dict[str, list] = {"ours": [], "tutorial": []}
        for _ in range(rounds):
            for name, port in ports.items():
                many[name].append(wrk(port, sent, BUSY, seconds))
            for name in one:
                one[name].append(wrk(ports[name], sent, 1, seconds))
    ratios = {
        "faster": quotients("rate", many["ours"], many["tutorial"]),
        "tail": quotients("p99", many["ours"], many["tutorial"]),
        "left": quotients("rate", many["ours"], many["hollow"]),
        "alone": quotients("p50", one["ours"], one["tutorial"]),
    }
    failed = sum(run["refused"] + run["lost"] + run["late"] for run in many["ours"] + one["ours"])
    rows = [
        at_least(f"{BUSY} connections: throughput / tutorial's", ratios["faster"], FASTER),
        at_most(f"{BUSY} connections: p99 / tutorial's", ratios["tail"], round(TAIL, 3)),
        at_least(f"{BUSY} connections: throughput / without work", ratios["left"], LEFT),
        at_most("1 connection: median latency / tutorial's", ratios["alone"], 1.0),
        Row(f"{BUSY} and 1 connections: requests that failed", "none", str(failed), not failed),
    ]
    return rows, {"many": many, "one": one, **ratios}


def hollow() -> AbstractContextManager[Server]:
    """Our server without its work."""
    return serving("-m", "bench.hollow", *APP[1:])


def overloaded(sent: str, rounds: int, seconds: float) -> tuple[list[Row], dict]:
    """Crowds in turn with as many connections as usual; every answer is counted, in both."""
    rows, figures = [], {}
    with serving(*APP, max_wait=MAX_WAIT) as server:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for wrk; the server has started with the usual limit
        try:
            wrk(server.port, sent, BUSY, 2 * seconds)
            for crowd in (SERVED, OVER * SERVED, BEYOND):
                figures[f"crowd_{crowd}"] = seen = crowded(server, sent, crowd, rounds, seconds)
                if crowd != BEYOND:
                    rows += of_crowd(crowd, seen)
                kept = statistics.median(quotients("rate", seen["crowd"], seen["before"]))
                slowest = max(run["max"] for run in seen["crowd"] + seen["asked"])
                print(
                    f"{crowd:,} connections: {kept:.0%} of the throughput is left, the slowest answer {slowest:.0f} ms"
                )
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return rows, figures


def crowded(server: Server, sent: str, crowd: int, rounds: int, seconds: float) -> dict:
    """As many connections as usual, a crowd, as many as usual: what each saw, the crowd's `asked` clients too."""
    seen: dict[str, list] = {"before": [], "crowd": [], "after": [], "asked": []}
    known = bodies.known(ASKED)
    for _ in range(rounds):
        seen["before"].append(wrk(server.port, sent, BUSY, seconds, count=True))
        many, asked = asyncio.run(watched(server.port, known, sent, crowd, LONGER * seconds))
        seen["crowd"].append(many)
        seen["asked"].append(asked)
        seen["after"].append(wrk(server.port, sent, BUSY, seconds, count=True))
        time.sleep(PAUSE)
    return seen


async def watched(port: int, known: Sequence[Known], sent: str, crowd: int, seconds: float) -> tuple[dict, dict]:
    """What wrk saw of a crowd, and the clients beside it: how their requests ended, the slowest in milliseconds."""
    async with load(port, known, ASKED) as beside:
        many = await asyncio.to_thread(wrk, port, sent, crowd - ASKED, seconds, True)
    slowest = max(outcome.took for outcome in beside.outcomes)
    return many, {"max": round(1000 * slowest, 1), "good": beside.counts()}


def of_crowd(crowd: int, seen: dict) -> list[Row]:
    many, asked, before = seen["crowd"], seen["asked"], seen["before"]
    amiss = sum(run["other"] + run["lost"] + run["late"] for run in many)
    amiss += sum(count for run in asked for kind, count in run["good"].items() if kind not in ("right", "busy"))
    busy = statistics.median(run["busy"] / max(1, run["requests"]) for run in many)
    slowest = max(run["max"] for run in many + asked)
    name = f"{crowd:,} connections"
    return [
        at_least(f"{name}: served / at {BUSY}", quotients("rate", many, before), KEPT),
        Row(f"{name}: not 200, nor 503 with Retry-After", "none", f"{amiss}; {busy:.0%} were 503", not amiss),
        at_most(f"{name}: slowest answer, ms", [slowest], SLOWEST),
        at_least(f"{name}: throughput at {BUSY} right after", quotients("rate", seen["after"], before), KEPT),
    ]


def quotients(figure: str, runs: Sequence[dict], others: Sequence[dict]) -> list[float]:
    """A figure of each run by that of the other in its round."""
    return [round(a[figure] / max(b[figure], 1e-3), 4) for a, b in zip(runs, others, strict=True)]


def main(args: argparse.Namespace) -> None:
    with tempfile.NamedTemporaryFile("wb", suffix=".txt") as file:
        file.write(b"".join(bodies.body(png(image)) + b"\n" for image in mnist.load("test").images[:IMAGES]))
        file.flush()
        rows, figures = compared(file.name, args.rounds, args.seconds)
        crowds, more = overloaded(file.name, min(args.rounds, 3), args.seconds)
        starts = [first_answer(file.name) for _ in range(STARTS)]
    rows += [*crowds, at_most("start to first answer, s", starts, START)]
    report("serve", rows, figures | more | {"starts": starts, "cores": os.cpu_count()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the server against a tutorial's and against itself.")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement; default: %(default)s")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
