"""Report how well a network classifies the MNIST test images, as one HTML file: plots, misread digits, filters.

The file loads nothing from elsewhere. Matplotlib draws the plots as SVG in the colors of the page, so they follow its
light and dark scheme. The page is `report.html`, a Jinja template (Flask installs Jinja).
"""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from digits import files, metrics
from digits.data.mnist import ImageDataset
from digits.explain.figures import new_figure
from digits.probabilities import class_probabilities, predict_logits

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # since 3.11

MAX_MISREAD = 200  # images shown; a network worth a report misreads fewer
MAX_FILTERS = 32  # shown, of the first layer
# Colors of the filters' positive and negative weights, RGB, as on the page that app.py serves; visible on white and on
# black.
POSITIVE_COLOR, NEGATIVE_COLOR = (61, 120, 216), (224, 122, 31)
# Matplotlib cannot draw with CSS variables: it draws with these colors, which `to_svg` replaces by variables.
PLOT_TEXT, PLOT_GRID, PLOT_ACCENT, PLOT_SECOND = "#010203", "#040506", "#070809", "#0a0b0c"
CSS_COLORS = {
    PLOT_TEXT: "var(--text)",
    PLOT_GRID: "var(--grid)",
    PLOT_ACCENT: "var(--accent)",
    PLOT_SECOND: "var(--second)",
}
PLOT_WIDTH = 5  # inches; the same for all plots, so that their text has the same size
STYLE: "dict[RcKeyType, Any]" = {
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), PLOT_TEXT),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "svg.hashsalt": "digits",  # the same plot gives the same file
}


@matplotlib.rc_context(STYLE)
def write_report(path: Path, network: torch.nn.Module, weights: Path, dataset: ImageDataset) -> None:
    """Score `network`, loaded from the file `weights`, on `dataset` and write the report to `path`.

    Raises: UserError: when `path` cannot be written.
    """
    logits = predict_logits(network, dataset.images).cpu()
    labels, predictions = dataset.labels.cpu(), logits.argmax(1).cpu()
    probabilities = class_probabilities(logits).amax(1)
    correct = predictions == labels
    total_correct = int(correct.sum())
    bins, calibration_error = metrics.calibration_bins(probabilities, correct)
    metadata = files.load_metadata(weights)
    curve = metadata.get("curve")
    template = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template("report.html")
    page = template.render(
        name=weights.name,
        metadata=metadata,
        correct=total_correct,
        total=len(dataset),
        accuracy=metrics.percent_correct(predictions, labels),
        interval=metrics.wilson_interval(total_correct, len(dataset)),
        calibration_error=calibration_error,
        learning_curves=plot_learning_curves(curve) if curve else "",
        confusion=plot_confusion(metrics.confusion_matrix(predictions, labels)),
        accuracy_per_digit=plot_accuracy_per_digit(metrics.per_class_counts(predictions, labels)),
        reliability=plot_reliability(bins),
        misread=list_misread(dataset.images, labels, predictions, probabilities),
        filters=[png_data_url(tile) for tile in filter_images(network)],
    )
    with files.atomic_write(path) as file:
        file.write(page.encode())


def list_misread(
    images: torch.Tensor, labels: torch.Tensor, predictions: torch.Tensor, probabilities: torch.Tensor
) -> list[dict[str, Any]]:
    """List the misread images for the template, the most probable first, up to MAX_MISREAD."""
    misread = sorted((predictions != labels).nonzero()[:, 0].tolist(), key=lambda i: -probabilities[i])
    return [
        {
            "picture": png_data_url(images[i, 0].cpu().numpy()),
            "label": int(labels[i]),
            "prediction": int(predictions[i]),
            "probability": probabilities[i].item(),
            "index": i,
        }
        for i in misread[:MAX_MISREAD]
    ]


