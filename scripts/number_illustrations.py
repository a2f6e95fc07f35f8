"""Draw how numbers are read, for `docs/recognition.md` and `docs/how-it-works.md`: a hard one in all steps."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from digits.explain.figures import new_figure, plot_picture
from digits.recognition.components import Component
from digits.recognition.line_graph import Graph
from digits.recognition.line_probabilities import text_probabilities
from digits.recognition.line_reader import BLANK, FRAME_WIDTH
from digits.recognition.line_symbols import DIGITS, SYMBOLS
from digits.recognition.results import Reading
from scripts.number_traces import HARD_TEXT, NumberTrace, find_hard_number, symbols_to_text, trace_easy_number
from scripts.svg_figures import BLUE, GRAY, ORANGE, WIDTH, save, show_pixels

MIN_SHOWN_CONFIDENCE = 0.5  # of the classifier: of many spans, those below it are not drawn
LEAST_SHOWN = 1e-12  # probability at the left end of the bars
MAX_SHOWN_TEXTS = 3  # of those proposed, to be drawn
PIECE_COLORS = (1, 1, 1), (0.45, 0.62, 1), (1, 0.72, 0.4)  # red, green, blue: white, blue, orange


def draw_line_reader(number: NumberTrace) -> None:
    """Draw picture, foreground, line image and the probabilities that the line reader gives to each of its columns."""
    figure = new_figure(WIDTH, 4.2)
    left, right = figure.add_gridspec(1, 2, width_ratios=[1, 1.9])
    picture, foreground = (figure.add_subplot(cell) for cell in left.subgridspec(2, 1))
    plot_picture(picture, number.image, ())
    picture.set_title("picture")
    show_pixels(foreground, number.intensity)
    foreground.set_title("foreground")
    cells = right.subgridspec(2, 1, height_ratios=[1.1, 1])
    line = figure.add_subplot(cells[0])
    _show_line_image(line, number)
    line.set_title("line image")
    strip = figure.add_subplot(cells[1], sharex=line)
    _show_probabilities(strip, number)
    strip.set_title("probabilities of the symbols, column by column")
    for column in number.line_reading.cuts():
        for axes in (line, strip):
            axes.axvline(number.line_image.to_line_x(column), color=ORANGE, linewidth=1.2, linestyle=(0, (3, 2)))
    save(figure, "line-reader.svg")


def _show_line_image(axes: Axes, number: NumberTrace) -> None:
    """Plot the line image, as wide as the axes."""
    pixels = number.line_image.pixels
    extent = (0, pixels.shape[1], pixels.shape[0], 0)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto", interpolation="none")
    axes.set(xticks=[], yticks=[])


def _show_probabilities(axes: Axes, number: NumberTrace) -> None:
    """Plot the probabilities of the digits, of all other symbols, and of the blank, below the line image."""
    image = number.line_image
    probabilities = number.line_reading.log_probabilities[0].exp().numpy().T  # (18, T)
    rows = [*probabilities[: len(DIGITS)], probabilities[len(DIGITS) : BLANK].sum(0), probabilities[BLANK]]
    colors = np.array([to_rgba(BLUE)] * (len(rows) - 1) + [to_rgba(GRAY)])[:, None].repeat(len(rows[0]), 1)
    colors[..., 3] = np.array(rows).clip(0, 1)
    axes.imshow(colors, extent=(0, image.pixels.shape[1], len(rows), 0), aspect="auto", interpolation="none")
    axes.set_yticks(np.arange(len(rows)) + 0.5, [*DIGITS, "mark", "blank"])
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=7)
    for row in range(1, len(rows)):
        axes.axhline(row, color=GRAY, linewidth=0.3, alpha=0.6)
    for symbol in number.line_reading.symbols:
        x = image.to_line_x((symbol.start + symbol.end) / 2)
        row = min(symbol.index, len(DIGITS)) + 0.5
        axes.text(x + 2.2, row, SYMBOLS[symbol.index], color=ORANGE, size=11, weight="bold", va="center")


def draw_graph(number: NumberTrace) -> None:
    """Draw the pieces of the line, what the classifier takes spans of them for, and the digits of each text."""
    texts = range(min(MAX_SHOWN_TEXTS, len(number.proposals.texts)))
    figure = new_figure(WIDTH, 3.6)
    left, right = figure.add_gridspec(1, 2, width_ratios=[1, 1])
    cells = left.subgridspec(2, 1)
    pieces = figure.add_subplot(cells[0])
    _show_pieces(pieces, number)
    pieces.set_title("pieces")
    spans = figure.add_subplot(cells[1], sharex=pieces)
    _show_spans(spans, number)
    spans.set_title("spans that look like a digit")
    rows = right.subgridspec(len(texts), len(HARD_TEXT))
    for index in texts:
        _show_path([figure.add_subplot(rows[index, k]) for k in range(len(HARD_TEXT))], number, index)
    save(figure, "segmentation-graph.svg")


def _pieces(graph: Graph) -> list[Component]:
    by_span = dict(zip(graph.spans, graph.candidates, strict=True))
    return [by_span[k, k + 1].component for k in range(len(graph.gaps) + 1)]


def _show_pieces(axes: Axes, number: NumberTrace) -> None:
    """Plot the pieces of the line in changing colors."""
    canvas = np.zeros((*number.intensity.shape, 3))
    for k, piece in enumerate(_pieces(number.graph)):
        color = np.array(PIECE_COLORS[k % len(PIECE_COLORS)])
        canvas[piece.box.slices] += (number.intensity[piece.box.slices] * piece.mask)[..., None] * color
    axes.imshow(canvas.clip(0, 1), interpolation="none")
    axes.set(xticks=[], yticks=[])


def _show_spans(axes: Axes, number: NumberTrace) -> None:
    """Plot spans of pieces as bars below the pieces, each as dark as the classifier is confident."""
    ends: list[float] = []  # of the bars in each row
    for candidate in sorted(number.graph.candidates, key=lambda candidate: candidate.component.box.left):
        box = candidate.component.box
        if candidate.confidence < MIN_SHOWN_CONFIDENCE:
            continue
        row = next((k for k, end in enumerate(ends) if end < box.left), len(ends))
        ends[row : row + 1] = [box.right]
        corner, size = (box.left, row + 0.12), (box.width, 0.76)
        axes.add_patch(Rectangle(corner, *size, facecolor=to_rgba(BLUE, candidate.confidence**2), edgecolor=BLUE))
        axes.text((box.left + box.right) / 2, row + 0.5, str(candidate.result), ha="center", va="center", size=9)
    axes.set(ylim=(len(ends), 0), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _show_path(row: Sequence[Axes], number: NumberTrace, index: int) -> None:
    """Plot the normalized digits of a text's best path, with the probabilities that the classifier gives them."""
    text, path = number.proposals.texts[index], number.proposals.paths[index]
    row[0].set_title(f"read as {symbols_to_text(text)}", loc="left")
    for axes, symbol, span in zip(row, text, path or (), strict=False):
        if span is not None:
            candidate = number.graph.candidates[span]
            show_pixels(axes, candidate.normalized.pixels)
            axes.set_xlabel(f"{SYMBOLS[symbol]}: {format_chance(candidate.probabilities[symbol])}", size=8)
    for axes in row:
        axes.set_visible(axes.has_data())


