"""Which connections a process of the server takes: as many as the others, as they stay where they go."""

import contextlib
import selectors
import socket
import time
from selectors import EVENT_READ, EVENT_WRITE

from gunicorn.workers.base import Worker as Base

from digits.line import Line, refusal

ACCEPTED = 256  # connections taken at once at most
MORE, RATIO = 8, 1.5  # a process that has more connections than another, and so many times as many, leaves new ones
YIELD = 0.005  # s for which new connections are left to a process that has fewer
NOBODY = -1


class Connections(Base):
    """Takes and closes connections; what comes on them goes to `receive`, and `flush` is told when more can be sent.

    Its `self.app` has `shares`: in memory of all processes, how many connections each has, or NOBODY.
    """

    def open(self) -> None:
        """Begin to take connections."""
        self.poller = selectors.DefaultSelector()
        self.lines: set[Line] = set()
        self.stopped = 0.0  # since when no more are taken
        self.left = 0.0  # since when new ones are left to others
        self.clients = 0  # those that did not hang up
        self.place = self.age % len(self.app.shares)
        self.app.shares[self.place] = 0
        for listener in self.sockets:
            listener.setblocking(False)
            self.poller.register(listener, EVENT_READ, (self.accept, listener))

    def shut(self) -> None:
        """Take the connections that are there, and no more."""
        self.stopped = time.monotonic()
        self.app.shares[self.place] = NOBODY
        for listener in self.sockets:
            while self.take(listener, ACCEPTED):
                pass
            if not self.left:
                self.poller.unregister(listener)
            listener.close()

    def accept(self, listener) -> None:
        """Take connections, or leave them for a moment to a process that has fewer: they stay where they go."""
        room = self.room()
        if self.stopped:
            return
        if room > 0:
            self.take(listener, min(room, ACCEPTED))
        else:
            self.left = time.monotonic()
            self.poller.unregister(listener)

    def room(self) -> int:
        """How many connections this process may take without having too many more than another; below 0 if it has."""
        others = [share for place, share in enumerate(self.app.shares) if place != self.place and share != NOBODY]
        return int(RATIO * min(others)) + MORE - self.clients if others else ACCEPTED

    def take_after_all(self) -> None:
        self.left = 0.0
        for listener in self.sockets:
            self.take(listener, MORE)
            self.poller.register(listener, EVENT_READ, (self.accept, listener))

    def take(self, listener, most: int) -> bool:
        """Take connections; whether there were `most`."""
        for _ in range(most):
            try:
                sock, address = listener.accept()
            except OSError:  # none there any more, or no more files may be open
                return False
            sock.setblocking(False)
            if len(self.lines) >= self.cfg.worker_connections and not self.make_room():
                with contextlib.suppress(OSError):
                    sock.send(refusal(503, end=True))
                sock.close()
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = Line(sock, address, time.monotonic())
            self.lines.add(line)
            self.watch(line, EVENT_READ)
            self.count(1)
        return True

    def count(self, change: int) -> None:
        self.clients += change
        if not self.stopped:
            self.app.shares[self.place] = self.clients

    def leave(self, line: Line) -> None:
        """Count a client as gone, once; what it asked may still have to be answered."""
        if not line.gone:
            line.gone = True
            self.count(-1)

    def make_room(self) -> bool:
        """Close the connection that has been silent longest; whether there was one."""
        idle = min(
            (line for line in self.lines if not line.busy and not line.out), key=lambda line: line.since, default=None
        )
        if idle:
            self.close(idle)
        return idle is not None

    def watch(self, line: Line, events: int) -> None:
        if events == line.watched:
            return
        handler = (self.flush if events == EVENT_WRITE else self.receive, line)
        if not events:
            self.poller.unregister(line.sock)
        elif line.watched:
            self.poller.modify(line.sock, events, handler)
        else:
            self.poller.register(line.sock, events, handler)
        line.watched = events

    def close(self, line: Line) -> None:
        self.watch(line, 0)
        self.lines.discard(line)
        line.sock.close()
        self.leave(line)
