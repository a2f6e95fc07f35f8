"""Trouble for a server: a long day, broken requests, a killed worker, a stop, slow clients.

Each function makes one kind of trouble while clients beside it send good requests and check every answer, and returns
what it saw as plain figures. `bench.faults` calls them with large sizes, `tests/test_faults.py` with small ones.
"""

import asyncio
import json
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from bench.bodies import Fault, Known
from bench.clients import HOST, BrokenError, Line, connect, load
from bench.servers import Server

CONNECTIONS = 32  # good clients: enough to keep every core busy, few enough that none waits long
HOSTILE = 16  # clients that send faults at a time
RENEW = 50  # answers after which a client takes a new connection, or a new worker would get none
SETTLED = 0.5  # seconds without a new worker: the first may answer before the others are started
AWAKE = 20.0  # seconds after which a child that takes no connections counts as no worker that could
TICK = 0.1  # seconds between two looks at something
FULL = 0.9  # share of the throughput before that counts as all of it; machines are noisy
GRACE = 3.0  # seconds after it in which slow clients must be gone: nobody looks at them all the time
DRIP = 0.1  # share of the read timeout between two bytes of a slow client


async def awake(server: Server, known: Sequence[Known]) -> set[int]:
    """Wait until every worker has taken a connection; their ids. A server is ready when the first of them is."""
    workers, seen = set(), set()
    changed = began = time.perf_counter()
    async with load(server.port, known, CONNECTIONS, 1):
        while (now := time.perf_counter()) < began + AWAKE and (seen != workers or now < changed + SETTLED):
            await asyncio.sleep(TICK / 10)
            if server.workers() != workers:
                workers, changed = server.workers(), now
            seen = {pid for pid in workers if pid in seen or server.held(pid)}
    return workers


async def memory(server: Server, known: Sequence[Known], requests: int, warm: int) -> dict:
    """Memory after `warm` requests and after each tenth of `requests` more."""
    await awake(server, known)
    async with load(server.port, known, CONNECTIONS, RENEW) as beside:
        megabytes = []
        for part in range(11):
            while len(beside.outcomes) < warm + requests * part // 10:
                await asyncio.sleep(TICK / 10)
            megabytes.append(round(server.memory(), 1))
    change = max((value / megabytes[0] - 1 for value in megabytes), key=abs)
    return {"megabytes": megabytes, "change": round(change, 4), "good": beside.counts()}


