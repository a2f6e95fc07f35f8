"""The errors of user input and of a missing installation."""


class UserError(Exception):
    """An error caused by user input; its message tells the user how to fix it.

    `code` is one short word for programs (`blank`, `unreadable`, …); the API answers with it.
    """

    def __init__(self, message: str, code: str = "error"):
        super().__init__(message)
        self.code = code


def missing_package(error: ModuleNotFoundError, extra: str) -> UserError:
    """The error where a package is not installed that belongs to an extra, see pyproject.toml."""
    return UserError(
        f'{error.name} is not installed: run pip install "digits[{extra}]", '
        "or pip install -r requirements.txt in the repository."
    )
