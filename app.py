"""The web page on which people draw digits, and the API behind it: `python app.py --help`."""

import argparse
import base64
import binascii
import errno
import json
import os
import socket
import sys
from pathlib import Path

import cv2
import torch
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

import model
from digits import UserError, device, picture
from digits.reader import Reader

MAX_BODY = 16 * 1024 * 1024  # bytes; base64 of a 12 MB photo
DRAINED = 64 * 1024 * 1024  # bytes; so much of a larger body is read and dropped before it is refused
THREADS = 8  # a worker's: enough that one slow upload does not hold up the others
RETRY_AFTER = 2  # seconds that a client should wait after a 503
STATUS = {
    "blank": 422,
    "crowded": 422,
    "format": 415,
    "pixels": 413,
    "large": 413,
}  # UserErrors; else 400


def create_app(weights: str | os.PathLike = "mnist.pth", device_name: str = "cpu") -> Flask:
    """The application, for any WSGI server: `/` is the page, `POST /api` reads a picture.

    Errors: UserError when the weights or the device cannot be had.
    """
    app = Flask(__name__)
    app.json.sort_keys = False  # an answer begins with its result
    where = device.pick(device_name)
    reader = Reader(model.load(weights, where), where)

    @app.get("/")
    def page() -> Response:
        return app.send_static_file("index.html")

    @app.post("/api")
    def read() -> Response:
        return jsonify(reader.read(picture.decode(sent_picture())).as_dict())

    @app.errorhandler(UserError)
    def mendable(error: UserError) -> tuple[Response, int]:
        return refusal(error.code, str(error), STATUS.get(error.code, 400))

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        sentence = {
            404: f"There is no {request.path} here: the page is /, pictures go to POST /api.",
            405: f"{request.path} does not take {request.method}: send POST /api a JSON object.",
        }.get(error.code, error.description)
        answer, status = refusal(error.name.lower().replace(" ", "_"), sentence, error.code)
        if isinstance(error, MethodNotAllowed):
            answer.allow.update(error.valid_methods or ())
        return answer, status

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> tuple[Response, int]:
        app.logger.exception("a request failed")
        answer, status = refusal("unavailable", "The server could not read this just now: try again.", 503)
        answer.headers["Retry-After"] = RETRY_AFTER
        return answer, status

    return app


def refusal(code: str, message: str, status: int) -> tuple[Response, int]:
    """The one form that every error has."""
    return jsonify(error={"code": code, "message": message}), status


def sent_picture() -> bytes:
    """The bytes of the picture in the request's {"image": "<base64 or data: URL>"}.

    Errors: UserError that says what the request lacks.
    """
    try:
        body = json.loads(sent_body())  # whatever the Content-Type says
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise UserError('Send a JSON object: {"image": "<base64 of a picture>"}.', "json")
    if "image" not in body:
        raise UserError('The JSON object has no "image": put the base64 of a picture there.', "image")
    image = body["image"]
    if not isinstance(image, str) or not image:
        raise UserError('"image" must be a text: the base64 of a picture, or a data: URL of one.', "image")
    image = image.strip()
    if image[:5].lower() == "data:":  # without a comma, nothing of it is base64
        image = image.partition(",")[2] or "?"
    try:
        return base64.b64decode("".join(image.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UserError('"image" is not base64: encode the bytes of the picture file.', "base64") from None


def sent_body() -> bytes:
    """The body of the request, read to its end even where it is too large: a client that is still
    sending does not hear an answer, it only sees that the line is cut.

    Errors: UserError with code "large" or "body".
    """
    parts, size = [], 0
    try:
        while size <= DRAINED and (part := request.stream.read(65_536)):
            size += len(part)
            if size <= MAX_BODY:
                parts.append(part)
    except Exception:  # each server has its own kinds for a body that breaks off or makes no sense
        raise UserError("The body did not arrive whole: send it again.", "body") from None
    if size > MAX_BODY:
        raise UserError(f"The body is over {MAX_BODY // 1024**2} MB: send a smaller picture.", "large")
    return b"".join(parts)


def main(args: argparse.Namespace) -> None:
    """Start the server and stay until it is told to stop.

    Errors: UserError when weights or device are missing or the port is taken, before anything starts.
    """
    # Each worker loads its own network after the fork. What runs before must leave no CUDA context and
    # no thread pool of PyTorch's behind, or workers fail: CUDA is only asked for through NVML, and the
    # number of threads is set in the workers.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    create_app(args.weights, "cpu")
    where = device.pick(args.device).type
    if where == "mps" and args.device == "auto":
        where = "cpu"  # Apple's GPU does not survive a fork, and one digit is no faster on it
    listener = listen(args.host, args.port)
    address = f"http://{args.host}:{listener.getsockname()[1]}"
    serve(lambda: create_app(args.weights, where), listener, args.workers, address)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Errors: UserError that says which of host and port to change."""
    try:
        return socket.create_server((host, port), backlog=2048)
    except (OSError, OverflowError) as error:
        if isinstance(error, OverflowError) or error.errno == errno.EADDRINUSE:
            advice = "choose another port, say --port 5001"
        elif error.errno == errno.EACCES:
            advice = "ports below 1024 are for the administrator, choose one above with --port"
        else:
            advice = "name an address of this machine with --host, 127.0.0.1 say"
        reason = os.strerror(error.errno) if getattr(error, "errno", None) in errno.errorcode else error
        raise UserError(f"Nothing can be served on {host} port {port} ({reason}): {advice}.") from None


def serve(application, listener: socket.socket, workers: int, address: str) -> None:
    """Run gunicorn on a bound socket: processes for the cores, threads for slow clients."""
    try:
        from gunicorn.app.base import BaseApplication
    except ImportError:
        raise UserError("app.py needs gunicorn, which runs on Linux and macOS: pip install gunicorn.") from None

    class Server(BaseApplication):
        def load_config(self):
            options = {
                "graceful_timeout": 5,  # s after SIGTERM that a client has to finish; one that stalls holds up no stop
                "bind": f"fd://{listener.fileno()}",
                "workers": workers,
                "worker_class": "gthread",
                "threads": THREADS,
                "loglevel": "warning",
                "when_ready": lambda _: print(f"Draw a digit on {address} (Ctrl-C stops)", flush=True),
            }
            if "control_socket_disable" in self.cfg.settings:  # since gunicorn 25.1; nobody here asked for one
                options["control_socket_disable"] = True
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self):
            torch.set_num_threads(1)  # workers and their threads keep the cores busy; more would get in their way
            cv2.setNumThreads(1)
            return application()

    Server().run()


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Serve the page and the API that read digits.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets other machines in")
    parser.add_argument("--port", type=int, default=5000, help="0 takes any free one")
    parser.add_argument("--weights", type=Path, default=Path("mnist.pth"), help="a state_dict of the network")
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    parser.add_argument("--device", choices=device.CHOICES, default="auto", help="where to compute")
    args = parser.parse_args(words)
    if args.workers < 1:
        parser.error(f"--workers is {args.workers}; it must be at least 1")
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except UserError as error:
        sys.exit(f"app.py: {error}")
