"""The web page on which people draw digits, and the API behind it: `python app.py --help`."""

import asyncio
import contextlib
import functools
import hashlib
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import torch
from flask import Flask
from flask_openapi3 import Info, OpenAPI
from pydantic import Field

import model
from digits import UserError, device, files
from digits.config import Settings, parse
from digits.device import DeviceName
from digits.explain.comparison import ComparedModel, recorded_accuracy
from digits.recognition import decoding
from digits.recognition.reader import Reader
from digits.serving import api_routes, error_handlers, explain_routes, page_routes, request_parsing, server
from digits.serving.api_routes import readiness_image
from digits.serving.asgi import WsgiToAsgi
from digits.serving.reloading import ReloadingFile

BASELINES = Path(__file__).parent / "baselines"  # simpler networks, to compare with; each may be missing
# Reading pictures up to these limits takes a few milliseconds.
INLINE_MAX_BYTES = 64 * 1024
INLINE_MAX_PIXELS = 1_000_000
LONG_ROUTES = ("/api/batch", "/api/explain", "/api/compare")  # tens of milliseconds each


class ServerSettings(Settings):
    """Serve the page and the API that read digits."""

    host: str = Field(
        "127.0.0.1", description="address to listen on; 0.0.0.0 or :: lets other machines in; or unix:PATH"
    )
    port: int = Field(5000, ge=0, le=65_535, description="0 takes any free one")
    weights: Path = Field(
        Path("mnist.pth"), description="a state_dict of the network; loaded again when the file changes"
    )
    workers: int = Field(min(4, os.cpu_count() or 1), ge=1, le=64, description="processes; on a GPU always one")
    device: DeviceName = Field(
        "auto", description="where to compute; auto is the CPU, which reads a picture sooner than a GPU"
    )
    log_format: Literal["text", "json"] = Field("text", description="log lines for people or for programs")
    cors: str = Field("", description="origins whose pages may ask, as https://a.org,https://b.org; * for all")
    frame_ancestors: str = Field("", description="origins whose pages may embed this one; * for all")
    proxies: int = Field(0, ge=0, description="trusted proxies in front: so many entries of X-Forwarded-For are used")
    tls_cert: str = Field("", description="PEM file of a certificate: serve https")
    tls_key: str = Field("", description="PEM file of its key")
    max_body: int = Field(16 * 2**20, ge=1, description="bytes of a request's body")
    max_pixels: int = Field(decoding.MAX_PIXELS, ge=1, description="pixels of a picture, known before it is decoded")
    max_decode: float = Field(5.0, ge=0.01, description="seconds that decoding a picture may take")
    max_batch: int = Field(64, ge=1, description="pictures in one request")
    max_wait: float = Field(8.0, ge=0.01, description="seconds that a request may wait before it is refused")
    max_connections: int = Field(8000, ge=1, description="connections that a process takes; more wait")
    read_timeout: float = Field(
        20.0, ge=0.1, description="seconds in which a request must arrive; idle connections are closed, too"
    )


@dataclass(frozen=True)
class LoadedModels:
    """The network that reads, and others to compare it with."""

    reader: Reader
    served: ComparedModel
    compared: list[ComparedModel]  # `served` among them, from the fewest parameters on
    sha256: str  # the first digits of a hash of the weights


def load_models(weights: Path, where: torch.device, content: bytes | None = None) -> LoadedModels:
    """Load the network of `weights`, or of the `content` that the file had, and the simpler ones in BASELINES.

    Raises: UserError when the weights cannot be loaded or do not read.
    """

    def rung(path: Path, content: bytes | None = None) -> ComparedModel:
        network = model.load(path, where, content)
        return ComparedModel(
            model.model_name(network),
            model.count_parameters(network),
            recorded_accuracy(path),
            network,
        )

    served = rung(weights, content)
    reader = Reader(served.network, where)
    if not 0 <= reader.read(readiness_image()).probability <= 1:  # also warms up: the first reading takes 40 ms
        raise UserError(
            f"{weights} yields values that are not probabilities: train it again with `python train.py`.", "weights"
        )
    others = [other for other in map(rung, BASELINES.glob("*.pth")) if other.name != served.name]
    digest = hashlib.sha256()
    for tensor in served.network.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    compared = sorted([served, *others], key=lambda one: one.parameter_count)
    return LoadedModels(reader, served, compared, digest.hexdigest()[:12])


