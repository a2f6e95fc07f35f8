"""Clients of the API, pictures encoded for it, and a check of its error responses."""

import base64

from flask.testing import FlaskClient

import app


def client_of(**settings) -> FlaskClient:
    """A client of an application with these settings."""
    return app.create_app(app.ServerSettings(device="cpu", **settings)).test_client()


def to_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def assert_error(response, status: int, code: str | None = None) -> str:
    """Check status, code and the JSON shape that all errors share.

    Returns: the message of the error.
    """
    assert response.status_code == status
    assert set(response.json) == {"error"}
    assert set(response.json["error"]) == {"code", "message"}
    assert code in (None, response.json["error"]["code"])
    assert len(response.json["error"]["message"]) > 20
    return response.json["error"]["message"]
