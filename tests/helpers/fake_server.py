"""HTTP servers on this machine whose answers a test chooses."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HANG_UP = (0, b"", {})  # instead of an answer: the connection is closed, as by a server that died

Answer = tuple[int, bytes, Iterable[tuple[str, str]]]  # status (0 to hang up), body, headers


@contextmanager
def http_server(answer: Callable[[str, str, Message, bytes], Answer]) -> Iterator[int]:
    """Serve what `answer(method, path, headers, body)` returns; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, content, headers = answer(self.command, self.path, self.headers, body)
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
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})  # s until it sees that it ends
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Fake:
    port: int
    asked: list[tuple[str, Message, bytes]] = field(default_factory=list)  # path, headers, body

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def fake(*answers: tuple[int, bytes, dict[str, str]]) -> Iterator[Fake]:
    """A server that gives these answers (status, body, headers) in turn, the last one from then on."""
    asked: list[tuple[str, Message, bytes]] = []

    def answer(_: str, path: str, headers: Message, body: bytes) -> Answer:
        asked.append((path, headers, body))
        status, content, more = answers[min(len(asked), len(answers)) - 1]
        return status, content, {"Content-Length": str(len(content)), **more}.items()

    with http_server(answer) as port:
        yield Fake(port, asked)
