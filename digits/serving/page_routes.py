"""Routes of the page, its files, and the documentation of the API."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import flask_openapi3_swagger
from flask import Blueprint, Response, current_app, jsonify, request, send_from_directory
from flask.blueprints import BlueprintSetupState
from flask_openapi3 import OpenAPI

from digits.recognition.results import CONFIDENCE_THRESHOLD

SWAGGER = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
MAX_AGE = 31_536_000  # s, a year: a browser may keep a file whose address has its version

blueprint = Blueprint("page", __name__)


@dataclass(frozen=True)
class Page:
    """The page as it is sent, and the version of the static files that it loads."""

    html: str
    version: str


@blueprint.record
def load_page(state: BlueprintSetupState) -> None:
    """Read the page once per application; its files get addresses with their version, so that browsers keep them."""
    assert state.app.static_folder
    static = Path(state.app.static_folder)
    version = static_version(static)
    html = (static / "index.html").read_text().replace('="static/', f'="assets/{version}/')
    html = html.replace("{{ confidence_threshold }}", str(CONFIDENCE_THRESHOLD))
    state.app.extensions["page"] = Page(html, version)


@blueprint.get("/")
def page() -> Response:
    html = current_app.extensions["page"].html
    response = Response(html, mimetype="text/html", headers={"Cache-Control": "no-cache"})
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/assets/<version>/<path:name>")
def asset(version: str, name: str) -> Response:
    """Serve a file of the static folder; browsers cache it if its version is current."""
    response = current_app.send_static_file(name)
    if version == current_app.extensions["page"].version:
        response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}, immutable"
    return response


@blueprint.get("/docs")
def documentation() -> Response:
    return current_app.send_static_file("docs.html")


@blueprint.get("/docs/<path:name>")
def swagger(name: str) -> Response:
    return send_from_directory(SWAGGER, name)


@blueprint.get("/openapi.json")
def openapi_document() -> Response:
    """The OpenAPI document. Its server URL is added here: only a request has the path prefix of the proxy."""
    assert isinstance(current_app, OpenAPI), "app.py makes one"
    return jsonify(current_app.api_doc | {"servers": [{"url": request.script_root or "/"}]})


def static_version(folder: Path) -> str:
    """Hash the names and contents of all files in a folder: 12 hexadecimal digits of their SHA-256."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()[:12]
