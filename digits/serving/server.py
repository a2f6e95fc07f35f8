"""The production server: gunicorn's processes on a bound socket, new weights on SIGHUP, a stop that loses nothing."""

import contextlib
import errno
import gc
import mmap
import os
import resource
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

from digits import UserError
from digits.line import MAX_HEAD

SPARE = 200  # files that a process may open beside its connections
PLACES = 64  # for processes to say how many connections they have
STOP = 8  # s that what was accepted has to be answered after SIGTERM
HUNG = 30  # s after which a process that shows no life is killed; no picture takes as long


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Errors: UserError that says which of host and port to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=4096)
    except (OSError, OverflowError) as error:
        if isinstance(error, OverflowError) or error.errno == errno.EADDRINUSE:
            advice = "choose another port, say --port 5001"
        elif error.errno == errno.EACCES:
            advice = "ports below 1024 are for the administrator, choose one above with --port"
        else:
            advice = "name an address of this machine with --host, 127.0.0.1 say"
        reason = os.strerror(error.errno) if getattr(error, "errno", None) in errno.errorcode else error
        raise UserError(f"Nothing can be served on {host} port {port} ({reason}): {advice}.") from None


def serve(
    make: Callable[[bytes], Flask], weights: Callable[[], bytes], settings: Any, listener: socket.socket, ready: str
) -> None:
    """Serve on a bound socket until told to stop.

    Each process makes its application from what `weights` gave. It is asked before they start, and on SIGHUP; where
    it raises a UserError then, the processes that there are go on. `settings` are app.Settings; `ready` is printed
    when requests may come.
    Errors: UserError of `weights`, or where gunicorn is not there.
    """
    try:
        from gunicorn.app.base import BaseApplication
        from gunicorn.arbiter import Arbiter
    except ImportError:
        raise UserError("app.py needs gunicorn, which runs on Linux and macOS: pip install gunicorn.") from None
    from digits.serving import monitoring as journal
    from digits.connections import NOBODY

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted if hard < 0 else min(hard, wanted)), hard))

    class Server(BaseApplication):
        limits, content, journal, together = settings, weights(), None, None
        shares = memoryview(mmap.mmap(-1, 4 * PLACES)).cast("i")  # of all processes

        def load_config(self):
            for name, value in options(settings, listener, ready).items():
                if name in self.cfg.settings:  # they differ between versions
                    self.cfg.set(name, value)
            self.cfg.set("child_exit", self.forget)
            self.cfg.set("on_reload", lambda _: journal.log_to_stderr(settings.log_format))  # gunicorn set its own

        def forget(self, _, worker):
            self.shares[worker.age % PLACES] = NOBODY
            journal.forget(worker.pid)

        def load(self):
            application = make(self.content)
            gc.freeze()  # PyTorch's 300,000 objects stay: looking through them again and again held up answers
            self.journal, self.together = application.extensions["journal"], application.extensions["together"]
            return application

    class Master(Arbiter):
        def handle_hup(self):
            try:
                self.app.content = weights()
            except UserError as error:
                return self.log.error("The weights stay as they were: %s", error)
            self.log.warning("New weights are loaded.")
            super().handle_hup()

    master = Master(Server())
    for place in range(PLACES):
        Server.shares[place] = NOBODY
    journal.log_to_stderr(settings.log_format)
    master.run()


def files() -> int:
    """How many files a process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def options(settings: Any, listener: socket.socket, ready: str) -> dict[str, Any]:
    """What gunicorn is told."""
    return {
        "bind": f"fd://{listener.fileno()}",
        "workers": settings.workers,
        "worker_class": "digits.worker.Worker",
        "worker_connections": max(1, min(settings.max_connections, files() - SPARE)),
        "graceful_timeout": STOP,
        "timeout": HUNG,
        "loglevel": "warning",
        "when_ready": lambda _: print(ready, flush=True),
        "control_socket_disable": True,  # since gunicorn 25.1; nobody here asked for one
        "limit_request_line": 0,  # the head as a whole is limited
        "limit_request_field_size": MAX_HEAD,
    }


@contextlib.contextmanager
def figures() -> Iterator[None]:
    """A folder for the figures of all processes, which prometheus_client wants to know when it is imported."""
    folder, owner = tempfile.mkdtemp(prefix="digits-"), os.getpid()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:  # workers are forked inside of this
            shutil.rmtree(folder, ignore_errors=True)
