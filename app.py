"""The web page on which people draw digits, and the API behind it: `python app.py --help`."""

import asyncio
import functools
import hashlib
import os
import sys
import warnings
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import torch
from pydantic import Field

import digits
import model
from digits import UserError, files
from digits import device as devices
from digits.config import Settings, parse, program_name
from digits.device import DeviceName
from digits.errors import missing_package
from digits.explain.comparison import ComparedModel, recorded_accuracy
from digits.recognition import image_decoding
from digits.recognition.reader import Reader

try:
    from flask import Flask
    from flask.json.provider import DefaultJSONProvider
    from flask_openapi3 import Info, OpenAPI

    from digits.serving import (
        api_routes,
        error_handlers,
        explain_routes,
        json_bodies,
        listen_address,
        middleware,
        monitoring,
        page_routes,
        request_parsing,
        server,
    )
    from digits.serving.loaded_models import LoadedModels
    from digits.serving.reloading import ReloadingFiles
    from digits.serving.schemas import ErrorResponse
    from digits.serving.wsgi_adapter import WsgiToAsgi
except ModuleNotFoundError as error:
    # pip's command imports this module before `run` could catch the error; other importers get the error itself.
    if program_name() in ("app.py", "digits-serve") and (problem := missing_package(error)):
        sys.exit(f"{program_name()}: {problem}")
    raise

BASELINES = files.SHIPPED_FOLDER / "baselines"  # simpler networks, to compare with; each may be missing
# Reading a picture or strokes up to these limits takes a few milliseconds, up to 30 for a long number.
SHORT_REQUEST_MAX_BYTES = 64 * 1024
SHORT_REQUEST_MAX_PIXELS = 100_000
SHORT_DRAWING_MAX_STROKES = 6  # of three to six digits
LONG_ROUTES = ("/api/batch", "/api/picture", "/api/explain", "/api/compare")  # tens of milliseconds each


class ServerSettings(Settings):
    """Serve the page and the API that read digits."""

    host: str = Field(
        "127.0.0.1",
        description="address to listen on; 0.0.0.0 lets other machines connect, :: over IPv6, too; "
        "unix:PATH is a Unix domain socket",
    )
    port: int = Field(5000, ge=0, le=65_535, description="port to listen on; 0 takes any free one")
    weights: Path = Field(
        Path("mnist.pth"), description="weights of the network or of a simpler one; loaded again when the file changes"
    )
    line_weights: Path = Field(
        Path("line.pth"), description="weights of the line reader; loaded again when the file changes"
    )
    workers: int = Field(min(4, os.cpu_count() or 1), ge=1, le=64, description="processes; on a GPU always one")
    device: DeviceName = Field(
        "auto", description="where to compute; auto is the CPU, which reads one picture sooner than a GPU"
    )
    log_format: Literal["text", "json"] = Field("text", description="log lines for people or for programs")
    cors: str = Field(
        "", description="other origins whose pages may use the API, as https://a.org,https://b.org; * for all"
    )
    frame_ancestors: str = Field("", description="other origins whose pages may embed this one; * for all")
    proxies: int = Field(
        0, ge=0, description="trusted proxies in front: so many entries of X-Forwarded-For, -Proto and -Prefix are used"
    )
    tls_cert: str = Field("", description="PEM file of the certificate and its chain: serve https")
    tls_key: str = Field("", description="PEM file of its private key")
    max_body: int = Field(16 * 2**20, ge=1, description="bytes of a request's body")
    max_pixels: int = Field(
        image_decoding.MAX_PIXELS, ge=1, description="pixels of a picture, checked before it is decoded"
    )
    max_decode: float = Field(
        image_decoding.MAX_DECODE_SECONDS, ge=0.01, description="seconds of CPU time to decode a picture"
    )
    max_batch: int = Field(64, ge=1, description="pictures in one request")
    max_wait: float = Field(8.0, ge=0.01, description="seconds that a request may wait before it is answered with 503")
    max_connections: int = Field(8000, ge=1, description="connections of one process; more wait in the kernel")
    read_timeout: float = Field(
        20.0,
        ge=0.1,
        description="seconds in which the head, then the body must arrive; idle connections are closed after as many",
    )


class WeightsContents(NamedTuple):
    """The contents of the files `weights` and `line_weights` of the settings; None to read the file instead."""

    weights: bytes | None = None
    line_weights: bytes | None = None


def create_app(settings: ServerSettings | None = None, fallback: WeightsContents | None = None) -> Flask:
    """Create the WSGI application: the page, the reading API, explanations, health checks and metrics.

    fallback: earlier contents of the weights files, used where one of the files cannot be loaded now.
    Raises: UserError: when the weights or the device are not available, or a setting is invalid.
    """
    settings = settings or ServerSettings()
    app = OpenAPI(
        __name__,
        static_folder=files.SHIPPED_FOLDER / "static",
        info=Info(title="Digits", version=digits.__version__, description="Reads handwritten digits in pictures."),
        doc_ui=False,  # page_routes serves a documentation page without inline scripts
        security_schemes={},
        validation_error_status=400,
        validation_error_model=ErrorResponse,
        validation_error_callback=error_handlers.handle_validation_error,
    )
    assert isinstance(app.json, DefaultJSONProvider)
    app.json.sort_keys = False  # an answer begins with its result
    app.config.from_mapping({name.upper(): value for name, value in settings})
    monitoring.init_app(app)
    middleware.init_app(app)
    error_handlers.init_app(app)
    device, paths = select_device(settings), find_weights(settings)

    def load(*contents: bytes | None) -> LoadedModels:
        models = load_models(*paths, device, WeightsContents(*contents))
        app.extensions["metrics"].set_model_info(models.sha256)
        return models

    app.extensions["models"] = ReloadingFiles(paths, load, contents=fallback)
    app.register_api(api_routes.blueprint)
    app.register_api(explain_routes.blueprint)
    app.register_blueprint(page_routes.blueprint)
    return app


