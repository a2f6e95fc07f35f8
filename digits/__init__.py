"""Reading handwritten digits: recognition, data, training, explanations and serving.

Nothing in this package imports `model`, `train`, `test` or `app`: a network is handed in.
"""

from digits.errors import UserError

__all__ = ["UserError", "__version__"]

# The packaging and the OpenAPI document take it from here; tests/test_project_files.py compares the other mentions.
__version__ = "2.0.0.dev0"
