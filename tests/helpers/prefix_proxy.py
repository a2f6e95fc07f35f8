"""A proxy that serves another server under a path prefix and tells it so, as nginx does with a `location /digits/`."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

NOT_FORWARDED = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass
class PrefixProxy:
    address: str  # with the prefix
    paths: list[str] = field(default_factory=list)  # all that was asked for, in order


@contextmanager
def prefix_proxy(port: int, prefix: str) -> Iterator[PrefixProxy]:
    """A proxy for the server on a `port` of this machine; what is not below `prefix` is answered with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            proxy.paths.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if not self.path.startswith(f"{prefix}/"):
                return self.send_error(404)
            headers = dict(self.headers) | {"X-Forwarded-Prefix": prefix}
            with closing(HTTPConnection("127.0.0.1", port)) as connection:
                connection.request(self.command, self.path.removeprefix(prefix), body, headers)
                response = connection.getresponse()
                content = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in NOT_FORWARDED:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy = PrefixProxy(f"http://127.0.0.1:{server.server_address[1]}{prefix}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})  # s until it sees that it ends
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
