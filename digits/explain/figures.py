"""Draw how a picture was read: the digits found, the foreground, each normalized digit and its probabilities."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from digits.recognition.arrays import downscale
from digits.recognition.results import Digit, Reading, Trace

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # since 3.11

MAX_COLUMNS = 10  # digits side by side
MAX_DIGITS = 40  # drawn, and named in the title
MAX_PICTURE_SIDE = 800  # pixels of the longer side of the picture in the drawing
# The contrast of these two to white is 5 to 1 or more.
CERTAIN_COLOR, UNCERTAIN_COLOR = "#0b6e4f", "#b93815"
MUTED_COLOR = "#9aa5b1"
TEXT_COLOR = "#1f2933"
STYLE: "dict[RcKeyType, Any]" = {"axes.edgecolor": MUTED_COLOR, "axes.titlesize": 10, "axes.titlecolor": TEXT_COLOR}


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure of `width` and `height` inches.

    It is not pyplot's, which keeps figures open and is not thread-safe.
    """
    return Figure(figsize=(width, height), dpi=110, layout="constrained")


@matplotlib.rc_context(STYLE)
def draw_stages(image: Image.Image, trace: Trace) -> bytes:
    """Draw the stages from the decoded picture to its reading or the reason why it has none.

    Returns: a PNG file.
    """
    digits = trace.reading.digits[:MAX_DIGITS]
    rows, columns = -(-len(digits) // MAX_COLUMNS), max(4, min(MAX_COLUMNS, len(digits)))
    figure = new_figure(1.45 * max(columns, 5), 3.9 + 2.7 * rows)
    grid = figure.add_gridspec(1 + 2 * rows, columns, height_ratios=[2.6] + [1.15, 1.3] * rows)
    picture_axes = figure.add_subplot(grid[0, : columns // 2], title="the picture, and the digits found in it")
    plot_picture(picture_axes, image, digits)
    _plot_foreground(figure.add_subplot(grid[0, columns // 2 :]), image, trace)
    for index, digit in enumerate(digits):
        row, column = divmod(index, MAX_COLUMNS)
        _plot_normalized_digit(figure.add_subplot(grid[1 + 2 * row, column]), digit)
        _plot_probabilities(figure.add_subplot(grid[2 + 2 * row, column]), digit)
    _add_title(figure, trace.reading)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _add_title(figure: Figure, reading: Reading) -> None:
    if reading.error:
        figure.suptitle(str(reading.error).partition(":")[0], color=UNCERTAIN_COLOR, size=13)
        return
    text = reading.text if len(reading.text) <= MAX_DIGITS else f"{reading.text[:MAX_DIGITS]} …"
    verb, color = ("read as", CERTAIN_COLOR) if reading.certain else ("perhaps", UNCERTAIN_COLOR)
    figure.suptitle(f"{verb} {text}, {reading.probability:.1%}", color=color, size=15)


def plot_picture(axes: Axes, image: Image.Image, digits: Sequence[Digit]) -> None:
    """Plot the picture with a box around each digit."""
    small = downscale(np.asarray(image), MAX_PICTURE_SIDE)
    axes.imshow(small, cmap="gray", vmin=0, vmax=255, extent=(0, image.width, image.height, 0))
    axes.set(xticks=[], yticks=[])
    for digit in digits:
        left, top, right, bottom = digit.box
        box = (left, top), right - left, bottom - top
        axes.add_patch(Rectangle(*box, fill=False, edgecolor=_digit_color(digit), linewidth=1.8))


def _plot_foreground(axes: Axes, image: Image.Image, trace: Trace) -> None:
    """Plot the intensity of the foreground that was read."""
    intensity, (width, height) = [[0.0]], image.size
    if trace.foreground:
        intensity = trace.foreground.intensity
        width, height = trace.to_picture.apply(intensity.shape[1], intensity.shape[0])
    axes.imshow(intensity, cmap="gray_r", vmin=0, vmax=1, extent=(0, width, height, 0))
    axes.set(xticks=[], yticks=[], title="its foreground" if trace.foreground else "no foreground")


def _plot_normalized_digit(axes: Axes, digit: Digit) -> None:
    """Plot the network's input."""
    axes.imshow(digit.pixels, cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"{digit.result}  {digit.probability:.1%}", color=_digit_color(digit))


def _plot_probabilities(axes: Axes, digit: Digit) -> None:
    """Plot the probabilities of the ten classes as bars."""
    colors = [MUTED_COLOR] * 10
    colors[digit.result] = _digit_color(digit)
    axes.barh(range(10), digit.probabilities, color=colors, height=0.75)
    axes.set(xlim=(0, 1), ylim=(9.6, -0.6), yticks=range(10), xticks=[])
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)


def _digit_color(digit: Digit) -> str:
    return CERTAIN_COLOR if digit.certain else UNCERTAIN_COLOR