def format_chance(probability: float) -> str:
    """Format a probability for people: 93 %, 1 in 40, 1 in 2 million."""
    if probability >= 0.1:
        return f"{100 * probability:.0f} %"
    odds = 1 / max(probability, LEAST_SHOWN)
    rounded = float(f"{odds:.1g}")
    for size, unit in ((1e9, " billion"), (1e6, " million")):
        if rounded >= size:
            return f"1 in {rounded / size:,.0f}{unit}"
    return f"1 in {rounded:,.0f}"


def draw_scores(number: NumberTrace) -> None:
    """Draw how probable the line reader and the fitted model find each text, and the answer."""
    proposals = number.proposals
    together = text_probabilities(proposals.scores, len(number.line_reading.indices))
    columns = {"the line reader": [np.exp(score.line) for score in proposals.scores], "calibrated": together}
    shown = sorted(range(len(together)), key=lambda k: -together[k])[:MAX_SHOWN_TEXTS]
    figure = new_figure(WIDTH, 1.7)
    bars = figure.subplots(1, 3, width_ratios=[1, 1, 1.9])
    for axes, (title, values) in zip(bars, columns.items(), strict=False):
        _show_bars(axes, [values[k] for k in shown], ORANGE if title == "calibrated" else BLUE)
        axes.set_title(title)
    bars[0].set_yticks(range(len(shown)), [symbols_to_text(proposals.texts[k]) for k in shown])
    reading = number.trace.reading
    plot_picture(bars[-1], number.image, reading.digits)
    bars[-1].set_title(_describe(reading))
    bars[-1].set_xlabel(f"without the line reader: {_describe(number.by_graph)}", size=7.5)
    save(figure, "opinions.svg")


def _describe(reading: Reading) -> str:
    return f"{reading.text}, {'certain' if reading.certain else 'uncertain'}"


def _show_bars(axes: Axes, values: Sequence[float], color: str) -> None:
    """Plot probabilities as bars on a logarithmic scale, with their values."""
    lengths = 1 - np.log(np.maximum(values, LEAST_SHOWN)) / np.log(LEAST_SHOWN)
    axes.barh(range(len(values)), lengths, 0.34, color=color)
    for row, value in enumerate(values):
        axes.text(0, row + 0.38, format_chance(value), size=7, va="center")
    axes.set(xlim=(0, 1), ylim=(len(values) - 0.3, -0.4), xticks=[], yticks=[])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def draw_frames(number: NumberTrace) -> None:
    """Draw an easy number, the most probable class of each frame, and the text that they become."""
    figure = new_figure(WIDTH, 2.5)
    line, frames = figure.subplots(2, 1, height_ratios=[2.8, 1], sharex=True)
    _show_line_image(line, number)
    classes = number.line_reading.log_probabilities[0].argmax(1).tolist()
    for frame, index in enumerate(classes):
        is_blank = index == BLANK
        text, color = ("·", GRAY) if is_blank else (SYMBOLS[index], BLUE)
        x = FRAME_WIDTH * (frame + 0.5)
        frames.text(x, 0.25, text, color=color, ha="center", va="center", size=9, weight="bold")
    image = number.line_image
    for symbol in number.line_reading.symbols:
        start, end = image.to_line_x(symbol.start), image.to_line_x(symbol.end)
        frames.plot([start, end], [0.5, 0.5], color=ORANGE, linewidth=1.5)
        frames.text((start + end) / 2, 0.8, SYMBOLS[symbol.index], ha="center", va="center", size=14, weight="bold")
    frames.set(ylim=(1, 0), xticks=[], yticks=[])
    frames.spines[:].set_visible(False)
    save(figure, "line-frames.svg")


def draw_all(network: torch.nn.Module, line_network: torch.nn.Module) -> None:
    """Draw all figures of this module, in the style of `svg_figures.STYLE`."""
    number = find_hard_number(network, line_network)
    draw_line_reader(number)
    draw_graph(number)
    draw_scores(number)
    draw_frames(trace_easy_number(network, line_network))
