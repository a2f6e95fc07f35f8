"""Request middleware: cross-origin rules, request ID, security headers, compression, access log."""

import os
import re
import secrets
import time

from flask import Flask, Response, current_app, request
from flask_compress import Compress
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from digits import UserError
from digits.serving import monitoring, wsgi_adapter
from digits.serving.error_handlers import handle_user_error

REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)  # request IDs that are accepted from clients
ORIGIN = re.compile(r"https?://([a-z\d._-]+|\[[a-f\d:.]+\])(:\d{1,5})?/?", re.ASCII | re.IGNORECASE)
# Nothing from other hosts, nothing inline. The canvas makes data: URLs, a picture from a file is a blob: URL.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {}"
)
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, If-None-Match, X-Request-ID",
    "Access-Control-Max-Age": "600",
}


def parse_origins(text: str, flag: str) -> tuple[str, ...]:
    """Parse a comma-separated list of origins, each "*" or scheme, host and port in lower case, as browsers send it.

    flag: the command-line flag that the list comes from, for the error message.
    Raises: UserError: when an entry is not an origin.
    """
    origins = []
    for word in filter(None, map(str.strip, text.split(","))):
        if word != "*" and not ORIGIN.fullmatch(word):
            raise UserError(
                f"{flag} {word} is not an origin: write scheme and host, for example https://example.org, or *."
            )
        origin = word.rstrip("/").lower()
        default_port = ":443" if origin.startswith("https:") else ":80"  # browsers leave it out
        origins.append(origin.removesuffix(default_port))
    return tuple(origins)


def init_app(app: Flask) -> None:
    """Install the middleware in `app`, as its settings ask for.

    Raises: UserError: as `parse_origins` does.
    """
    ancestors = parse_origins(app.config["FRAME_ANCESTORS"], "--frame-ancestors")
    app.config["CORS_ORIGINS"] = parse_origins(app.config["CORS"], "--cors")
    app.config["SECURITY_HEADERS"] = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(" ".join(ancestors) or "'none'"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    if count := app.config["PROXIES"]:
        # Each proxy appends to X-Forwarded-For; of the other headers only the last proxy's value is used.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=1, x_prefix=1)
    if prefix := os.environ.get("SCRIPT_NAME", "").rstrip("/"):
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {prefix: app.wsgi_app})
    app.before_request(start_request)
    # Flask calls these in reverse order, and Compress turns some 200 into 304, so it must run before the access log.
    app.after_request(finish_request)
    Compress(app)
    app.after_request(load_file_response)


def start_request() -> Response | None:
    """Answer with the error that the ASGI adapter found, or answer a preflight request of another origin."""
    if error := request.environ.get(wsgi_adapter.ERROR_KEY):
        # Raised, it would keep the request in its traceback, and granian keeps a stalled connection open as long.
        return handle_user_error(error)
    request.environ.setdefault(wsgi_adapter.ARRIVED_KEY, time.monotonic())
    request.environ.pop("HTTP_RANGE", None)  # a range of a file would be compressed as if it were the whole file
    if current_app.config["CORS_ORIGINS"] and request.method == "OPTIONS":
        return Response(status=204, headers=PREFLIGHT_HEADERS)
    return None


def load_file_response(response: Response) -> Response:
    """Read a file into memory: Flask-Compress compresses no streams with gzip, and gives them no 304."""
    if response.is_streamed and response.status_code == 200:
        response.direct_passthrough = False
        response.make_sequence()
    return response


def finish_request(response: Response) -> Response:
    """Add the headers that every response has, and log the request."""
    given = request.environ.get("HTTP_X_REQUEST_ID", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    response.headers["X-Request-ID"] = request_id
    response.headers.extend(current_app.config["SECURITY_HEADERS"])
    if origins := current_app.config["CORS_ORIGINS"]:
        allow_origin(response, origins)
    record_request(response, request_id)
    return response


def allow_origin(response: Response, allowed: tuple[str, ...]) -> None:
    """Let pages of the request's origin read the response, if it is one of those `allowed`."""
    origin = request.headers.get("Origin", "")
    if "*" not in allowed:
        response.vary.add("Origin")
        if origin not in allowed:
            return
    response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
    response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After, X-Request-ID"


def record_request(response: Response, request_id: str) -> None:
    """Count the request in the metrics and write it to the access log."""
    seconds = time.monotonic() - request.environ.get(wsgi_adapter.ARRIVED_KEY, time.monotonic())
    route = request.url_rule.rule if request.url_rule else "other"
    current_app.extensions["metrics"].count_request(route, request.method, response.status_code, seconds)
    fields = {
        "request_id": request_id,
        "method": request.method,
        "path": monitoring.escape(request.path),
        "status": response.status_code,
        "duration_ms": round(1000 * seconds, 2),
        "remote_addr": monitoring.escape(request.remote_addr or "-"),
    }
    monitoring.ACCESS_LOG.info(monitoring.ACCESS_LINE, fields, extra=fields)
