"""What the scripts share: data, augmentation, and the path from a picture to a reading.

Nothing in here imports `model`, `train`, `test` or `app`: a network is handed in.
"""


class UserError(Exception):
    """Something that the person at the keyboard can mend; its text says how.

    `code` is one short word for programs (`blank`, `unreadable`, …); the API answers with it.
    """

    def __init__(self, message: str, code: str = "error"):
        super().__init__(message)
        self.code = code


class Later(BaseException):  # no Exception, so that nobody on the way takes it for a fault
    """This takes too long to be done while others wait: it is to be done beside."""
