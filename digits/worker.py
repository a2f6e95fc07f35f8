"""The server's process: one loop that takes requests whole and answers them one at a time, in turn.

A gunicorn worker. Reading is arithmetic: on one core, requests are only done one after the other, and threads
would fight for Python's lock instead (README, "A server for production", has the figures). So a request waits
outside until all of it is here, which makes a slow client cost nothing but memory; whoever waits too long for a
turn is told so, cheaply; and large pictures are read beside the others. gunicorn starts, watches and stops the
processes, and parses HTTP (RFC 9112).
"""

import contextlib
import functools
import io
import os
import queue
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from selectors import EVENT_READ, EVENT_WRITE

from gunicorn.http import wsgi
from gunicorn.http.parser import RequestParser

from digits import Later
from digits.connections import MORE, YIELD, Connections
from digits.line import CONTINUE, MAX_HEAD, Line, Sink, measured, refusal, scan

PIECE = 256 * 1024  # bytes that are taken from a connection at once
TOGETHER = 32  # small requests that are answered together, see digits/together.py; with 16 there are 3 % fewer a second
ASIDE = 64 * 1024  # bytes: larger requests are answered beside the others; drawings have up to 20 kB
DRAINED = 64 * 1024 * 1024  # bytes of a body that is too large that are dropped before it is refused
HELD = 256 * 1024 * 1024  # bytes of requests that are not whole yet: 16 of the largest, or thousands of usual ones
HEAD = 300  # bytes of what is refused that are looked at for the log
URGENT = (b"GET /healthz ", b"GET /readyz ", b"GET /metrics ")  # busy is not ill: whoever watches must see it
TICK = 0.05  # s between two looks whether large requests waited too long
LINGER = 1.0  # s after the signal to stop that a silent connection may still ask something
LOOK = 0.5  # s between two looks for connections that are late


