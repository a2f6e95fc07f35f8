"""The web page on which people draw digits, and the API behind it: `python app.py --help`."""

import contextlib
import hashlib
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch
from flask import Flask, Response, jsonify, request, send_from_directory
from PIL import Image, ImageDraw
from werkzeug.exceptions import HTTPException, MethodNotAllowed, TooManyRequests

import model
from digits import Later, UserError, device, picture
from digits.serving import middleware as manners, server
from digits.ladder import Rung, recorded
from digits.reader import Reader, Reading
from digits.settings import parse, setting
from digits.together import Together

STATUS = {  # of UserErrors; else 400
    "blank": 422,
    "crowded": 422,
    "format": 415,
    "pixels": 413,
    "large": 413,
    "batch": 413,
    "time": 413,
}
LADDER = Path(__file__).parent / "ladder"  # simpler networks, to compare with; each may be missing
FEW = 4  # pictures of a batch that are read among other requests; more are read beside them


@dataclass(frozen=True)
class Settings:
    """What the server can be told, by flag or in the environment."""

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0 lets other machines in")
    port: int = setting(5000, "0 takes any free one", 0)
    weights: str = setting("mnist.pth", "a state_dict of the network; SIGHUP loads it anew")
    workers: int = setting(min(4, os.cpu_count() or 1), "processes; on a GPU always one", 1, 64)
    device: str = setting("auto", "where to compute", choices=device.CHOICES)
    log_format: str = setting("text", "one line a request, for people or programs", choices=("text", "json"))
    cors: str = setting("", "ORIGIN whose pages may ask, https://example.org say; * for all", metavar="ORIGIN")
    rate_limit: int = setting(0, "requests a minute from one address, in each process; 0 for any number", 0)
    proxies: int = setting(0, "how many proxies stand in front; so many entries of X-Forwarded-For are believed", 0)
    max_body: int = setting(16 * 2**20, "bytes of a request's body", 1)
    max_pixels: int = setting(picture.MAX_PIXELS, "pixels of a picture, known before it is decoded", 1)
    max_decode: float = setting(5.0, "seconds that decoding a picture may take", 0.01)
    max_batch: int = setting(64, "pictures in one request", 1)
    max_wait: float = setting(0.8, "seconds that a request may wait for its turn before it is refused", 0.01)
    max_connections: int = setting(8000, "connections that a process keeps; the most idle are closed beyond", 1)
    read_timeout: float = setting(20.0, "seconds in which a request must have arrived", 0.1)
    keep_alive: float = setting(60.0, "seconds after which a silent connection is closed", 0.1)


def create_app(
    weights: str | os.PathLike = "mnist.pth",
    device_name: str = "cpu",
    settings: Settings | None = None,
    content: bytes | None = None,
) -> Flask:
    """The application, for any WSGI server: `/` is the page, `POST /api` reads a picture, `/docs` shows the rest.

    `content` is that of the file `weights`, where it was read before.
    Errors: UserError when the weights or the device cannot be had.
    """
    from flask_openapi3 import Info, OpenAPI  # once server.figures() has said where figures go

    from digits.serving import explain_routes as inside, monitoring as journal, request_parsing as sent

    settings = settings or Settings()
    where = device.pick(device_name)
    network = model.load(weights, where, content)
    about = Info(title="Digits", version="1.0.0", description="Reads handwritten digits in pictures.")
    app = OpenAPI(__name__, info=about, doc_ui=False)
    reader = Together(model.quick(network), where)
    with contextlib.suppress(UserError):  # the first reading takes 40 ms, so nobody waits for it
        reader.read(stroke())
    app.json.sort_keys = False  # an answer begins with its result
    app.extensions["journal"] = journal.Journal(fingerprint(network))
    app.extensions["together"] = reader.run
    manners.add(app, settings)
    reads(app, reader, settings)
    rungs = ladder(network, reader.model, Path(weights), where)
    inside.add(app, reader, lambda: look(reader, settings, sent.picture(settings.max_body)), rungs)
    tells(app, reader)
    refuses(app)
    return app


def fingerprint(network: torch.nn.Module) -> str:
    """A short name for these weights: the same numbers, the same name."""
    digest = hashlib.sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def ladder(network: torch.nn.Module, quick: torch.nn.Module, weights: Path, where: torch.device) -> list[Rung]:
    """`network` and, of other kinds, those in LADDER, from the fewest parameters on."""

    def rung(network: torch.nn.Module, quick: torch.nn.Module, path: Path) -> Rung:
        return Rung(model.name(network), model.parameters(network), recorded(path), network, quick)

    found = {path: model.load(path, where) for path in LADDER.glob("*.pth")}
    others = [rung(other, model.quick(other), path) for path, other in found.items()]
    served = rung(network, quick, weights)
    return sorted([served, *(r for r in others if r.name != served.name)], key=lambda r: r.parameters)


def look(reader: Reader, settings: Settings, content: bytes) -> Reading:
    """The reading of a picture in a request. Errors: UserError as of `picture.decode` and `Reader.read`; Later."""
    quick = request.environ.get("digits.inline", False)
    return reader.read(picture.decode(content, settings.max_pixels, settings.max_decode, quick))


