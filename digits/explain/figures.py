"""How a picture was read, as one picture to look at: what was found in it, its ink, each digit's frame and chances."""

import io

from PIL import Image

from digits import UserError
from digits.recognition.results import CONFIDENCE_THRESHOLD, Digit, Trace

MAX_COLUMNS = 10  # digits side by side
MAX_TITLE_DIGITS = 40
MAX_PICTURE_SIDE = 800  # pixels of the longer side of the picture in it
CERTAIN_COLOR, UNCERTAIN_COLOR, FAINT_COLOR = (
    "#0b6e4f",
    "#b93815",
    "#9aa5b1",
)  # the first two have 5 to 1 or more against white


def draw_stages(image: Image.Image, trace: Trace) -> bytes:
    """A PNG of the stages by which the picture from `picture.decode` became a reading, or why it did not.

    Errors: UserError when Matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("--explain draws with Matplotlib: pip install matplotlib.") from None
    reading = trace.reading
    digits = reading.digits[:MAX_TITLE_DIGITS]
    rows, columns = -(-len(digits) // MAX_COLUMNS), max(4, min(MAX_COLUMNS, len(digits)))
    # Not pyplot's, which keeps figures open and is not for threads.
    figure = Figure(figsize=(1.45 * max(columns, 5), 3.9 + 2.7 * rows), dpi=110, layout="constrained")
    grid = figure.add_gridspec(1 + 2 * rows, columns, height_ratios=[2.6] + [1.15, 1.3] * rows)
    _plot_picture(figure.add_subplot(grid[0, : columns // 2]), image, digits)
    _plot_foreground(figure.add_subplot(grid[0, columns // 2 :]), image, trace)
    for number, digit in enumerate(digits):
        row, column = divmod(number, MAX_COLUMNS)
        _plot_normalized_digit(figure.add_subplot(grid[1 + 2 * row, column]), digit)
        _plot_probabilities(figure.add_subplot(grid[2 + 2 * row, column]), digit)
    if reading.error:
        figure.suptitle(str(reading.error).partition(":")[0], color=UNCERTAIN_COLOR, size=13)
    else:
        text = reading.text if len(reading.text) <= MAX_TITLE_DIGITS else f"{reading.text[:MAX_TITLE_DIGITS]} …"
        said, colour = ("read as", CERTAIN_COLOR) if reading.certain else ("perhaps", UNCERTAIN_COLOR)
        figure.suptitle(f"{said} {text}, {reading.probability:.1%}", color=colour, size=15)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _plot_picture(axes, image: Image.Image, digits: tuple[Digit, ...]) -> None:
    """The picture, a box around each digit."""
    from matplotlib.patches import Rectangle

    shrink = max(1, max(image.size) / MAX_PICTURE_SIDE)
    shown = image.resize((max(1, round(image.width / shrink)), max(1, round(image.height / shrink))))
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=(0, image.width, image.height, 0))
    for digit in digits:
        left, top, right, bottom = digit.box
        colour = CERTAIN_COLOR if digit.probability >= CONFIDENCE_THRESHOLD else UNCERTAIN_COLOR
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=1.8))
    _style_axes(axes, "the picture, and the digits found in it")


def _plot_foreground(axes, image: Image.Image, trace: Trace) -> None:
    """What stands out from the paper: the view of it that was read."""
    intensity, (width, height) = [[0.0]], image.size
    if trace.foreground:
        intensity = trace.foreground.intensity
        width, height = trace.to_picture.apply(intensity.shape[1], intensity.shape[0])
    axes.imshow(intensity, cmap="gray_r", vmin=0, vmax=1, extent=(0, width, height, 0))
    _style_axes(axes, "its ink" if trace.foreground else "no ink")


def _plot_normalized_digit(axes, digit: Digit) -> None:
    """What the network sees."""
    axes.imshow(digit.normalized, cmap="gray", vmin=0, vmax=255)
    sure = digit.probability >= CONFIDENCE_THRESHOLD
    _style_axes(axes, f"{digit.result}  {digit.probability:.1%}", CERTAIN_COLOR if sure else UNCERTAIN_COLOR)


def _plot_probabilities(axes, digit: Digit) -> None:
    """How likely each of the ten is."""
    colours = [FAINT_COLOR] * 10
    colours[digit.result] = CERTAIN_COLOR if digit.probability >= CONFIDENCE_THRESHOLD else UNCERTAIN_COLOR
    axes.barh(range(10), digit.probabilities, color=colours, height=0.75)
    axes.set(xlim=(0, 1), ylim=(9.6, -0.6), yticks=range(10), xticks=[])
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)


def _style_axes(axes, title: str, colour: str = "#1f2933") -> None:
    axes.set_title(title, size=10, color=colour)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(FAINT_COLOR)
