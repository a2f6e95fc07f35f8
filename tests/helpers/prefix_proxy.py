"""A reverse proxy that serves another server under a path prefix, as nginx does with a `location /digits/`."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection

from tests.helpers.fake_server import Response, http_server

NOT_FORWARDED = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass
class PrefixProxy:
    """A running proxy: its address with the prefix, and the paths of all requests, in order."""

    address: str
    paths: list[str]


@contextmanager
def prefix_proxy(port: int, prefix: str) -> Iterator[PrefixProxy]:
    """Proxy the server on a local `port` and send it X-Forwarded-Prefix; paths outside `prefix` get 404."""
    paths: list[str] = []

    def forward(method: str, path: str, headers: Message, body: bytes) -> Response:
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