def create_app(settings: ServerSettings | None = None, weights: bytes | None = None) -> Flask:
    """The application, for any WSGI server: `/` is the page, `POST /api` reads a picture, `/docs` shows the rest.

    weights: what the file of the weights held, for where it cannot be loaded now.
    Raises: UserError when the weights or the device cannot be had, or a setting makes no sense.
    """
    from digits.serving import middleware, monitoring  # once server.metrics_folder() was entered

    settings = settings or ServerSettings()
    where, path = select_device(settings), files.find_shipped(settings.weights)
    about = Info(title="Digits", version="1.0.0", description="Reads handwritten digits in pictures.")
    app = OpenAPI(__name__, info=about, doc_ui=False)
    app.json.sort_keys = False  # an answer begins with its result
    app.config["SETTINGS"] = settings
    app.extensions["metrics"] = metrics = monitoring.Metrics()

    def load(content: bytes | None = None) -> LoadedModels:
        found = load_models(path, where, content)
        metrics.set_model_info(found.sha256)
        return found

    current = ReloadingFile(path, load, content=weights).get
    middleware.init_app(app, settings)
    api_routes.init_app(app, current)
    explain_routes.init_app(app, current)
    page_routes.init_app(app)
    error_handlers.init_app(app)
    return app


def select_device(settings: ServerSettings) -> torch.device:
    """Where to compute; "auto" is the CPU even where there is a GPU, as requests come with one small picture each.

    Measured with 16 clients on a machine with an H200 and 16 cores (torch 2.11): one process on the GPU reads 490
    pictures a second, one on the CPU 640, eight on the CPU 2,340.
    Raises: UserError when the named device is not there.
    """
    return device.select("cpu" if settings.device == "auto" else settings.device)


def create_asgi_app(settings: ServerSettings | None = None, weights: bytes | None = None) -> WsgiToAsgi:
    """The application for a worker process of any ASGI server. Raises: UserError as of `create_app`."""
    settings = settings or ServerSettings()
    torch.set_num_threads(1)  # processes keep the cores busy; more threads would get in their way
    cv2.setNumThreads(1)
    warnings.filterwarnings("ignore", module="PIL")  # about pictures of clients, who are answered
    app = create_app(settings, weights)
    return WsgiToAsgi(
        app,
        max_body=settings.max_body,
        read_timeout=settings.read_timeout,
        max_wait=settings.max_wait,
        is_fast=is_fast,
        on_waiting=app.extensions["metrics"].queue.set,
    )


def is_fast(path: str, body: bytes) -> bool:
    """Whether a POST takes no longer than some milliseconds, as a rule, so that others can wait for it."""
    if len(body) > INLINE_MAX_BYTES or path.endswith(LONG_ROUTES):
        return False
    return request_parsing.peek_pixels(body) <= INLINE_MAX_PIXELS  # takes 0.04 ms


def main(settings: ServerSettings) -> None:
    """Start the server and stay until it is told to stop.

    Raises: UserError when weights or device are missing or the port is taken, before anything starts.
    """
    # Workers are forked, so nothing before may leave a CUDA context or a thread pool of PyTorch's behind: CUDA is only
    # asked for through NVML, and the number of threads is set in the workers.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    if select_device(settings).type != "cpu":
        settings = settings.model_copy(update={"workers": 1})  # more would only hold more of its memory
    path = files.find_shipped(settings.weights)
    model.load(path)
    weights = path.read_bytes()
    address, socket_path = server.parse_host(settings.host)
    server.check_certificate(settings.tls_cert, settings.tls_key)
    port = asyncio.run(remove_stale_socket(socket_path) if socket_path else find_port(address, settings.port))
    with server.metrics_folder():
        from digits.serving import middleware, monitoring

        middleware.parse_origins(settings.cors, "--cors")
        middleware.parse_origins(settings.frame_ancestors, "--frame-ancestors")
        if address in ("0.0.0.0", "::"):
            print("Every machine that reaches this one may now send pictures: see to a firewall.", file=sys.stderr)
        config = monitoring.logging_config(settings.log_format)
        server.serve(functools.partial(create_asgi_app, settings, weights), settings, port, config)


async def find_port(address: str, port: int) -> int:
    """`port`, or one that is free for 0. granian itself would share a port with a server that has it already.

    Raises: UserError when the address cannot be bound.
    """
    for one in ("0.0.0.0", address) if address == "::" else (address,):  # asyncio takes :: as IPv6 alone
        try:
            probe = await asyncio.start_server(lambda *_: None, one, port)
        except OSError as error:
            raise server.binding_error(f"{address} port {port}", error) from None
        async with probe:
            port = probe.sockets[0].getsockname()[1]
    return port


async def remove_stale_socket(path: Path) -> None:
    """Remove the Unix socket at `path` that a killed server left.

    Raises: UserError when a server listens there, or something else is there.
    """
    try:
        if not path.exists():
            return
        with contextlib.suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
            raise UserError(f"Another server listens on {path}: end it, or name another file with --host unix:PATH.")
        if not path.is_socket():
            raise UserError(f"{path} is there already and no socket: name another file with --host unix:PATH.")
        path.unlink()
    except OSError as error:
        raise server.binding_error(f"unix:{path}", error) from None


def parse_args(argv: list[str] | None = None) -> ServerSettings:
    return parse(ServerSettings, argv)


if __name__ == "__main__":
    try:
        main(parse_args())
    except UserError as error:
        sys.exit(f"app.py: {error}")
