"""The web page on which people draw digits, and the API behind it: `python app.py --help`."""

import asyncio
import contextlib
import functools
import hashlib
import os
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch
from flask import Flask
from flask_openapi3 import Info, OpenAPI

import model
from digits import UserError, device
from digits.config import parse, setting
from digits.explain.comparison import ComparedModel, recorded_accuracy
from digits.recognition import decoding
from digits.recognition.reader import Reader
from digits.serving import api_routes, error_handlers, explain_routes, page_routes, request_parsing, server
from digits.serving.api_routes import readiness_image
from digits.serving.asgi import WsgiToAsgi
from digits.serving.reloading import ReloadingFile

ROOT = Path(__file__).parent
LADDER = ROOT / "baselines"  # simpler networks, to compare with; each may be missing
FAST_MAX_BYTES, FAST_MAX_PIXELS = 64 * 1024, 1_000_000  # bytes and pixels; up to these reading takes some milliseconds
SLOW_ROUTES = ("/api/batch", "/api/explain", "/api/compare")  # tens of milliseconds each


@dataclass(frozen=True)
class Settings:
    """The settings of the server, as flags and environment variables."""

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0 or :: lets other machines in; or unix:PATH")
    port: int = setting(5000, "0 takes any free one", 0, 65_535)
    weights: str = setting("mnist.pth", "a state_dict of the network; loaded again when the file changes")
    workers: int = setting(min(4, os.cpu_count() or 1), "processes; on a GPU always one", 1, 64)
    device: str = setting(
        "auto",
        "where to compute; auto is the CPU, on which a picture is read sooner than on a GPU",
        choices=device.CHOICES,
    )
    log_format: str = setting("text", "log lines for people or for programs", choices=("text", "json"))
    cors: str = setting("", "origins whose pages may ask, as https://a.org,https://b.org; * for all", metavar="ORIGINS")
    frame_ancestors: str = setting("", "origins whose pages may embed this one; * for all", metavar="ORIGINS")
    proxies: int = setting(0, "how many proxies stand in front; so many entries of X-Forwarded-For are believed", 0)
    tls_cert: str = setting("", "PEM file of a certificate: serve https", metavar="FILE")
    tls_key: str = setting("", "PEM file of its key", metavar="FILE")
    max_body: int = setting(16 * 2**20, "bytes of a request's body", 1)
    max_pixels: int = setting(decoding.MAX_PIXELS, "pixels of a picture, known before it is decoded", 1)
    max_decode: float = setting(5.0, "seconds that decoding a picture may take", 0.01)
    max_batch: int = setting(64, "pictures in one request", 1)
    max_wait: float = setting(8.0, "seconds that a request may wait for its turn before it is refused", 0.01)
    max_connections: int = setting(8000, "connections that a process takes; more wait", 1)
    read_timeout: float = setting(20.0, "seconds in which a request must arrive; idle connections are closed, too", 0.1)


@dataclass(frozen=True)
class Networks:
    """The network that reads, and others to compare it with."""

    reader: Reader
    served: ComparedModel
    rungs: list[ComparedModel]  # `served` among them, from the fewest parameters on
    sha256: str  # the first digits of a hash of the weights


def load_networks(weights: Path, where: torch.device, content: bytes | None = None) -> Networks:
    """Load the network of `weights`, or of the `content` that the file had, and the simpler ones in LADDER.

    Raises: UserError when the weights cannot be loaded or do not read.
    """

    def rung(path: Path, content: bytes | None = None) -> ComparedModel:
        network = model.load(path, where, content)
        return ComparedModel(
            model.model_name(network),
            model.count_parameters(network),
            recorded_accuracy(path),
            network,
            model.quick(network),
        )

    served = rung(weights, content)
    reader = Reader(served.quick, where)
    if not 0 <= reader.read(readiness_image()).probability <= 1:  # also warms up: the first reading takes 40 ms
        raise UserError(
            f"{weights} yields values that are not probabilities: train it again with `python train.py`.", "weights"
        )
    others = [other for other in map(rung, LADDER.glob("*.pth")) if other.name != served.name]
    digest = hashlib.sha256()
    for tensor in served.network.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    rungs = sorted([served, *others], key=lambda one: one.parameters)
    return Networks(reader, served, rungs, digest.hexdigest()[:12])


def create_app(settings: Settings | None = None, weights: bytes | None = None) -> Flask:
    """The application, for any WSGI server: `/` is the page, `POST /api` reads a picture, `/docs` shows the rest.

    weights: what the file of the weights held, for where it cannot be loaded now.
    Raises: UserError when the weights or the device cannot be had, or a setting makes no sense.
    """
    from digits.serving import middleware, monitoring  # once server.metrics_folder() was entered

    settings = settings or Settings()
    where = pick_device(settings)
    about = Info(title="Digits", version="1.0.0", description="Reads handwritten digits in pictures.")
    app = OpenAPI(__name__, info=about, doc_ui=False)
    app.json.sort_keys = False  # an answer begins with its result
    app.config["SETTINGS"] = settings
    app.extensions["metrics"] = metrics = monitoring.Metrics()

    def load(content: bytes | None = None) -> Networks:
        found = load_networks(Path(settings.weights), where, content)
        metrics.set_model_info(found.sha256)
        return found

    current = ReloadingFile(Path(settings.weights), load, content=weights).get
    middleware.init_app(app, settings)
    api_routes.init_app(app, current)
    explain_routes.init_app(app, current)
    page_routes.init_app(app)
    error_handlers.init_app(app)
    return app


def pick_device(settings: Settings) -> torch.device:
    """Where to compute; "auto" is the CPU even where there is a GPU, as requests come with one small picture each.

    Measured with 16 clients on a machine with an H200 and 16 cores (torch 2.11): one process on the GPU reads 490
    pictures a second, one on the CPU 640, eight on the CPU 2,340.
    Raises: UserError when the named device is not there.
    """
    return device.select("cpu" if settings.device == "auto" else settings.device)


def create_asgi_app(settings: Settings | None = None, weights: bytes | None = None) -> WsgiToAsgi:
    """The application for a worker process of any ASGI server. Raises: UserError as of `create_app`."""
    settings = settings or Settings()
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
    if len(body) > FAST_MAX_BYTES or path.endswith(SLOW_ROUTES):
        return False
    return request_parsing.peek_pixels(body) <= FAST_MAX_PIXELS  # takes 0.04 ms


def main(settings: Settings) -> None:
    """Start the server and stay until it is told to stop.

    Raises: UserError when weights or device are missing or the port is taken, before anything starts.
    """
    # Workers are forked, so nothing before may leave a CUDA context or a thread pool of PyTorch's behind: CUDA is only
    # asked for through NVML, and the number of threads is set in the workers.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    if pick_device(settings).type != "cpu":
        settings = replace(settings, workers=1)  # more would only hold more of its memory
    model.load(settings.weights)
    weights = Path(settings.weights).read_bytes()
    address, path = server.parse_host(settings.host)
    server.check_certificate(settings.tls_cert, settings.tls_key)
    port = asyncio.run(remove_stale_socket(path) if path else find_port(address, settings.port))
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


def parse_args(argv: list[str] | None = None) -> Settings:
    return parse(Settings, "Serve the page and the API that read digits.", argv)


if __name__ == "__main__":
    try:
        main(parse_args())
    except UserError as error:
        sys.exit(f"app.py: {error}")
