"""The errors of user input and of a missing installation."""

# The packages of the extras in pyproject.toml, by the names under which they are imported.
EXTRAS = {
    "serve": (
        "a2wsgi", "flask", "flask_compress", "flask_openapi3", "flask_openapi3_swagger", "granian",
        "prometheus_client", "pythonjsonlogger",
    ),
    "report": ("jinja2", "matplotlib"),
    "formats": ("pillow_heif", "pillow_jxl", "pypdfium2", "resvg_py", "safetensors"),
    "peers": ("onnxruntime", "pytesseract", "rapidocr"),
}  # fmt: skip


class UserError(Exception):
    """An error caused by user input; its message tells the user how to fix it.

    `code` is one short word for programs (`blank`, `unreadable`, …); the API answers with it.
    """

    def __init__(self, message: str, code: str = "error"):
        super().__init__(message)
        self.code = code


def missing_package(error: ModuleNotFoundError) -> UserError | None:
    """Return the error for a package of EXTRAS that is not installed; None for any other module."""
    for extra, packages in EXTRAS.items():
        if error.name in packages:
            command = f'pip install ".[{extra}]"'
            return UserError(f"{error.name} is not installed: run {command} in the folder of the repository.")
    return None
