"""What the server does when things go wrong: is it flat, whole, and does it answer all the same?

Each fault of `bench/trouble.py` meets a server of its own, as `python app.py` starts it. The last line is one JSON
object. It takes about four minutes; `--requests 20000 --bodies 2000` one less than two.
"""

import argparse
import asyncio
import sys

from bench import bodies, trouble
from bench.servers import APP, serving
from bench.targets import Row, at_least, at_most, report
from bench.trouble import FULL, GRACE
from digits import UserError

PICTURES = 1_000  # good requests, sent over and over
WARM = 10_000  # requests before memory is looked at: by then every worker has seen every picture
FLAT = 0.05  # share by which memory may change
BEFORE = 4.0  # seconds of load before a kill or a stop: enough to know the throughput to some percent
AFTER = 10.0  # seconds after a kill: twice as many as there are to be well again
BACK = 5.0  # seconds that a server has to be well again after a kill
STOP = 10.0  # seconds that it has to answer what it accepted and to end
SLOW = 200  # slow clients
READ_TIMEOUT = 3.0  # seconds that a client has here for its request; by default longer than a benchmark should wait
ROUNDS = 3  # of slow clients


def only(name: str, target: str, measured: object, met: bool) -> Row:
    return Row(name, target, str(measured), met)


def good_ones(name: str, seen: dict) -> Row:
    """The row that nothing else than right answers came to good requests."""
    amiss = ", ".join(f"{count} {kind}" for kind, count in seen["good"].items() if kind != "right")
    return only(f"{name}: good requests amiss", "none", amiss or "none", not amiss)


def of_memory(seen: dict) -> list[Row]:
    requests = sum(seen["good"].values())
    said = f"{100 * seen['change']:+.1f} % of {seen['megabytes'][0]:.0f} MB over {requests:,} requests"
    return [only("memory: change", f"±{FLAT:.0%}", said, abs(seen["change"]) <= FLAT), good_ones("memory", seen)]


def of_storm(seen: dict) -> list[Row]:
    unanswered = ", ".join(f"{count} {kind}" for kind, count in seen["unanswered"].items())
    kept = "kept" if seen["workers_kept"] else "not kept"
    return [
        only(f"{seen['sent']:,} faults: 5xx but 503", "none", seen["failed"], not seen["failed"]),
        only("faults: sound as HTTP, but unanswered", "none", unanswered or "none", not unanswered),
        only("faults: workers", "kept", kept, seen["workers_kept"]),
        good_ones("faults", seen),
    ]


def of_killed(seen: dict) -> list[Row]:
    back = seen["back"]
    said = "never" if back is None else f"{back:.1f} s"
    others = seen["harmed_elsewhere"]
    return [
        only("killed worker: others' requests harmed", "none", f"{others}; {seen['held']} were its own", not others),
        only("killed worker: all is as before", f"≤ {BACK:g} s", said, back is not None and back <= BACK),
    ]


def of_stopped(seen: dict) -> list[Row]:
    ended = seen["exit"] == 0 and seen["seconds"] <= STOP
    return [
        only(
            "SIGTERM: accepted requests lost",
            "none",
            f"{seen['lost']}; {seen['unaccepted']} not accepted",
            not seen["lost"],
        ),
        only("SIGTERM: exit", f"0 in ≤ {STOP:g} s", f"{seen['exit']} in {seen['seconds']:.1f} s", ended),
    ]


def of_slow(seen: dict) -> list[Row]:
    ends = ", ".join(f"{count} {end}" for end, count in seen["ends"].items())
    return [
        at_least("slow clients: throughput left", seen["shares"], FULL),
        only("slow clients: their end", "408 or closed", ends, set(seen["ends"]) <= {"408", "closed"}),
        at_most("slow clients: gone, s", [seen["latest"]], READ_TIMEOUT + GRACE),
        good_ones("slow clients", seen),
    ]


def main(args: argparse.Namespace) -> None:
    known = bodies.known(PICTURES)
    faults = {
        "storm": (of_storm, lambda server: trouble.storm(server, known, bodies.faults(args.bodies))),
        "slow": (of_slow, lambda server: trouble.slow(server, known, SLOW, READ_TIMEOUT, ROUNDS)),
        "killed": (of_killed, lambda server: trouble.killed(server, known, BEFORE, AFTER)),
        "stopped": (of_stopped, lambda server: trouble.stopped(server, known, BEFORE)),
        "memory": (of_memory, lambda server: trouble.memory(server, known, args.requests, WARM)),
    }
    rows, figures = [], {}
    for name in args.faults or faults:
        rows_of, make = faults[name]
        settings = {"read_timeout": READ_TIMEOUT} if name == "slow" else {}
        with serving(*APP, **settings) as server:
            figures[name] = asyncio.run(make(server))
        rows += rows_of(figures[name])
        print(f"{name}: {figures[name]}", flush=True)
    report("faults", rows, figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make trouble for the server; report what it does.")
    names = ("storm", "slow", "killed", "stopped", "memory")
    parser.add_argument("--faults", nargs="+", choices=names, help="default: all")
    parser.add_argument("--bodies", type=int, default=20_000, help="broken requests; default: %(default)s")
    parser.add_argument("--requests", type=int, default=200_000, help="while memory is watched; default: %(default)s")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
