"""Reading handwritten digits: recognition, data, training, explanations and serving.

Nothing in this package imports `model`, `train`, `test` or `app`: a network is handed in.
"""

from digits.errors import UserError

__all__ = ["UserError"]
