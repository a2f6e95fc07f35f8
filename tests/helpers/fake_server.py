"""A server that answers what a test wants, for those that ask servers: the client and the proxy."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HANG_UP = (0, b"", {})  # instead of an answer: the line is closed, as by a server that died


@dataclass
class Fake:
    port: int
    asked: list[tuple[str, Message, bytes]] = field(default_factory=list)  # path, headers, body

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def fake(*answers: tuple[int, bytes, dict[str, str]]) -> Iterator[Fake]:
    """A server on this machine that gives these answers (status, body, headers) in turn, the last for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            served.asked.append((self.path, self.headers, body))
            status, content, headers = answers[min(len(served.asked), len(answers)) - 1]
            if status:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Fake(server.server_address[1])
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})  # s until it sees that it ends
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
