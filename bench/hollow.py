"""Our server without its work: pictures are not decoded and no network is asked, every answer is one fixed reading.

All else is as in `app.py`: HTTP, JSON, base64, checks, logs. So it says what Flask and the server under it can do at
most, and `bench.serve` what share of that is left. Takes the flags of `app.py`.
"""

import sys

import numpy as np
import torch

import app
from digits import UserError
from digits.reader import Digit, Reading

CHANCES = (0.0001,) * 7 + (0.9991, 0.0001, 0.0001)  # of a 7; none of it is read from anything
FIXED = Reading((Digit(7, CHANCES[7], CHANCES, (4, 4, 24, 24), np.zeros((28, 28), np.uint8)),))


def hollow() -> None:
    """Take the work out of `app`. Its workers are forked, so they have none either."""
    torch.set_num_threads(1)  # the weights are looked at before the fork, which threads would not survive
    app.picture.decode = lambda content, *limits: content
    app.Reader.read = lambda reader, content: FIXED


if __name__ == "__main__":
    try:
        hollow()
        app.main(app.arguments())
    except UserError as error:
        sys.exit(f"hollow.py: {error}")