def find_weights(settings: ServerSettings) -> tuple[Path, Path]:
    """Find the files `weights` and `line_weights` of the settings."""
    return files.find_shipped(settings.weights), files.find_shipped(settings.line_weights)


def load_models(weights: Path, line_weights: Path, device: torch.device, contents: WeightsContents) -> LoadedModels:
    """Load the networks of `weights` and `line_weights`, or of `contents`, and the simpler networks of BASELINES.

    Raises: UserError: when the weights cannot be loaded, or do not give probabilities.
    """
    served = load_compared_model(weights, device, contents.weights)
    line_network = model.load_line_reader(line_weights, device, contents.line_weights)
    reader = Reader(model.for_inference(served.network), device, line_network)
    if not 0 <= reader.read(api_routes.readiness_image()).probability <= 1:
        raise UserError(
            f"{weights} yields values that are not probabilities: train it again with `python train.py`.", "weights"
        )
    baselines = [load_compared_model(path, device) for path in BASELINES.glob("*.pth")]
    compared = [served, *(baseline for baseline in baselines if baseline.name != served.name)]
    digest = hashlib.sha256()
    for tensor in served.network.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return LoadedModels(reader, served, sorted(compared, key=lambda one: one.parameter_count), digest.hexdigest()[:12])


def load_compared_model(path: Path, device: torch.device, content: bytes | None = None) -> ComparedModel:
    """Load a network with its name, size and recorded accuracy.

    Raises: UserError: as `model.load` does.
    """
    network = model.load(path, device, content)
    return ComparedModel(model.model_name(network), model.count_parameters(network), recorded_accuracy(path), network)


def select_device(settings: ServerSettings) -> torch.device:
    """Select the device to compute on; "auto" is the CPU even where there is a GPU: requests carry one small picture.

    Measured with 16 clients on a machine with an H200 and 16 cores (torch 2.11): one process on the GPU reads 490
    pictures a second, one on the CPU 640, eight on the CPU 2,340.
    Raises: UserError: when the named device is not available.
    """
    return devices.select("cpu" if settings.device == "auto" else settings.device)


def create_asgi_app(settings: ServerSettings | None = None, fallback: WeightsContents | None = None) -> WsgiToAsgi:
    """Create the application for a worker process of any ASGI server.

    Raises: UserError: as `create_app` does.
    """
    settings = settings or ServerSettings()
    torch.set_num_threads(1)  # worker processes keep the cores busy; more threads would compete with them
    cv2.setNumThreads(1)
    warnings.filterwarnings("ignore", module="PIL")  # about pictures of clients, who get an answer
    app = create_app(settings, fallback)
    return WsgiToAsgi(
        app,
        max_body=settings.max_body,
        read_timeout=settings.read_timeout,
        max_wait=settings.max_wait,
        is_short=is_short_request,
        on_queue_change=app.extensions["metrics"].queued.set,
    )


def is_short_request(path: str, body: bytes) -> bool:
    """Estimate whether a POST takes a few milliseconds at most, so that it may run on the event loop."""
    if len(body) > SHORT_REQUEST_MAX_BYTES or path.endswith(LONG_ROUTES):
        return False
    if json_bodies.is_drawing(body):
        return json_bodies.count_strokes(body) <= SHORT_DRAWING_MAX_STROKES
    return request_parsing.peek_pixels(body) <= SHORT_REQUEST_MAX_PIXELS  # takes 0.04 ms


def main(settings: ServerSettings) -> None:
    """Start the server and serve until it is stopped.

    Raises: UserError: before anything starts, when weights or device are missing, the port is taken, or a setting is
    invalid.
    """
    # Workers are forked, so the parent may not hold a CUDA context or a thread pool of PyTorch's: CUDA is only
    # queried through NVML, and the number of threads is set in the workers.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    if select_device(settings).type != "cpu":
        settings = settings.model_copy(update={"workers": 1})  # each would hold its own copy on the GPU
    contents = read_weights(*find_weights(settings))
    port = asyncio.run(listen_address.reserve_address(settings.host, settings.port))
    server.check_certificate(settings.tls_cert, settings.tls_key)
    middleware.parse_origins(settings.cors, "--cors")
    middleware.parse_origins(settings.frame_ancestors, "--frame-ancestors")
    make_app = functools.partial(create_asgi_app, settings, contents)
    options = server.ServerOptions(
        settings.host,
        port,
        settings.workers,
        settings.max_connections,
        settings.read_timeout,
        settings.tls_cert,
        settings.tls_key,
    )
    with monitoring.shared_metrics_folder():
        if listen_address.parse_host(settings.host)[0] in ("0.0.0.0", "::"):
            print("Every machine that reaches this one may now send pictures: see to a firewall.", file=sys.stderr)
        server.serve(make_app, options, monitoring.logging_config(settings.log_format))


def read_weights(weights: Path, line_weights: Path) -> WeightsContents:
    """Read the weights files once, so that workers fall back to the contents that were checked here.

    Raises: UserError: as `model.load` does.
    """
    contents = WeightsContents(read_content(weights), read_content(line_weights))
    model.load(weights, content=contents.weights)
    model.load_line_reader(line_weights, content=contents.line_weights)
    return contents


def read_content(path: Path) -> bytes | None:
    """Read a file; None where it cannot be read: `model.load` raises an error that tells what to do."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def run() -> None:
    """Run the program with the settings of its command line: `python app.py` and digits-serve."""
    try:
        main(parse(ServerSettings))
    except UserError as error:
        sys.exit(f"{program_name()}: {error}")


if __name__ == "__main__":
    run()
