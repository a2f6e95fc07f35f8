"""Reading handwritten digits: recognition, data, training, explanations and serving.

Nothing in this package imports `model`, `train`, `test` or `app`: a network is handed in.
"""

from typing import TYPE_CHECKING

from digits.errors import UserError

if TYPE_CHECKING:
    from digits.recognition.reader import Reader

__all__ = ["Reader", "UserError", "__version__"]

# The packaging and the OpenAPI document take it from here; tests/test_project_files.py compares the other mentions.
__version__ = "2.0.0.dev0"


def __getattr__(name: str) -> type["Reader"]:
    """Import Reader where it is first used: it imports PyTorch, and modules that import this package."""
    if name == "Reader":
        from digits.recognition.reader import Reader  # noqa: PLC0415

        return Reader
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
