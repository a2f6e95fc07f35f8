"""Turns errors into responses: one JSON form for all, and a page for a person who opened a wrong address."""

from pathlib import Path

from flask import Flask, Response, jsonify, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from digits import UserError

STATUS = {  # of UserErrors, by their code; else 400
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
RETRY_AFTER = 2  # s, in every 503; by then a queue of --max-wait has become shorter by a quarter


def init_app(app: Flask) -> None:
    """Add the handlers to `app`."""
    not_found = (Path(app.static_folder) / "not_found.html").read_text()

    @app.errorhandler(UserError)
    def handle_user_error(error: UserError) -> Response:
        return error_response(error.code, str(error), STATUS.get(error.code, 400))

    @app.errorhandler(404)
    def handle_not_found(error: HTTPException) -> Response:
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
            html = not_found.replace('="/', f'="{escape(request.script_root)}/')
            response = Response(html, 404, mimetype="text/html")
        else:
            hint = "the page is /, pictures go to POST /api, /docs tells the rest"
            response = error_response("not_found", f"There is no {request.path} here: {hint}.", 404)
        response.vary.add("Accept")
        return response

    @app.errorhandler(MethodNotAllowed)
    def handle_method_not_allowed(error: MethodNotAllowed) -> Response:
        hint = f"{request.path} does not take {request.method}: see /docs."
        response = error_response("method_not_allowed", hint, 405)
        response.allow.update(error.valid_methods or ())
        return response

    @app.errorhandler(HTTPException)
    def handle_http_exception(error: HTTPException) -> Response:
        return error_response(error.name.lower().replace(" ", "_"), error.description, error.code)

    @app.errorhandler(Exception)
    def handle_bug(error: Exception) -> Response:
        app.logger.exception("A request failed.")
        return error_response("unavailable", "The server could not read this just now: try again.", 503)


def error_response(code: str, message: str, status: int) -> Response:
    """The form that every error has: `code` is a word for programs, `message` says what to do."""
    response = jsonify(error={"code": code, "message": message})
    response.status_code = status
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
