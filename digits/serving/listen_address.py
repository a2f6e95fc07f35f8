"""The addresses that a server can listen on: IP addresses and Unix domain sockets, checked before the start."""

import asyncio
import errno
import ipaddress
import os
from pathlib import Path

from digits import UserError

HOST_EXAMPLES = "for example 127.0.0.1, 0.0.0.0, ::, [::1] or unix:PATH"


def parse_host(host: str) -> tuple[str, Path | None]:
    """Parse `--host`: an IP address, where "::" includes IPv4, or unix:PATH.

    Returns: the address and None, or "" and the path of the Unix domain socket.
    Raises: UserError: when `host` is neither.
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
        raise UserError(f"--host {host} is not an IP address of this machine: name one, {HOST_EXAMPLES}.") from None


async def reserve_address(host: str, port: int) -> int:
    """Check that the server can listen on `host` and `port`, and remove a stale Unix domain socket.

    granian itself would share a port with another server that listens on it.

    Returns: the port, a free one for 0; 0 for a Unix domain socket.
    Raises: UserError: when the address cannot be bound.
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

    Raises: UserError: when a server listens there, or `path` is another kind of file.
    """
    try:
        if not path.exists():
            return
        if await has_listener(path):
            raise UserError(f"Another server listens on {path}: end it, or name another file with --host unix:PATH.")
        if not path.is_socket():
            raise UserError(f"{path} exists and is not a socket: name another file with --host unix:PATH.")
        path.unlink()
    except OSError as error:
        raise binding_error(f"unix:{path}", error) from None


async def has_listener(path: Path) -> bool:
    """Return whether a server accepts connections on the Unix domain socket at `path`."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


def binding_error(where: str, error: Exception) -> UserError:
    """Make the error for an address that cannot be bound, with advice."""
    number = getattr(error, "errno", None)
    reason = os.strerror(number) if number else str(error).partition("\n")[0]
    if number == errno.EACCES:
        advice = "ports below 1024 are for the administrator, choose one above with --port"
    elif number == errno.EADDRINUSE:
        advice = "choose another port, for example --port 5001"
    else:
        advice = f"name an address of this machine with --host, {HOST_EXAMPLES}"
    return UserError(f"Nothing can be served on {where} ({reason}): {advice}.")
