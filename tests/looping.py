"""A worker of the server in a thread with a made-up application, and requests as bytes, for the tests of its loop."""

import http.client
import os
import socket
import threading
import time
from types import SimpleNamespace

from gunicorn.config import Config

from digits import Later, connections, worker
from digits.connections import NOBODY
from digits.worker import Worker

LIMITS = {"max_body": 200_000, "read_timeout": 30.0, "keep_alive": 30.0, "max_wait": 0.8}


class Clock:
    """A time that passes as the true one does, and jumps where a test says so."""

    def __init__(self):
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


class Served:
    """A worker in a thread, its application, and connections to it."""

    def __init__(self, monkeypatch, most: int = 100, **limits):
        self.clock, self.hold, self.held = Clock(), threading.Event(), threading.Event()
        for module in (worker, connections):
            monkeypatch.setattr(module, "time", self.clock)
        self.refused: list[int] = []
        journal = SimpleNamespace(
            queue=SimpleNamespace(set=lambda _: None),
            flush=lambda: None,
            refused=lambda head, address, status, _: self.refused.append(status),
        )
        settings = Config()
        settings.set("worker_connections", most)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        fake = SimpleNamespace(
            limits=SimpleNamespace(**LIMITS | limits),
            journal=journal,
            shares=[NOBODY] * 4,
            together=lambda jobs: [SimpleNamespace(result=job(), error=None) for job in jobs],
        )
        log = SimpleNamespace(exception=lambda text: None)
        self.worker = Worker(1, os.getppid(), [self.listener], fake, 30, settings, log)
        self.worker.PIPE = os.pipe()
        for end in self.worker.PIPE:
            os.set_blocking(end, False)
        self.worker.wsgi = self.answer
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()
        self.lines: list[socket.socket] = []

    def answer(self, environ, start):
        path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
        if path == "/hold":
            self.held.set()
            assert self.hold.wait(30)
        if path == "/later":
            if environ["digits.inline"]:
                raise Later
            self.held.set()
            assert self.hold.wait(30)
        if path == "/jump":
            self.clock.ahead += 10
        if path == "/fault":
            raise ZeroDivisionError
        said = b"x" * 20_000_000 if path == "/long" else f"{path} {len(body)}".encode()
        start("200 OK", [("Content-Length", str(len(said)))])
        return [said]

    def line(self) -> socket.socket:
        self.lines.append(socket.create_connection(self.address, 30))
        return self.lines[-1]

    def stop(self):
        self.worker.alive = False
        os.write(self.worker.PIPE[1], b"1")

    def end(self):
        self.hold.set()
        self.stop()
        for line in self.lines:
            line.close()
        self.thread.join(30)
        assert not self.thread.is_alive()
        self.listener.close()
        self.worker.tmp.close()
        for end in self.worker.PIPE:
            os.close(end)


def request(path: str, body: bytes = b"", *head: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *head]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(path: str, *chunks: bytes, trailer: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"


def told(line: socket.socket) -> tuple[int, bytes, http.client.HTTPResponse]:
    response = http.client.HTTPResponse(line)
    response.begin()
    return response.status, response.read(), response


class Lasting:
    """A file that its reader does not close, as the next answer is in it, too."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return (lambda: None) if name == "close" else getattr(self.file, name)
