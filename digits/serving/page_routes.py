"""Routes of the page, its files, and the documentation of the API."""

import hashlib
from pathlib import Path

import flask_openapi3_swagger
from flask import Flask, Response, jsonify, request, send_from_directory

from digits.recognition.results import CONFIDENCE_THRESHOLD
from digits.serving import schemas

SWAGGER = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
YEAR = 31_536_000  # s that a browser may keep a static file whose address has its version


def init_app(app: Flask) -> None:
    """Add the routes to `app`, with the files in its static folder."""
    static = Path(app.static_folder)
    version = static_version(static)
    # The address of a file has its version, so a browser keeps it for good.
    html = (static / "index.html").read_text().replace('="static/', f'="assets/{version}/')
    html = html.replace("{{ confidence_threshold }}", str(CONFIDENCE_THRESHOLD))

    @app.get("/", doc_ui=False)
    def page() -> Response:
        response = Response(html, mimetype="text/html", headers={"Cache-Control": "no-cache"})
        response.add_etag()
        return response.make_conditional(request)

    def asset(version_asked: str, name: str) -> Response:
        response = send_from_directory(static, name)
        if version_asked == version:
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        return response

    app.add_url_rule("/assets/<version_asked>/<path:name>", view_func=asset)

    @app.get("/docs", doc_ui=False)
    def documentation() -> Response:
        return app.send_static_file("docs.html")

    app.add_url_rule("/docs/<path:name>", "swagger", lambda name: send_from_directory(SWAGGER, name))

    @app.get("/openapi.json", doc_ui=False)
    def document() -> Response:
        return jsonify(schemas.describe_api(app.api_doc, request.script_root))


def static_version(folder: Path) -> str:
    """A short hash of all files in a folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()[:12]
