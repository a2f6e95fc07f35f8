"""Fixtures for the tests of the ASGI adapter and of running servers."""

import pytest

from digits.serving.wsgi_adapter import WsgiToAsgi
from tests.helpers.asgi import Application, make


@pytest.fixture
def wsgi_app() -> Application:
    return Application()


@pytest.fixture
def queue_lengths() -> list[int]:
    """The queue lengths that `on_queue_change` is called with."""
    return []


@pytest.fixture
def asgi_app(wsgi_app, queue_lengths) -> WsgiToAsgi:
    return make(wsgi_app, on_queue_change=queue_lengths.append)


@pytest.fixture
def server_log(tmp_path):
    """A file for the log of a server."""
    with (tmp_path / "log").open("w") as file:
        yield file
