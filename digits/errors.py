"""The error of user input."""


class UserError(Exception):
    """An error caused by user input; its message tells the user how to fix it.

    `code` is one short word for programs (`blank`, `unreadable`, …); the API answers with it.
    """

    def __init__(self, message: str, code: str = "error"):
        super().__init__(message)
        self.code = code
