"""Starts the HTTP server: granian's worker processes, each with the application on its event loop.

granian (Rust: tokio and hyper) speaks HTTP and TLS, starts and replaces workers, and drains them on SIGTERM.
"""

import asyncio
import functools
import gc
import logging
import multiprocessing
import os
import resource
import signal
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import TYPE_CHECKING

# Its attribute interrupt_signal, which tells a stop from a failure, is not documented: requirements.txt bounds the
# version.
from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from digits import UserError
from digits.serving.listen_address import binding_error, parse_host

if TYPE_CHECKING:
    from granian.server.common import AbstractServer

BACKLOG = 4096  # connections that the kernel holds until a worker accepts them
DRAIN_SECONDS = 6  # that accepted requests have after SIGTERM; a worker that needs longer is killed
RESERVED_FILES = 200  # files that a process may open in addition to its connections


@dataclass(frozen=True)
class ServerOptions:
    """Where and how the server listens.

    host: as `parse_host` accepts it.
    port: to listen on, unless `host` is a Unix domain socket.
    workers: number of worker processes.
    max_connections: of one process; more wait in the kernel.
    read_timeout: seconds in which the head of a request must arrive.
    tls_cert, tls_key: paths of PEM files; empty for http.
    """

    host: str
    port: int
    workers: int
    max_connections: int
    read_timeout: float
    tls_cert: str
    tls_key: str


def check_certificate(cert: str, key: str) -> None:
    """Check the two PEM files for TLS; both names may be empty.

    Raises: UserError: when only one is named, or they cannot be used.
    """
    if bool(cert) != bool(key):
        raise UserError("--tls-cert and --tls-key belong together: name both files.")
    if cert:
        try:
            # Given an empty pass phrase, OpenSSL does not ask for one.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, "")
        except OSError as error:  # SSLError is an OSError
            reason = error.strerror or error
            raise UserError(
                f"--tls-cert {cert} with --tls-key {key} cannot be used ({reason}): "
                "name two PEM files that match, without a pass phrase."
            ) from None


# -- the parent process


def serve(make_app: Callable[[], Callable], options: ServerOptions, logging_config: dict) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. A closed terminal sends SIGHUP; under nohup it is ignored.

    make_app: makes the ASGI application; called in each worker.
    logging_config: for `logging.config.dictConfig`.
    Raises: UserError: when the address cannot be bound, or the workers end as soon as they start.
    """
    where = server_url(options)
    has_terminal = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN  # nohup ignores SIGHUP
    while True:
        server = make_server(options, logging_config)
        # granian itself would restart the workers on SIGHUP, and so outlive its terminal. Its handler of SIGTERM is set
        # when the hooks of the start run.
        server.on_startup(
            lambda: signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM) if has_terminal else signal.SIG_IGN)
        )
        # One is taken by each worker that begins to listen; the worker for which none is left takes `announcement`.
        others, announcement = multiprocessing.Semaphore(options.workers - 1), multiprocessing.Semaphore(1)
        load_worker = functools.partial(start_worker, make_app, where, others, announcement)
        try:
            return server.serve(target_loader=load_worker, wrap_loader=False)
        except (OSError, RuntimeError) as error:
            raise binding_error(where, error) from None
        except SystemExit:  # granian exits when a worker dies twice within 5.5 s
            if server.interrupt_signal:  # a worker died while all were stopping
                return None
            if announcement.acquire(block=False):  # not all workers listened, so a restart would fail again
                raise UserError("The workers end as soon as they start: see the log above.") from None
            logging.getLogger("digits").error("Workers died too often: the server starts again.")


def server_url(options: ServerOptions) -> str:
    """Return the address that is announced: a URL, or unix:PATH."""
    address, path = parse_host(options.host)
    if path:
        return f"unix:{path}"
    scheme = "https" if options.tls_cert else "http"
    return f"{scheme}://{f'[{address}]' if ':' in address else address}:{options.port}"


def make_server(options: ServerOptions, logging_config: dict) -> "AbstractServer":
    """Configure granian; the arguments are those of `serve`."""
    address, path = parse_host(options.host)
    return Granian(
        "digits",
        address=address,
        port=options.port,
        uds=path,
        uds_permissions=0o666,  # a proxy that runs as another user must be able to connect
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        workers=options.workers,
        backlog=BACKLOG,
        backpressure=increase_file_limit(options.max_connections),
        http1_settings=HTTP1Settings(header_read_timeout=round(1000 * options.read_timeout)),
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=logging_config,
        ssl_cert=Path(options.tls_cert) if options.tls_cert else None,
        ssl_key=Path(options.tls_key) if options.tls_key else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def increase_file_limit(max_connections: int) -> int:
    """Let this process and its workers open enough files for `max_connections`.

    Returns: how many connections the system allows, at most `max_connections`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    required = max_connections + RESERVED_FILES
    allowed = max(soft, required if hard == resource.RLIM_INFINITY else min(hard, required))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, min(max_connections, allowed - RESERVED_FILES))


# -- the worker processes


def start_worker(make_app: Callable[[], Callable], where: str, others: Semaphore, announcement: Semaphore) -> Callable:
    """Make the application of a worker process; the last one to listen announces that the server listens.

    others, announcement: semaphores that all workers share, see `serve`.
    """
    # Ctrl-C and the closing of the terminal reach the parent, too, which lets the workers drain.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Until granian installs its own handler; the one inherited from the parent has no effect here.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    application = make_app()
    gc.freeze()  # PyTorch's 300,000 objects are permanent: garbage collection among them delayed answers
    threading.Thread(target=exit_with_parent, daemon=True).start()

    def announce() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # granian has set its own handler meanwhile
        # Nothing waits and nothing is held: a worker that is killed here must not block those that replace it.
        if not others.acquire(block=False) and announcement.acquire(block=False):
            print(f"Draw a digit on {where} (Ctrl-C stops)", flush=True)

    asyncio.get_event_loop().call_soon(announce)  # granian runs the loop once the worker listens
    return application


def exit_with_parent() -> None:
    """Stop this worker when its parent has ended, even if the parent was killed with SIGKILL."""
    parent = multiprocessing.parent_process()
    assert parent, "only worker processes call this"
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