class Worker(Connections):
    """One process of the server.

    Its `self.app` has `limits` with max_body (bytes), read_timeout, keep_alive and max_wait (s), a `journal`, which is
    told of what is refused here, `together`, which runs jobs to their end (see `Together.run`), and `shares`.
    """

    def run(self):
        self.waiting: deque[Line] = deque()
        self.large: deque[Line] = deque()  # those that are answered aside
        self.occupied = False  # one of them is being answered
        self.finished: queue.SimpleQueue = queue.SimpleQueue()  # (line, answer, whether to close) of what ran aside
        self.aside = ThreadPoolExecutor(1)
        self.looked = 0.0
        self.open()
        self.poller.register(self.PIPE[0], EVENT_READ, (self.woken, self.PIPE[0]))
        while self.alive or self.lines or not self.stopped:
            pause = YIELD if self.left else TICK if self.large else LOOK
            for key, _ in self.poller.select(0 if self.waiting else pause):
                handler, what = key.data
                handler(what)
            if self.left and time.monotonic() - self.left > YIELD and not self.stopped:
                self.take_after_all()
            if self.waiting:
                self.turn()
            if self.large:
                self.turn_aside()
            if time.monotonic() - self.looked > LOOK and not self.look():
                break
        for line in list(self.lines):
            self.close(line)
        self.app.journal.flush()
        self.aside.shutdown(wait=False, cancel_futures=True)
        self.poller.close()

    def look(self) -> bool:
        """What is done now and then: a sign of life, the stop, late clients; whether to go on."""
        self.looked = now = time.monotonic()
        self.notify()
        self.app.journal.queue.set(len(self.waiting) + len(self.large))
        self.app.journal.flush()
        self.alive = self.alive and self.ppid == os.getppid()
        if not self.alive and not self.stopped:
            self.shut()
        for line in list(self.lines):
            silent = now - line.since
            if line.out:
                late = silent > self.app.limits.read_timeout
            elif line.closing:
                late = silent > LINGER
            elif line.busy:
                continue
            elif line.buffer or line.dropped:
                if silent > self.app.limits.read_timeout:
                    self.refuse(line, 408)
                continue
            else:
                late = silent > (LINGER if self.stopped else self.app.limits.keep_alive)
            if late:
                self.close(line)
        self.make_memory()
        return not self.stopped or now - self.stopped < self.cfg.graceful_timeout - 1  # then gunicorn kills

    def make_memory(self) -> None:
        """Refuse the largest requests that are not whole yet while all together hold more than HELD."""
        unfinished = [line for line in self.lines if line.buffer and not (line.busy or line.out or line.closing)]
        held = sum(len(line.buffer) for line in unfinished)
        for line in sorted(unfinished, key=lambda line: -len(line.buffer)) if held > HELD else ():
            if held > HELD:
                held -= len(line.buffer)
                self.refuse(line, 503)
                line.buffer.clear()

    def woken(self, pipe: int) -> None:
        """A signal came, or something was answered aside."""
        with contextlib.suppress(BlockingIOError):
            os.read(pipe, 4096)
        while not self.finished.empty():
            self.occupied = False
            self.send(*self.finished.get_nowait())
        if not self.alive and not self.stopped:
            self.shut()

    def receive(self, line: Line) -> None:
        """Take what came. Whoever only closes his own side still gets his answer."""
        try:
            data = line.sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data, line.closing = b"", True
        if not data:
            line.last = True
            self.leave(line)
            return self.watch(line, 0) if line.busy else self.close(line)
        if line.closing:
            return
        if not line.buffer and not line.busy and not line.dropped:
            line.since = time.monotonic()
        line.buffer += data
        if not line.busy:
            self.consider(line)
        elif len(line.buffer) > line.need + PIECE:
            self.watch(line, 0)

    def consider(self, line: Line) -> None:
        """Put a request that is whole into the queue; refuse one that is too large or makes no sense."""
        try:
            if line.body < 0 and not measured(line):
                return self.refuse(line, 431) if len(line.buffer) > MAX_HEAD else None
        except ValueError:
            return self.refuse(line, 400)
        if line.expects and len(line.buffer) == line.body:
            with contextlib.suppress(OSError):
                line.sock.send(CONTINUE)
        try:
            whole = len(line.buffer) >= line.need if line.need >= 0 else scan(line)
        except ValueError:
            return self.refuse(line, 400)
        size = (line.need if line.need >= 0 else line.scanned) - line.body
        if size > self.app.limits.max_body or line.dropped:
            return self.drop(line, whole)
        if whole:
            line.busy, line.arrived = True, time.monotonic()
            line.urgent = line.buffer.startswith(URGENT)
            self.waiting.appendleft(line) if line.urgent else self.waiting.append(line)

    def drop(self, line: Line, whole: bool) -> None:
        """Take a body that is too large and forget it: a client that is still sending does not hear an answer."""
        line.chunks = line.chunks and []
        end = len(line.buffer) if line.chunks is None else max(line.body, min(line.scanned - 2, len(line.buffer)))
        line.dropped += end - line.body
        line.scanned -= end - line.body
        del line.buffer[line.body : end]
        if whole or line.dropped >= DRAINED or (line.need >= 0 and line.dropped >= line.need - line.body):
            self.refuse(line, 413)

    def turn(self) -> None:
        """Answer some of the requests that wait; large ones wait on for those before them."""
        lines: list[Line] = []
        while self.waiting and len(lines) < TOGETHER:
            line = self.waiting.popleft()
            if self.is_due(line):
                (lines if line.need < ASIDE else self.large).append(line)
        tasks = self.app.together([functools.partial(self.answer, line, inline=True) for line in lines])
        for line, task in zip(lines, tasks, strict=True):
            if task.error:
                self.refuse(line, 503)
            elif task.result is None:
                self.large.append(line)
            else:
                self.send(line, *task.result)

    def is_due(self, line: Line) -> bool:
        """Whether a request is still to be answered; one that waited too long is refused, one of nobody dropped."""
        if line.closing or (line.gone and len(self.waiting) > TOGETHER):  # nobody is there, or perhaps nobody
            self.close(line)
            return False
        if time.monotonic() - line.arrived > self.app.limits.max_wait and not line.urgent:
            self.refuse(line, 503)
            return False
        return True

    def turn_aside(self) -> None:
        """Refuse large requests that waited too long, and begin with the next one when the one before is done."""
        while self.large and time.monotonic() - self.large[0].arrived > self.app.limits.max_wait:
            self.is_due(self.large.popleft())
        if self.large and not self.occupied and self.is_due(line := self.large.popleft()):
            self.occupied = True
            self.aside.submit(self.answer_aside, line)

    def answer_aside(self, line: Line) -> None:
        try:
            answer, end = self.answer(line)
        except BaseException:
            self.log.exception("A request failed.")
            answer, end = refusal(503, end=True), True
        self.finished.put((line, answer, end))
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes, too
            os.write(self.PIPE[1], b"1")

    def answer(self, line: Line, inline: bool = False) -> tuple[bytes, bool] | None:
        """What the application says to a request that is whole, as bytes; whether the connection ends with it.

        None where it is too long to be answered `inline`, among others.
        """
        head = bytes(memoryview(line.buffer)[: line.body]) + (b"" if line.chunks is None else b"0\r\n\r\n")
        sink = Sink()
        try:
            parsed = next(RequestParser(self.cfg, iter([head]), line.address))
            response, environ = wsgi.create(parsed, sink, line.address, line.sock.getsockname(), self.cfg)
        except Exception:  # gunicorn has two dozen kinds of errors for requests that make no sense
            return self.refusal(line, 400)
        content = line.content()  # of this length, whatever else the head may be taken to say
        environ |= {"wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content)), "digits.inline": inline}
        if not self.alive or line.last or self.room() < -MORE:  # who connects anew comes to a process with fewer
            response.force_close()
        environ["digits.arrived"] = line.arrived
        try:
            parts = self.wsgi(environ, response.start_response)
            try:
                for part in parts:
                    response.write(part)
                response.close()
            finally:
                if hasattr(parts, "close"):
                    parts.close()
        except Later:
            return None
        except Exception:
            self.log.exception("A request failed.")
            return self.refusal(line, 503)
        return sink.content(), response.should_close()

    def refuse(self, line: Line, status: int) -> None:
        self.send(line, *self.refusal(line, status))

    def refusal(self, line: Line, status: int) -> tuple[bytes, bool]:
        """One of REFUSALS as bytes; whether the connection ends with it, as all do after which nobody knows where
        the next request begins."""
        end = status != 503 or not line.busy or not self.alive or line.last or not line.lasts()
        self.app.journal.refused(bytes(line.buffer[:HEAD]), line.address, status, time.monotonic() - line.since)
        return refusal(status, end), end

    def send(self, line: Line, answer: bytes, end: bool) -> None:
        """Send an answer, and go on with what the client sent after its request."""
        line.next_request()
        line.last = line.last or end
        if line.last:
            self.leave(line)
        line.out = answer
        self.flush(line)

    def flush(self, line: Line) -> None:
        try:
            line.out = line.out[line.sock.send(line.out) :]
        except BlockingIOError:
            pass
        except OSError:
            return self.close(line)
        if line.out:
            return self.watch(line, EVENT_WRITE)
        self.watch(line, EVENT_READ)
        if not line.last:
            return self.consider(line) if line.buffer else None
        line.closing = True  # a connection that is closed while something comes is reset, and the answer lost
        try:
            line.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close(line)
