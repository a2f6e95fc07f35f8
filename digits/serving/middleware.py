"""What happens around every request: who may ask how often, a name for it, headers, a line in the journal."""

import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import TooManyRequests
from werkzeug.middleware.proxy_fix import ProxyFix

IDENTITY = re.compile(r"[\w.:-]{1,64}")  # what a client may call its request
# Nothing from elsewhere, nothing inline; the canvas makes data: pictures, a picture from a file is a blob:.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
PREFLIGHT = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Content-Type, X-Request-ID"}


def add(app: Flask, settings: Any) -> None:
    """Add it all to `app`; `settings` are app.Settings."""
    journal = app.extensions["journal"]
    headers = dict(SECURITY)
    if settings.cors:
        headers |= {"Access-Control-Allow-Origin": settings.cors, "Vary": "Origin"}
        headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)

    @app.before_request
    def begin() -> Response | None:
        request.environ["digits.began"] = time.monotonic()
        if settings.cors and request.method == "OPTIONS":
            return app.response_class(status=204, headers=PREFLIGHT)
        return None

    if settings.rate_limit:
        app.before_request(rate_limit(settings.rate_limit))

    @app.after_request
    def end(response: Response) -> Response:
        environ = request.environ
        given = environ.get("HTTP_X_REQUEST_ID", "")
        identity = given if IDENTITY.fullmatch(given) else secrets.token_hex(8)
        response.headers.extend(headers)
        response.headers["X-Request-ID"] = identity
        began = environ.get("digits.arrived") or environ["digits.began"]
        route = request.url_rule.rule if request.url_rule else "other"
        said = {"id": identity, "method": request.method, "path": journal.printable(request.path)}
        said |= {"status": response.status_code, "ms": round(1000 * (time.monotonic() - began), 2)}
        said["address"] = request.remote_addr
        journal.request(route, said)
        return response


def rate_limit(most: int) -> Callable[[], None]:
    """What lets an address send `most` requests to the API a minute, and raises TooManyRequests beyond."""
    from limits import RateLimitItemPerMinute, storage, strategies

    limiter, rate = strategies.MovingWindowRateLimiter(storage.MemoryStorage()), RateLimitItemPerMinute(most)

    def count() -> None:
        address = request.remote_addr or ""
        if request.path.startswith("/api") and not limiter.hit(rate, address):
            again = max(1, round(limiter.get_window_stats(rate, address).reset_time - time.time()))
            raise TooManyRequests(f"At most {most} requests a minute: send the next in {again} s.", retry_after=again)

    return count