def reads(app: Flask, reader: Reader, settings: Settings) -> None:
    """Pictures in, readings out."""
    from digits.serving import request_parsing as sent, schemas as openapi

    def reading(content: bytes) -> dict:
        found = look(reader, settings, content)
        app.extensions["journal"].reading(len(found.digits), found.certain)
        return found.as_dict()

    def reading_or_error(content: bytes | UserError) -> dict:
        try:
            if isinstance(content, UserError):
                raise content
            return reading(content)
        except UserError as error:
            return {"error": {"code": error.code, "message": str(error)}}

    @openapi.takes(app, "/api", openapi.READING, openapi.PictureRead, openapi.ONE)
    def read() -> Response:
        """Read one picture"""
        return jsonify(reading(sent.picture(settings.max_body)))

    @openapi.takes(app, "/api/batch", openapi.READING, openapi.PicturesRead, openapi.MANY)
    def read_many() -> Response:
        """Read some pictures; one that cannot be read spoils no other"""
        contents = sent.pictures(settings.max_body, settings.max_batch)
        if request.environ.get("digits.inline") and len(contents) > FEW:
            raise Later
        return jsonify(readings=[reading_or_error(content) for content in contents])


def tells(app: Flask, reader: Reader) -> None:
    """The page, the document of the API, and how the server is."""
    from digits.serving import schemas as openapi

    @app.get("/", doc_ui=False)
    def page() -> Response:
        return app.send_static_file("index.html")

    @app.get("/docs", doc_ui=False)
    def documentation() -> Response:
        return app.send_static_file("docs.html")

    def documentation_file(name: str) -> Response:
        import flask_openapi3_swagger

        return send_from_directory(Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger", name)

    app.add_url_rule("/docs/<path:name>", view_func=documentation_file)

    @app.get("/openapi.json", doc_ui=False)
    def document() -> Response:
        return jsonify(openapi.tidied(app.api_doc))

    @app.get("/healthz", tags=openapi.WATCHING, responses={200: openapi.Health} | openapi.refusals(503))
    def lives() -> Response:
        """Whether the process lives"""
        return jsonify(status="alive")

    @app.get("/readyz", tags=openapi.WATCHING, responses={200: openapi.Health} | openapi.refusals(503))
    def is_ready() -> Response:
        """Whether a digit can be read: one is"""
        if reader.read(stroke()).text != "1":
            raise RuntimeError("a stroke was not read as 1")
        return jsonify(status="ready")

    @app.get(
        "/metrics", tags=openapi.WATCHING, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    )
    def figures() -> Response:
        """Figures for Prometheus"""
        return Response(app.extensions["journal"].exposition(), mimetype="text/plain; version=0.0.4")


def stroke() -> Image.Image:
    """A 1 as anybody draws it."""
    image = Image.new("L", (28, 28), 255)
    ImageDraw.Draw(image).line((15, 4, 13, 23), 0, 3)
    return image


def refuses(app: Flask) -> None:
    """One form for every error, whoever raised it."""

    @app.errorhandler(UserError)
    def mendable(error: UserError) -> tuple[Response, int]:
        return refusal(error.code, str(error), STATUS.get(error.code, 400))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        sentence = {
            404: f"There is no {request.path} here: the page is /, pictures go to POST /api, /docs tells the rest.",
            405: f"{request.path} does not take {request.method}: see /docs.",
        }.get(error.code, error.description)
        answer, status = refusal(error.name.lower().replace(" ", "_"), sentence, error.code)
        if isinstance(error, MethodNotAllowed):
            answer.allow.update(error.valid_methods or ())
        if isinstance(error, TooManyRequests):
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer, status

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> tuple[Response, int]:
        app.logger.exception("A request failed.")
        answer, status = refusal("unavailable", "The server could not read this just now: try again.", 503)
        answer.headers["Retry-After"] = "2"
        return answer, status


def refusal(code: str, message: str, status: int) -> tuple[Response, int]:
    """The one form that every error has."""
    return jsonify(error={"code": code, "message": message}), status


def main(settings: Settings) -> None:
    """Start the server and stay until it is told to stop.

    Errors: UserError when weights or device are missing or the port is taken, before anything starts.
    """
    # Each worker loads its own network after the fork. What runs before must leave no CUDA context and
    # no thread pool of PyTorch's behind, or workers fail: CUDA is only asked for through NVML, and the
    # number of threads is set in the workers.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    where = device.pick(settings.device).type
    if where == "mps" and settings.device == "auto":
        where = "cpu"  # Apple's GPU does not survive a fork, and one digit is no faster on it
    if where == "cuda":
        settings = replace(settings, workers=1)  # it is shared best by batches

    def weights() -> bytes:
        path = Path(settings.weights)
        content = path.read_bytes() if path.is_file() else None
        model.load(path, content=content)  # a sentence if they cannot be had
        return content or b""

    def application(content: bytes) -> Flask:
        torch.set_num_threads(1)  # processes keep the cores busy; more threads would get in their way
        cv2.setNumThreads(1)
        return create_app(settings.weights, where, settings, content)

    with server.figures():
        weights()
        listener = server.listen(settings.host, settings.port)
        if settings.host in ("0.0.0.0", "::"):
            print("Every machine that reaches this one may now send pictures: see to a firewall.", file=sys.stderr)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        ready = f"Draw a digit on http://{host}:{listener.getsockname()[1]} (Ctrl-C stops)"
        server.serve(application, weights, settings, listener, ready)


def arguments(words: list[str] | None = None) -> Settings:
    return parse(Settings, "Serve the page and the API that read digits.", words)


if __name__ == "__main__":
    try:
        main(arguments())
    except UserError as error:
        sys.exit(f"app.py: {error}")
