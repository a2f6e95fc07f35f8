"""Starts the HTTP server: granian's worker processes, each with the application on its event loop.

granian (Rust: tokio and hyper) speaks HTTP and TLS, starts and replaces workers, and drains them on SIGTERM.
"""

import asyncio
import contextlib
import errno
import functools
import gc
import ipaddress
import logging
import multiprocessing
import os
import resource
import shutil
import signal
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from digits import UserError

BACKLOG = 4096  # connections that the kernel holds until a worker takes them
DRAIN_SECONDS = 6  # s that accepted requests have after SIGTERM; a worker that needs longer is killed
RESERVED_FILES = 200  # files that a process may open besides its connections
ADDRESSES = "127.0.0.1, 0.0.0.0, ::, [::1] or unix:PATH, say"


def parse_host(host: str) -> tuple[str, Path | None]:
    """The IP address to bind, or "" and the path of a Unix socket. `::` takes IPv4, too.

    Raises: UserError when `host` is neither.
    """
    if host.startswith("unix:"):
        path = Path(host.removeprefix("unix:"))
        if not path.parent.is_dir() or path.is_dir():
            raise UserError(f"--host {host}: {path.parent} is not a folder, or {path} is one: name a file in a folder.")
        return "", path
    address = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(address)), None
    except ValueError:
        raise UserError(f"--host {host} is no address of this machine: name one, {ADDRESSES}.") from None


def check_certificate(cert: str, key: str) -> None:
    """Raises: UserError when only one of the files is named, or they cannot be used."""
    if bool(cert) != bool(key):
        raise UserError("--tls-cert and --tls-key belong together: name both files.")
    if cert:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, "")  # a pass phrase would be asked for
        except OSError as error:  # an SSLError is one
            reason = error.strerror or error
            raise UserError(
                f"--tls-cert {cert} with --tls-key {key} cannot be used ({reason}): "
                "name two PEM files that match, without a pass phrase."
            ) from None


def serve(make_app: Callable[[], Callable], settings: Any, port: int | None, logging_config: dict) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, which closing the terminal sends (nohup still protects from it).

    make_app: makes the ASGI application; called in each worker.
    settings: app.ServerSettings.
    port: to listen on; None for a Unix domain socket.
    logging_config: for `logging.config.dictConfig`.
    Raises: UserError when the address cannot be bound.
    """
    address, path = parse_host(settings.host)
    if path:
        where = f"unix:{path}"
    else:
        where = f"{'https' if settings.tls_cert else 'http'}://{f'[{address}]' if ':' in address else address}:{port}"
    max_connections = increase_file_limit(settings.max_connections)
    listening = multiprocessing.Value("i", 0)  # workers so far
    on_hangup = signal.getsignal(signal.SIGHUP)
    if on_hangup != signal.SIG_IGN:  # nohup sets that

        def on_hangup(*_: Any) -> None:
            signal.raise_signal(signal.SIGTERM)

    while True:
        server = Server(
            "digits",
            address=address,
            port=port or 0,
            uds=path,
            uds_permissions=0o666,  # a proxy that runs as another user must be able to connect
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            workers=settings.workers,
            backlog=BACKLOG,
            backpressure=max_connections,
            http1_settings=HTTP1Settings(header_read_timeout=round(1000 * settings.read_timeout)),
            respawn_failed_workers=True,
            workers_kill_timeout=DRAIN_SECONDS,
            log_level=LogLevels.warning,
            log_dictconfig=logging_config,
            ssl_cert=Path(settings.tls_cert) if settings.tls_cert else None,
            ssl_key=Path(settings.tls_key) if settings.tls_key else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        # granian takes SIGHUP as "restart the workers", and so would outlive its terminal.
        server.on_startup(lambda: signal.signal(signal.SIGHUP, on_hangup))
        worker = functools.partial(start_worker, make_app, where, settings.workers, listening)
        listening.value = 0
        try:
            return server.serve(target_loader=worker, wrap_loader=False)
        except (OSError, RuntimeError) as error:
            raise binding_error(where, error) from None
        except SystemExit:  # granian gives up when a worker dies twice within 5.5 s
            if server.interrupt_signal:  # one died while all were told to stop
                return None
            if listening.value < settings.workers:  # starting again would not help
                raise UserError("The workers end as soon as they start: see the log above.") from None
            logging.getLogger("digits").error("Workers died too often: the server starts again.")


def binding_error(where: str, error: Exception) -> UserError:
    """The sentence for an address that cannot be bound."""
    number = getattr(error, "errno", None)
    reason = os.strerror(number) if number else str(error).partition("\n")[0]
    if number == errno.EACCES:
        advice = "ports below 1024 are for the administrator, choose one above with --port"
    elif number == errno.EADDRINUSE:
        advice = "choose another port, say --port 5001"
    else:
        advice = f"name an address of this machine with --host, {ADDRESSES}"
    return UserError(f"Nothing can be served on {where} ({reason}): {advice}.")


def start_worker(make_app: Callable[[], Callable], where: str, workers: int, listening: Any) -> Callable:
    """Make the application of a worker process; the last of `workers` announces that the server listens."""
    # The parent gets Ctrl-C and the closing of the terminal, too, and lets the workers finish.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until granian handles it: the parent's handler does nothing here
    application = make_app()
    gc.freeze()  # PyTorch's 300,000 objects stay: collecting among them held up answers
    threading.Thread(target=exit_with_parent, daemon=True).start()

    def announce() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # granian has set its own handler meanwhile
        with listening.get_lock():
            listening.value += 1
            if listening.value == workers:  # more are replacements
                print(f"Draw a digit on {where} (Ctrl-C stops)", flush=True)

    asyncio.get_event_loop().call_soon(announce)  # granian runs the loop once the worker listens
    return application


def exit_with_parent() -> None:
    """Stop this worker when its parent is gone, which may have been killed with SIGKILL."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)


def increase_file_limit(max_connections: int) -> int:
    """Let processes open enough files for `max_connections`; how many of those the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_connections + RESERVED_FILES
    allowed = max(soft, wanted if hard == resource.RLIM_INFINITY else min(hard, wanted))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, min(max_connections, allowed - RESERVED_FILES))


@contextlib.contextmanager
def metrics_folder() -> Iterator[None]:
    """A temporary folder in which the processes share their metrics; prometheus_client looks for it when imported.

    Raises: UserError when there is no place for it.
    """
    try:
        folder, owner = tempfile.mkdtemp(prefix="digits-"), os.getpid()
    except OSError:
        raise UserError(
            "There is no folder for temporary files: mount one at /tmp (docker run --tmpfs /tmp) or set TMPDIR."
        ) from None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:  # workers are forked inside this block
            shutil.rmtree(folder, ignore_errors=True)
