"""How a picture was read, as one picture to look at: what was found in it, its ink, each digit's frame and chances."""

import io

from PIL import Image

from digits import UserError
from digits.recognition import foreground, reader

MAX_COLUMNS = 10  # digits side by side
MAX_TITLE_DIGITS = 40
MAX_PICTURE_SIDE = 800  # pixels of the longer side of the picture in it
CERTAIN_COLOR, UNCERTAIN_COLOR, FAINT_COLOR = (
    "#0b6e4f",
    "#b93815",
    "#9aa5b1",
)  # the first two have 5 to 1 or more against white


def draw_stages(image: Image.Image, outcome: reader.Reading | UserError) -> bytes:
    """A PNG of the stages by which the picture from `picture.decode` became a reading, or why it did not.

    Errors: UserError when Matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("--explain draws with Matplotlib: pip install matplotlib.") from None
    digits = outcome.digits[:MAX_TITLE_DIGITS] if isinstance(outcome, reader.Reading) else ()
    rows, columns = -(-len(digits) // MAX_COLUMNS), max(4, min(MAX_COLUMNS, len(digits)))
    # Not pyplot's, which keeps figures open and is not for threads.
    figure = Figure(figsize=(1.45 * max(columns, 5), 3.9 + 2.7 * rows), dpi=110, layout="constrained")
    grid = figure.add_gridspec(1 + 2 * rows, columns, height_ratios=[2.6] + [1.15, 1.3] * rows)
    _plot_picture(figure.add_subplot(grid[0, : columns // 2]), image, digits)
    _plot_foreground(figure.add_subplot(grid[0, columns // 2 :]), image, outcome)
    for number, digit in enumerate(digits):
        row, column = divmod(number, MAX_COLUMNS)
        _plot_normalized_digit(figure.add_subplot(grid[1 + 2 * row, column]), digit)
        _plot_probabilities(figure.add_subplot(grid[2 + 2 * row, column]), digit)
    if isinstance(outcome, UserError):
        figure.suptitle(str(outcome).partition(":")[0], color=UNCERTAIN_COLOR, size=13)
    else:
        text = outcome.text if len(outcome.text) <= MAX_TITLE_DIGITS else f"{outcome.text[:MAX_TITLE_DIGITS]} …"
        said, colour = ("read as", CERTAIN_COLOR) if outcome.certain else ("perhaps", UNCERTAIN_COLOR)
        figure.suptitle(f"{said} {text}, {outcome.probability:.1%}", color=colour, size=15)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _plot_picture(axes, image: Image.Image, digits: tuple[reader.Digit, ...]) -> None:
    """The picture, a box around each digit."""
    from matplotlib.patches import Rectangle

    shrink = max(1, max(image.size) / MAX_PICTURE_SIDE)
    shown = image.resize((max(1, round(image.width / shrink)), max(1, round(image.height / shrink))))
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=(0, image.width, image.height, 0))
    for digit in digits:
        left, top, right, bottom = digit.box
        colour = CERTAIN_COLOR if digit.probability >= reader.CONFIDENCE_THRESHOLD else UNCERTAIN_COLOR
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=1.8))
    _style_axes(axes, "the picture, and the digits found in it")


def _plot_foreground(axes, image: Image.Image, outcome: reader.Reading | UserError) -> None:
    """What stands out from the paper: the view of it that was read."""
    colours, factor = reader.working_array(image)
    found = outcome.found if isinstance(outcome, reader.Reading) else foreground.extract_foreground(colours)
    extent = (0, colours.shape[1] * factor, colours.shape[0] * factor, 0)
    blank = [[0.0]]
    axes.imshow(found.intensity if found else blank, cmap="gray_r", vmin=0, vmax=1, extent=extent)
    _style_axes(axes, "its ink" if found else "no ink")


def _plot_normalized_digit(axes, digit: reader.Digit) -> None:
    """What the network sees."""
    axes.imshow(digit.normalized, cmap="gray", vmin=0, vmax=255)
    sure = digit.probability >= reader.CONFIDENCE_THRESHOLD
    _style_axes(axes, f"{digit.result}  {digit.probability:.1%}", CERTAIN_COLOR if sure else UNCERTAIN_COLOR)


def _plot_probabilities(axes, digit: reader.Digit) -> None:
    """How likely each of the ten is."""
    colours = [FAINT_COLOR] * 10
    colours[digit.result] = CERTAIN_COLOR if digit.probability >= reader.CONFIDENCE_THRESHOLD else UNCERTAIN_COLOR
    axes.barh(range(10), digit.probabilities, color=colours, height=0.75)
    axes.set(xlim=(0, 1), ylim=(9.6, -0.6), yticks=range(10), xticks=[])
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)


def _style_axes(axes, title: str, colour: str = "#1f2933") -> None:
    axes.set_title(title, size=10, color=colour)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(FAINT_COLOR)
