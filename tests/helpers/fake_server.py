"""HTTP servers on this machine whose responses a test chooses."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

# Instead of a response: the connection is closed, as if the server had died.
CLOSE_CONNECTION = (0, b"", {})
POLL_SECONDS = 0.01  # how often the server checks whether it should stop

Response = tuple[int, bytes, Iterable[tuple[str, str]]]  # status (0 closes the connection), body, headers


@contextmanager
def http_server(respond: Callable[[str, str, Message, bytes], Response]) -> Iterator[int]:
    """Serve the responses of `respond(method, path, headers, body)`; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, content, headers = respond(self.command, self.path, self.headers, body)
            if status:
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_SECONDS})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@dataclass
class FakeServer:
    """A running server and the requests that it received: (path, headers, body)."""

    port: int
    requests: list[tuple[str, Message, bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def fake_server(*responses: tuple[int, bytes, dict[str, str]]) -> Iterator[FakeServer]:
    """Serve these responses (status, body, headers) in turn, then repeat the last one."""
    requests: list[tuple[str, Message, bytes]] = []

    def respond(_: str, path: str, headers: Message, body: bytes) -> Response:
        requests.append((path, headers, body))
        status, content, more = responses[min(len(requests), len(responses)) - 1]
        return status, content, {"Content-Length": str(len(content)), **more}.items()

    with http_server(respond) as port:
        yield FakeServer(port, requests)