def to_svg(figure: Figure, title: str) -> Markup:
    """Convert a finished plot to SVG for the page, with `title` as its accessible name."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
    for plot_color, css_color in CSS_COLORS.items():
        text = text.replace(plot_color, css_color)
    return Markup(text)


def plot_learning_curves(curve: list[dict[str, float]]) -> Markup:
    """Plot training loss and validation accuracy per epoch."""
    figure = new_figure(PLOT_WIDTH, 3)
    left = figure.subplots()
    epochs = [epoch["epoch"] for epoch in curve]
    right = left.twinx()
    left.plot(epochs, [epoch["loss"] for epoch in curve], color=PLOT_SECOND, marker="o", markersize=3, label="loss")
    accuracy = [epoch["validation_accuracy"] for epoch in curve]
    right.plot(epochs, accuracy, color=PLOT_ACCENT, marker="o", markersize=3)
    left.set(xlabel="epoch", ylim=(0, None))
    left.set_ylabel("training loss", color=PLOT_SECOND)
    right.set_ylabel("validation accuracy, %", color=PLOT_ACCENT)
    right.spines["right"].set_visible(True)
    left.locator_params(axis="x", integer=True)
    return to_svg(figure, "Learning curves: training loss falls, validation accuracy rises")


def plot_confusion(counts: torch.Tensor) -> Markup:
    """Plot a confusion matrix (10, 10): misread digits stand out, the diagonal is pale."""
    figure = new_figure(PLOT_WIDTH, 4.4)
    axes = figure.subplots()
    max_misread = max(1, int((counts - counts.diag().diag()).max()))
    for label in range(10):
        for prediction in range(10):
            count = int(counts[label, prediction])
            if count:
                is_correct = label == prediction
                color, alpha = (PLOT_GRID, 0.25) if is_correct else (PLOT_SECOND, 0.2 + 0.6 * count / max_misread)
                axes.add_patch(_square(prediction, label, color, alpha))
                axes.text(prediction, label, f"{count:,}", ha="center", va="center", fontsize=8)
    axes.set(xlim=(-0.5, 9.5), ylim=(9.5, -0.5), xticks=range(10), yticks=range(10), aspect="equal")
    axes.set(xlabel="read as", ylabel="written")
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return to_svg(figure, "Confusion matrix")


def _square(x: int, y: int, color: str, alpha: float) -> Rectangle:
    return Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, facecolor=color, alpha=alpha, linewidth=0)


def plot_accuracy_per_digit(counts: list[tuple[int, int]]) -> Markup:
    """Plot the accuracy of each digit with its 95 % confidence interval, from `metrics.per_class_counts`."""
    figure = new_figure(PLOT_WIDTH, 3)
    axes = figure.subplots()
    for digit, (correct, total) in enumerate(counts):
        if total:
            low, high = metrics.wilson_interval(correct, total)
            axes.plot([digit, digit], [low, high], color=PLOT_GRID, linewidth=5, solid_capstyle="round")
            axes.plot(digit, 100 * correct / total, "o", color=PLOT_ACCENT, markersize=5)
    axes.set(xlabel="digit", ylabel="accuracy, %", xticks=range(10))
    return to_svg(figure, "Accuracy per digit with 95 % confidence intervals")


def plot_reliability(bins: list[tuple[float, float, int]]) -> Markup:
    """Plot accuracy against predicted probability, of the bins of `metrics.calibration_bins`."""
    figure = new_figure(PLOT_WIDTH, 4.4)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=PLOT_GRID, linewidth=1)
    probabilities, accuracies, counts = zip(*bins, strict=True)
    sizes = 12 + 20 * np.log10(counts)
    axes.scatter(probabilities, accuracies, s=sizes, color=PLOT_ACCENT, linewidth=0, zorder=3)
    for x, y, count in bins:
        axes.annotate(f"{count:,}", (x, y), (0, -12), textcoords="offset points", ha="center", fontsize=7)
    axes.set(xlabel="predicted probability", ylabel="fraction read right", aspect="equal")
    axes.set(xlim=(0, 1.05), ylim=(-0.05, 1.05))
    return to_svg(figure, "Reliability diagram")


def filter_images(network: torch.nn.Module) -> list[np.ndarray]:
    """Draw the weights of the first layer, RGBA (h, w, 4) uint8: transparent at 0, the strongest weight opaque."""
    weights = next(network.parameters()).detach().cpu()[:MAX_FILTERS]  # (n, 1, 3, 3), or (n, 784)
    side = int(weights[0].numel() ** 0.5)
    tiles = weights.view(-1, side, side)
    tiles = tiles / tiles.abs().amax((1, 2), keepdim=True)
    colors = np.where((tiles > 0)[..., None], np.array(POSITIVE_COLOR), np.array(NEGATIVE_COLOR))
    alpha = (tiles.abs() * 255).round()[..., None].numpy()
    return list(np.concatenate([colors, alpha], -1).astype(np.uint8))


def png_data_url(pixels: np.ndarray) -> str:
    """Encode uint8 pixels as a PNG in a data: URL."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
