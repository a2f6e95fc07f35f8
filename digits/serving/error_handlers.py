"""Turns errors into responses: JSON in one form, and a page for a person who opened an unknown address."""

from pathlib import Path

from flask import Flask, Response, current_app, jsonify, request
from markupsafe import escape
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from digits import UserError
from digits.serving.schemas import ErrorResponse

# HTTP status of a UserError by its code; all other codes get 400.
STATUS_CODES = {
    "slow": 408,
    "pixels": 413,
    "large": 413,
    "batch": 413,
    "time": 413,
    "format": 415,
    "encoding": 415,
    "blank": 422,
    "crowded": 422,
    "busy": 503,
}
RETRY_AFTER = 2  # s, in every 503; meanwhile a queue of --max-wait becomes shorter by a quarter


def init_app(app: Flask) -> None:
    """Register the handlers with `app`."""
    app.register_error_handler(UserError, handle_user_error)
    app.register_error_handler(NotFound, handle_not_found)
    app.register_error_handler(MethodNotAllowed, handle_method_not_allowed)
    app.register_error_handler(HTTPException, handle_http_exception)
    app.register_error_handler(Exception, handle_bug)


def handle_user_error(error: UserError) -> Response:
    return error_response(error.code, str(error), STATUS_CODES.get(error.code, 400))


def handle_validation_error(error: ValidationError) -> Response:
    """Answer a request whose parameters do not match their schema (`validation_error_callback` of flask-openapi3)."""
    first = error.errors(include_url=False)[0]
    return error_response(str(first["loc"][0]), first["msg"], 400)


def handle_not_found(_error: NotFound) -> Response:
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        assert current_app.static_folder
        html = Path(current_app.static_folder, "not_found.html").read_text()
        html = html.replace('="/', f'="{escape(request.script_root)}/')
        response = Response(html, 404, mimetype="text/html")
    else:
        hint = "the page is /, pictures go to POST /api, /docs lists all routes"
        response = error_response("not_found", f"There is no {request.path} here: {hint}.", 404)
    response.vary.add("Accept")
    return response


def handle_method_not_allowed(error: MethodNotAllowed) -> Response:
    hint = f"{request.path} does not take {request.method}: see /docs."
    response = error_response("method_not_allowed", hint, 405)
    response.allow.update(error.valid_methods or ())
    return response


def handle_http_exception(error: HTTPException) -> Response:
    assert error.code  # only the base class, which nothing raises, has none
    return error_response(error.name.lower().replace(" ", "_"), error.description or error.name, error.code)


def handle_bug(_error: Exception) -> Response:
    """Log an unexpected error with its traceback, and answer with 503: the client may try again."""
    current_app.logger.exception("A request failed.")
    return error_response("unavailable", "The server could not read this just now: try again.", 503)


def error_response(code: str, message: str, status: int) -> Response:
    """Make the response of an error. `code` is a word for programs, `message` tells the user what to do."""
    response = jsonify(ErrorResponse.from_user_error(UserError(message, code)).model_dump())
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