async def storm(server: Server, known: Sequence[Known], faults: Iterable[Fault]) -> dict:
    """Send all `faults` while good requests run beside; what came back of each kind, and to the good ones.

    `unanswered` counts sound requests alone, `formless` errors that are not {"error": {"code", "message"}}.
    """
    workers, left = await awake(server, known), iter(faults)
    statuses: dict[str, Counter] = defaultdict(Counter)
    unanswered, formless = Counter(), Counter()

    async def attack() -> None:
        for fault in left:
            status, formed = await attacked(server.port, fault)
            statuses[fault.kind][status] += 1
            unanswered[fault.kind] += fault.sound and not status
            formless[fault.kind] += status >= 400 and not formed

    async with load(server.port, known, CONNECTIONS // 4) as beside:
        await asyncio.gather(*(attack() for _ in range(HOSTILE)))
    failed = sum(n for seen in statuses.values() for status, n in seen.items() if status >= 500 and status != 503)
    return {
        "sent": sum(seen.total() for seen in statuses.values()),
        "failed": failed,
        "unanswered": dict(+unanswered),
        "formless": dict(+formless),
        "workers_kept": server.workers() == workers,
        "good": beside.counts(),
        "statuses": {kind: dict(seen) for kind, seen in sorted(statuses.items())},
    }


async def attacked(port: int, fault: Fault) -> tuple[int, bool]:
    """The status of the answer, 0 for none; whether it is in the one form that errors have."""
    try:
        line = await connect(port)
    except OSError:
        return 0, False
    try:
        line.transport.write(fault.request)
        if fault.cut and line.transport.can_write_eof():
            line.transport.write_eof()
        answer = await line.answer()
    except (BrokenError, TimeoutError, OSError, ValueError):
        return 0, True
    finally:
        line.transport.abort()
    with suppress(ValueError, TypeError, KeyError):
        return answer.status, set(json.loads(answer.body)["error"]) == {"code", "message"}
    return answer.status, False


async def killed(server: Server, known: Sequence[Known], before: float, after: float) -> dict:
    """Kill the worker that has most connections; who was harmed, and after how many seconds all is well.

    `replaced`: a new worker has connections. `back`: and there was a second with as many answers as before.
    """
    workers = await awake(server, known)
    async with load(server.port, known, CONNECTIONS, RENEW) as beside:
        await asyncio.sleep(before)
        victim = max(workers, key=lambda pid: len(server.held(pid)))
        os.kill(victim, signal.SIGSTOP)  # so that it takes no connection while they are counted
        held, at = server.held(victim), time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        full, replaced, back = FULL * beside.rate(at - 0.75 * before, at), None, None
        while back is None and (passed := time.perf_counter() - at) < after:
            await asyncio.sleep(TICK)
            if replaced is None and any(server.held(pid) for pid in server.workers() - workers):
                replaced = passed
            if replaced is not None and passed > 1 and beside.rate(at + passed - 1, at + passed) >= full:
                back = max(replaced, passed - 1)
        now = server.workers()
    harmed = beside.amiss()
    return {
        "held": len(held),
        "harmed": len(harmed),
        "harmed_elsewhere": sum(outcome.kind != "broken" or outcome.port not in held for outcome in harmed),
        "replaced": replaced and round(replaced, 2),
        "back": back and round(back, 2),
        "workers": (len(workers), len(now)),
        "rate": round(full / FULL, 1),
        "good": beside.counts(),
    }


async def stopped(server: Server, known: Sequence[Known], before: float, patience: float = 20) -> dict:
    """Tell the server to stop after some seconds of load; what became of requests, how and when it ended.

    A connection that a process was seen to hold was accepted, whatever its client thinks.
    """
    workers, accepted = await awake(server, known), set()
    async with load(server.port, known, CONNECTIONS, RENEW) as beside:
        await asyncio.sleep(before)
        at = time.perf_counter()
        server.process.terminate()
        while server.process.poll() is None and time.perf_counter() < at + patience:
            accepted.update(*map(server.held, workers))
            await asyncio.sleep(TICK / 10)
        took = time.perf_counter() - at
    amiss = [outcome for outcome in beside.amiss() if outcome.kind not in ("busy", "refused")]
    lost = [outcome for outcome in amiss if outcome.kind != "unaccepted" or outcome.port in accepted]
    return {
        "exit": server.process.poll(),
        "seconds": round(took, 2),
        "lost": len(lost),
        "lost_on_kept_connections": sum(outcome.kept and not outcome.began for outcome in lost),
        "unaccepted": len(amiss) - len(lost),
        "answered_after": sum(outcome.kind == "right" and outcome.ended > at for outcome in beside.outcomes),
        "good": beside.counts(),
    }


async def slow(server: Server, known: Sequence[Known], clients: int, read_timeout: float, rounds: int) -> dict:
    """Throughput with `clients` that send a byte a while next to that without, and how each of them ended."""
    await awake(server, known)
    shares, ends, latest = [], Counter(), 0.0
    async with load(server.port, known, CONNECTIONS) as beside:
        await asyncio.sleep(read_timeout / 3)
        for _ in range(rounds):
            began = time.perf_counter()
            await asyncio.sleep(read_timeout)
            calm = beside.rate(began, time.perf_counter())
            drips = [asyncio.create_task(drip(server.port, number % 2 == 0, read_timeout)) for number in range(clients)]
            began = time.perf_counter()
            await asyncio.sleep(0.9 * read_timeout)  # they are all there
            shares.append(beside.rate(began, time.perf_counter()) / calm)
            for end, seconds in await asyncio.gather(*drips):
                ends[end] += 1
                latest = max(latest, seconds)
    return {
        "shares": [round(share, 3) for share in shares],
        "ends": dict(ends),
        "latest": round(latest, 2),
        "good": beside.counts(),
    }


async def drip(port: int, in_head: bool, read_timeout: float) -> tuple[str, float]:
    """Send a request byte by byte, its head or its body; how the server ended that, and after how many seconds."""
    head = b"POST /api HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nContent-Type: application/json\r\n"
    began = time.perf_counter()
    try:
        line = await connect(port)
    except OSError:
        return "refused", 0.0
    line.transport.write(head if in_head else head + b"Content-Length: 100000\r\n\r\n")
    rest = iter(b"X-Slow: " if in_head else b'{"image": "')
    dripping = asyncio.create_task(_dripped(line, rest, DRIP * read_timeout))
    try:
        end = str((await line.answer(read_timeout + GRACE)).status)
    except BrokenError:
        end = "closed"
    except TimeoutError:
        end = "open"
    finally:
        dripping.cancel()
        line.transport.abort()
    return end, time.perf_counter() - began


async def _dripped(line: Line, start: Iterator[int], pause: float) -> None:
    while not line.ended:
        line.transport.write(bytes([next(start, ord("a"))]))
        await asyncio.sleep(pause)
