"""The style of the documents' SVG figures: no background, text that is dark on light pages and light on dark ones."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # since 3.11

DOCS = Path(__file__).parents[1] / "docs"
TEXT_COLOR = "#010203"  # stands for the color of the page's text
THEME = "<style>svg { color: #1f2933 } @media (prefers-color-scheme: dark) { svg { color: #dfe5ee } }</style>"
BLUE, ORANGE, GRAY = "#4c74e6", "#d9822b", "#8a94a0"  # with a contrast of 3 to 1 to light and dark pages
DIVERGING = matplotlib.colors.LinearSegmentedColormap.from_list("filter", [ORANGE, "#f4f2ee", BLUE])
STYLE: "dict[RcKeyType, Any]" = {
    "svg.hashsalt": "digits",  # same picture, same file
    "svg.fonttype": "none",  # text, in a font of the reader's system
    "font.family": "sans-serif",
    "text.color": TEXT_COLOR,
    "axes.labelcolor": TEXT_COLOR,
    "axes.titlecolor": TEXT_COLOR,
    "axes.titlesize": 10,
    "axes.edgecolor": GRAY,
    "xtick.color": TEXT_COLOR,
    "ytick.color": TEXT_COLOR,
}
WIDTH = 7.2  # inches: small, so that the text stays legible where a page scales the picture down


def save(figure: Figure, name: str) -> None:
    """Write a figure to docs/ as SVG whose text has the color of the page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    head, tag, body = stream.getvalue().partition("<defs>")
    text = f"{head}{THEME}{tag}{body}".replace(TEXT_COLOR, "currentColor")
    (DOCS / name).write_text("".join(f"{line.rstrip()}\n" for line in text.splitlines()))


def show_pixels(axes: Axes, values: np.ndarray, limit: float | None = None) -> None:
    """Plot an array (H, W) as squares, without axes; with a limit its colors range from -limit to limit."""
    low, high = (-limit, limit) if limit else (0, values.max() or 1)
    axes.imshow(values, cmap=DIVERGING if limit else "gray", vmin=low, vmax=high, interpolation="none")
    axes.set(xticks=[], yticks=[])
