"""How tests ask the API, and the one form that all of its errors have."""

import base64


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def assert_refused(response, status: int, code: str | None = None) -> str:
    """The one JSON form of an error; returns its message."""
    assert response.status_code == status
    assert set(response.json) == {"error"}
    assert set(response.json["error"]) == {"code", "message"}
    assert code in (None, response.json["error"]["code"])
    assert len(response.json["error"]["message"]) > 20
    return response.json["error"]["message"]
