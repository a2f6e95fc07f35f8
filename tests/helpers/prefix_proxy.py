"""A proxy that serves another server under a path prefix and tells it so, as nginx does with a `location /digits/`."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection

from tests.helpers.fake_server import Answer, http_server

NOT_FORWARDED = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass
class PrefixProxy:
    address: str  # with the prefix
    paths: list[str]  # all that was asked for, in order


@contextmanager
def prefix_proxy(port: int, prefix: str) -> Iterator[PrefixProxy]:
    """A proxy for the server on a `port` of this machine; paths that are not below `prefix` are answered with 404."""
    paths: list[str] = []

    def forward(method: str, path: str, headers: Message, body: bytes) -> Answer:
        paths.append(path)
        if not path.startswith(f"{prefix}/"):
            return 404, b"", [("Content-Length", "0")]
        with closing(HTTPConnection("127.0.0.1", port)) as connection:
            connection.request(method, path.removeprefix(prefix), body, dict(headers) | {"X-Forwarded-Prefix": prefix})
            response = connection.getresponse()
            content = response.read()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in NOT_FORWARDED]
        return response.status, content, [*kept, ("Content-Length", str(len(content)))]

    with http_server(forward) as own_port:
        yield PrefixProxy(f"http://127.0.0.1:{own_port}{prefix}", paths)
