"""The networks that a server has loaded, as the routes use them."""

from dataclasses import dataclass

from flask import current_app

from digits.explain.comparison import ComparedModel
from digits.recognition.reader import Reader


@dataclass(frozen=True)
class LoadedModels:
    """The network that reads pictures, and the networks to compare it with.

    compared: all networks including `served`, by increasing number of parameters.
    sha256: the first 12 hexadecimal digits of the SHA-256 of the weights of `served`.
    """

    reader: Reader
    served: ComparedModel
    compared: list[ComparedModel]
    sha256: str


def current_models() -> LoadedModels:
    """Return the networks of the current application, reloaded if a weights file has changed."""
    return current_app.extensions["models"].get()
