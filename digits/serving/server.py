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
import signal
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from digits import UserError

BACKLOG = 4096  # connections that the kernel holds until a worker accepts them
DRAIN_SECONDS = 6  # that accepted requests have after SIGTERM; a worker that needs longer is killed
RESERVED_FILES = 200  # files that a process may open in addition to its connections
HOST_EXAMPLES = "127.0.0.1, 0.0.0.0, ::, [::1] or unix:PATH, say"


# -- checks before the start


def parse_host(host: str) -> tuple[str, Path | None]:
    """Parse `--host`: an IP address, where "::" includes IPv4, or unix:PATH.

    Returns: the address and None, or "" and the path of the Unix domain socket.
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
        raise UserError(f"--host {host} is no address of this machine: name one, {HOST_EXAMPLES}.") from None


def check_certificate(cert: str, key: str) -> None:
    """Check the two PEM files for TLS; both names may be empty.

    Raises: UserError when only one is named, or they cannot be used.
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


async def reserve_address(host: str, port: int) -> int:
    """Check that the server can listen on `host` and `port`, and remove a stale Unix domain socket.

    granian itself would share a port with another server that listens on it.

    Returns: the port, a free one for 0; 0 for a Unix domain socket.
    Raises: UserError when the address cannot be bound.
    """
    address, socket_path = parse_host(host)
    if socket_path:
        await remove_stale_socket(socket_path)
        return 0
    for candidate in ("0.0.0.0", address) if address == "::" else (address,):  # asyncio binds "::" to IPv6 only
        try:
            probe = await asyncio.start_server(lambda *_: None, candidate, port)
        except OSError as error:
            raise binding_error(f"{address} port {port}", error) from None
        async with probe:
            port = probe.sockets[0].getsockname()[1]
    return port


async def remove_stale_socket(path: Path) -> None:
    """Remove the Unix domain socket at `path` if a server that was killed left it there.

    Raises: UserError when a server listens there, or `path` is another kind of file.
    """
    try:
        if not path.exists():
            return
        with contextlib.suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
            raise UserError(f"Another server listens on {path}: end it, or name another file with --host unix:PATH.")
        if not path.is_socket():
            raise UserError(f"{path} is there already and no socket: name another file with --host unix:PATH.")
        path.unlink()
    except OSError as error:
        raise binding_error(f"unix:{path}", error) from None


def binding_error(where: str, error: Exception) -> UserError:
    """Make the error for an address that cannot be bound, with advice."""
    number = getattr(error, "errno", None)
    reason = os.strerror(number) if number else str(error).partition("\n")[0]
    if number == errno.EACCES:
        advice = "ports below 1024 are for the administrator, choose one above with --port"
    elif number == errno.EADDRINUSE:
        advice = "choose another port, say --port 5001"
    else:
        advice = f"name an address of this machine with --host, {HOST_EXAMPLES}"
    return UserError(f"Nothing can be served on {where} ({reason}): {advice}.")


# -- the parent process


def serve(make_app: Callable[[], Callable], settings: Any, port: int, logging_config: dict) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. A closed terminal sends SIGHUP; under nohup it is ignored.

    make_app: makes the ASGI application; called in each worker.
    settings: app.ServerSettings.
    port: to listen on, unless `settings.host` is a Unix domain socket.
    logging_config: for `logging.config.dictConfig`.
    Raises: UserError when the address cannot be bound, or the workers end as soon as they start.
    """
    where = server_url(settings, port)
    listening = multiprocessing.Value("i", 0)  # workers that have begun to listen
    load_worker = functools.partial(start_worker, make_app, where, settings.workers, listening)
    on_hangup = _stop if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else signal.SIG_IGN  # SIG_IGN: nohup
    while True:
        server = make_server(settings, port, logging_config)
        # granian itself would restart the workers on SIGHUP, and so outlive its terminal.
        server.on_startup(lambda: signal.signal(signal.SIGHUP, on_hangup))
        listening.value = 0
        try:
            return server.serve(target_loader=load_worker, wrap_loader=False)
        except (OSError, RuntimeError) as error:
            raise binding_error(where, error) from None
        except SystemExit:  # granian exits when a worker dies twice within 5.5 s
            if server.interrupt_signal:  # a worker died while all were stopping
                return None
            if listening.value < settings.workers:  # a restart would fail again
                raise UserError("The workers end as soon as they start: see the log above.") from None
            logging.getLogger("digits").error("Workers died too often: the server starts again.")


def server_url(settings: Any, port: int) -> str:
    """Return the address that is announced: a URL, or unix:PATH."""
    address, path = parse_host(settings.host)
    if path:
        return f"unix:{path}"
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}"


def make_server(settings: Any, port: int, logging_config: dict) -> Server:
    """Configure granian; the arguments are those of `serve`."""
    address, path = parse_host(settings.host)
    return Server(
        "digits",
        address=address,
        port=port,
        uds=path,
        uds_permissions=0o666,  # a proxy that runs as another user must be able to connect
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.workers,
        backlog=BACKLOG,
        backpressure=increase_file_limit(settings.max_connections),
        http1_settings=HTTP1Settings(header_read_timeout=round(1000 * settings.read_timeout)),
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=logging_config,
        ssl_cert=Path(settings.tls_cert) if settings.tls_cert else None,
        ssl_key=Path(settings.tls_key) if settings.tls_key else None,
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


def _stop(*_: Any) -> None:
    """Signal handler: stop as on SIGTERM."""
    signal.raise_signal(signal.SIGTERM)


# -- the worker processes


def start_worker(make_app: Callable[[], Callable], where: str, workers: int, listening: Any) -> Callable:
    """Make the application of a worker process; the last of `workers` announces that the server listens."""
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
        with listening.get_lock():
            listening.value += 1
            if listening.value == workers:  # later ones are replacements
                print(f"Draw a digit on {where} (Ctrl-C stops)", flush=True)

    asyncio.get_event_loop().call_soon(announce)  # granian runs the loop once the worker listens
    return application


def exit_with_parent() -> None:
    """Stop this worker when its parent has ended, even if the parent was killed with SIGKILL."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)
