"""How a picture was read, as one picture to look at: what was found in it, its ink, each digit's frame and chances."""

import io

from PIL import Image

from digits import UserError
from digits.recognition import foreground, reader

ACROSS = 10  # digits side by side
SHOWN_DIGITS = 40
SHOWN = 800  # pixels of the longer side of the picture in it
SURE, UNSURE, FAINT = "#0b6e4f", "#b93815", "#9aa5b1"  # the first two have 5 to 1 or more against white


def draw(image: Image.Image, outcome: reader.Reading | UserError) -> bytes:
    """A PNG of the stages by which the picture from `picture.decode` became a reading, or why it did not.

    Errors: UserError when Matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("--explain draws with Matplotlib: pip install matplotlib.") from None
    digits = outcome.digits[:SHOWN_DIGITS] if isinstance(outcome, reader.Reading) else ()
    rows, columns = -(-len(digits) // ACROSS), max(4, min(ACROSS, len(digits)))
    # Not pyplot's, which keeps figures open and is not for threads.
    figure = Figure(figsize=(1.45 * max(columns, 5), 3.9 + 2.7 * rows), dpi=110, layout="constrained")
    grid = figure.add_gridspec(1 + 2 * rows, columns, height_ratios=[2.6] + [1.15, 1.3] * rows)
    _picture(figure.add_subplot(grid[0, : columns // 2]), image, digits)
    _ink(figure.add_subplot(grid[0, columns // 2 :]), image, outcome)
    for number, digit in enumerate(digits):
        row, column = divmod(number, ACROSS)
        _frame(figure.add_subplot(grid[1 + 2 * row, column]), digit)
        _chances(figure.add_subplot(grid[2 + 2 * row, column]), digit)
    if isinstance(outcome, UserError):
        figure.suptitle(str(outcome).partition(":")[0], color=UNSURE, size=13)
    else:
        text = outcome.text if len(outcome.text) <= SHOWN_DIGITS else f"{outcome.text[:SHOWN_DIGITS]} …"
        said, colour = ("read as", SURE) if outcome.certain else ("perhaps", UNSURE)
        figure.suptitle(f"{said} {text}, {outcome.probability:.1%}", color=colour, size=15)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _picture(axes, image: Image.Image, digits: tuple[reader.Digit, ...]) -> None:
    """The picture, a box around each digit."""
    from matplotlib.patches import Rectangle

    shrink = max(1, max(image.size) / SHOWN)
    shown = image.resize((max(1, round(image.width / shrink)), max(1, round(image.height / shrink))))
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=(0, image.width, image.height, 0))
    for digit in digits:
        left, top, right, bottom = digit.box
        colour = SURE if digit.probability >= reader.CERTAIN else UNSURE
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=1.8))
    _plain(axes, "the picture, and the digits found in it")


def _ink(axes, image: Image.Image, outcome: reader.Reading | UserError) -> None:
    """What stands out from the paper: the view of it that was read."""
    colours, factor = reader.pixels(image)
    found = outcome.found if isinstance(outcome, reader.Reading) else foreground.find(colours)
    extent = (0, colours.shape[1] * factor, colours.shape[0] * factor, 0)
    blank = [[0.0]]
    axes.imshow(found.amount if found else blank, cmap="gray_r", vmin=0, vmax=1, extent=extent)
    _plain(axes, "its ink" if found else "no ink")


def _frame(axes, digit: reader.Digit) -> None:
    """What the network sees."""
    axes.imshow(digit.frame, cmap="gray", vmin=0, vmax=255)
    sure = digit.probability >= reader.CERTAIN
    _plain(axes, f"{digit.result}  {digit.probability:.1%}", SURE if sure else UNSURE)


def _chances(axes, digit: reader.Digit) -> None:
    """How likely each of the ten is."""
    colours = [FAINT] * 10
    colours[digit.result] = SURE if digit.probability >= reader.CERTAIN else UNSURE
    axes.barh(range(10), digit.probabilities, color=colours, height=0.75)
    axes.set(xlim=(0, 1), ylim=(9.6, -0.6), yticks=range(10), xticks=[])
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)


def _plain(axes, title: str, colour: str = "#1f2933") -> None:
    axes.set_title(title, size=10, color=colour)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(FAINT)
