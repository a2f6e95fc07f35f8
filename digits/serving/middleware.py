"""What happens around every request: cross-origin rules, request ID, headers, compression, access log."""

import os
import re
import secrets
import time
from typing import Any

from flask import Flask, Response, request
from flask_compress import Compress
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from digits import UserError
from digits.serving import asgi, monitoring

REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)  # what a client may call its request
ORIGIN = re.compile(r"https?://([a-z\d._-]+|\[[a-f\d:.]+\])(:\d{1,5})?/?", re.ASCII | re.IGNORECASE)
# Nothing from elsewhere, nothing inline; the canvas makes data: pictures, a picture from a file is a blob:.
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
    """The origins in a comma-separated list, as browsers spell them: scheme, host and port, lower case; or "*".

    Raises: UserError that names the one that is no origin.
    """
    origins = []
    for word in filter(None, map(str.strip, text.split(","))):
        if word != "*" and not ORIGIN.fullmatch(word):
            raise UserError(f"{flag} {word} is no origin: write scheme and host, https://example.org say, or *.")
        origin = word.rstrip("/").lower()
        origins.append(origin.removesuffix(":443" if origin.startswith("https:") else ":80"))  # as browsers leave out
    return tuple(origins)


def init_app(app: Flask, settings: Any) -> None:
    """Add it all to `app`; `settings` are app.ServerSettings. Raises: UserError for lists of origins that are none."""
    allowed = parse_origins(settings.cors, "--cors")
    ancestors = parse_origins(settings.frame_ancestors, "--frame-ancestors")
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(" ".join(ancestors) or "'none'"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    if count := settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=1, x_prefix=1)  # proxies add to the first only
    if prefix := os.environ.get("SCRIPT_NAME", "").rstrip("/"):
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {prefix: app.wsgi_app})

    @app.before_request
    def begin() -> Response | None:
        if error := request.environ.get(asgi.ERROR_KEY):
            raise error
        request.environ.setdefault(asgi.ARRIVED_KEY, time.monotonic())
        request.environ.pop("HTTP_RANGE", None)  # a range of a file would be compressed as if it were all of it
        if allowed and request.method == "OPTIONS":
            return app.response_class(status=204, headers=PREFLIGHT_HEADERS)
        return None

    @app.after_request
    def end(response: Response) -> Response:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        identity = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        response.headers["X-Request-ID"] = identity
        response.headers.extend(headers)
        if allowed:
            allow_origin(response, allowed)
        log_request(app.extensions["metrics"], response, identity)
        return response

    Compress(app)  # after `end`, and so run before it: it turns some 200 into 304

    @app.after_request
    def read_file(response: Response) -> Response:
        """Flask-Compress would not take gzip for a stream, nor tell a client that what it has is up to date."""
        if response.is_streamed and response.status_code == 200:
            response.direct_passthrough = False
            response.make_sequence()
        return response


def allow_origin(response: Response, allowed: tuple[str, ...]) -> None:
    """Let a page of another origin read the response, if it is one of those `allowed`."""
    origin = request.headers.get("Origin", "")
    if "*" not in allowed:
        response.vary.add("Origin")
        if origin not in allowed:
            return
    response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
    response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After, X-Request-ID"


def log_request(metrics: monitoring.Metrics, response: Response, identity: str) -> None:
    """Count the request and write it to the access log."""
    seconds = time.monotonic() - request.environ.get(asgi.ARRIVED_KEY, time.monotonic())
    route = request.url_rule.rule if request.url_rule else "other"
    metrics.count_request(route, request.method, response.status_code, seconds)
    fields = {"id": identity, "method": request.method, "path": monitoring.escape(request.path)}
    fields |= {
        "status": response.status_code,
        "ms": round(1000 * seconds, 2),
        "address": monitoring.escape(request.remote_addr or "-"),
    }
    monitoring.ACCESS.info(monitoring.ACCESS_LINE, fields, extra=fields)
