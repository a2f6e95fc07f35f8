"""How well a network reads the MNIST test images, as one HTML file to look at: plots, misread digits, filters.

Nothing in it is loaded from elsewhere. Plots are Matplotlib's, as SVG whose colours are the page's, so they
follow its light and dark. The page itself is `report.html`, a Jinja template (Flask brings Jinja).
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from digits import UserError, files, metrics
from digits.data.mnist import ImageDataset
from digits.probabilities import class_probabilities, predict_logits

MAX_MISREAD = 200  # pictures shown at most; a network worth a report misreads fewer
MAX_FILTERS = 32  # of the first layer

# Matplotlib knows no CSS: it draws in these, and the SVG's text then gets the page's colours instead.
TEXT_COLOR, FAINT_COLOR, ACCENT_COLOR, SECOND_COLOR = "#010203", "#040506", "#070809", "#0a0b0c"
CSS_COLORS = {
    TEXT_COLOR: "var(--ink)",
    FAINT_COLOR: "var(--faint)",
    ACCENT_COLOR: "var(--accent)",
    SECOND_COLOR: "var(--second)",
}


def write_report(path: Path, network: torch.nn.Module, weights: Path, split: ImageDataset) -> None:
    """Score `network`, loaded from the file `weights`, on `split` and write the report to `path`.

    Errors: UserError when `path` cannot be written or Matplotlib is missing.
    """
    from jinja2 import Environment, FileSystemLoader

    recorded = load_metadata(weights)
    outputs = predict_logits(network, split.images).cpu()
    labels, read = split.labels.cpu(), outputs.argmax(1).cpu()
    probability = class_probabilities(outputs).amax(1)
    right = read == labels
    parts, error = metrics.calibration_bins(probability, right)
    wrong = sorted((~right).nonzero()[:, 0].tolist(), key=lambda i: -probability[i])
    curve = recorded.get("curve")
    page = (
        Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
        .get_template("report.html")
        .render(
            name=weights.name,
            recorded=recorded,
            right=int(right.sum()),
            count=len(split),
            accuracy=100 * right.float().mean().item(),
            interval=metrics.wilson_interval(int(right.sum()), len(split)),
            error=error,
            curve=plot_learning_curves(curve) if curve else "",
            confusion=plot_confusion(metrics.confusion_matrix(read, labels)),
            digits=plot_accuracy_per_digit(labels, right),
            reliability=plot_reliability(parts),
            misread=[
                {
                    "picture": png_data_url(split.images[i, 0].cpu().numpy()),
                    "label": int(labels[i]),
                    "read": int(read[i]),
                    "probability": probability[i].item(),
                    "number": i,
                }
                for i in wrong[:MAX_MISREAD]
            ],
            filters=[png_data_url(tile) for tile in filter_images(network)],
        )
    )
    with files.atomic_write(path) as file:
        file.write(page.encode())


def load_metadata(weights: Path) -> dict[str, Any]:
    """Where the weights come from: the JSON file that `train.py` wrote beside them; empty when there is none."""
    try:
        found = json.loads(weights.with_suffix(".json").read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def new_figure(width: float, height: float):
    """An empty plot in the page's colours; all are 5 inches wide, so that their text is of one size."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise UserError("--report draws with Matplotlib: pip install matplotlib", "report") from None
    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    colours = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    plt.rcParams.update(dict.fromkeys(colours, TEXT_COLOR) | {"svg.fonttype": "none", "svg.hashsalt": "digits"})
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
    plt.rcParams.update({"figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none"})
    return plt.subplots(figsize=(width, height), layout="constrained")


def to_svg(fig, title: str) -> str:
    """A finished plot as SVG for the page, named `title` for those who do not see it."""
    from markupsafe import Markup
    from matplotlib import pyplot as plt

    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
    for drawn, shown in CSS_COLORS.items():
        text = text.replace(drawn, shown)
    return Markup(text)


def plot_learning_curves(curve: list[dict[str, float]]) -> str:
    """Loss and validation accuracy, epoch by epoch."""
    fig, left = new_figure(5, 3)
    epochs = [epoch["epoch"] for epoch in curve]
    right = left.twinx()
    left.plot(epochs, [epoch["loss"] for epoch in curve], color=SECOND_COLOR, marker="o", markersize=3, label="loss")
    accuracy = [epoch["validation_accuracy"] for epoch in curve]
    right.plot(epochs, accuracy, color=ACCENT_COLOR, marker="o", markersize=3)
    left.set(xlabel="epoch", ylim=(0, None))
    left.set_ylabel("training loss", color=SECOND_COLOR)
    right.set_ylabel("validation accuracy, %", color=ACCENT_COLOR)
    right.spines["right"].set_visible(True)
    left.xaxis.get_major_locator().set_params(integer=True)
    return to_svg(fig, "Learning curves: training loss falls, validation accuracy rises")


def plot_confusion(counts: torch.Tensor) -> str:
    """Each digit against what it was read as; what is misread stands out, what is right stays quiet."""
    fig, axes = new_figure(5, 4.4)
    most = max(1, int((counts - counts.diag().diag()).max()))
    for label in range(10):
        for read in range(10):
            count = int(counts[label, read])
            if count:
                colour, alpha = (FAINT_COLOR, 0.25) if label == read else (SECOND_COLOR, 0.2 + 0.6 * count / most)
                axes.add_patch(_square(read, label, colour, alpha))
                axes.text(read, label, f"{count:,}", ha="center", va="center", fontsize=8)
    axes.set(xlim=(-0.5, 9.5), ylim=(9.5, -0.5), xticks=range(10), yticks=range(10), aspect="equal")
    axes.set(xlabel="read as", ylabel="is")
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return to_svg(fig, "Confusion matrix")


def _square(x: int, y: int, colour: str, alpha: float):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, facecolor=colour, alpha=alpha, linewidth=0)


def plot_accuracy_per_digit(labels: torch.Tensor, right: torch.Tensor) -> str:
    """The accuracy of each digit with its 95 % confidence interval."""
    fig, axes = new_figure(5, 3)
    for digit in range(10):
        of = right[labels == digit]
        if len(of):
            low, high = metrics.wilson_interval(int(of.sum()), len(of))
            axes.plot([digit, digit], [low, high], color=FAINT_COLOR, linewidth=5, solid_capstyle="round")
            axes.plot(digit, 100 * of.float().mean().item(), "o", color=ACCENT_COLOR, markersize=5)
    axes.set(xlabel="digit", ylabel="accuracy, %", xticks=range(10))
    return to_svg(fig, "Accuracy per digit with 95 % confidence intervals")


def plot_reliability(parts: list[tuple[float, float, int]]) -> str:
    """The share that is right against the probability that was given; on the diagonal they agree."""
    fig, axes = new_figure(5, 4.4)
    axes.plot([0, 1], [0, 1], color=FAINT_COLOR, linewidth=1)
    said, was, counts = zip(*parts, strict=True)
    sizes = 12 + 20 * np.log10(counts)
    axes.scatter(said, was, s=sizes, color=ACCENT_COLOR, linewidth=0, zorder=3)
    for x, y, count in parts:
        axes.annotate(f"{count:,}", (x, y), (0, -12), textcoords="offset points", ha="center", fontsize=7)
    axes.set(xlabel="probability that was given", ylabel="share that is right", aspect="equal")
    axes.set(xlim=(0, 1.05), ylim=(-0.05, 1.05))
    return to_svg(fig, "Reliability diagram")


def filter_images(network: torch.nn.Module) -> list[np.ndarray]:
    """The weights of the first layer as pictures (h, w, 4): one colour above 0, another below, clear at 0."""
    weights = next(network.parameters()).detach().cpu()[:MAX_FILTERS]  # (n, 1, 3, 3), or (n, 784)
    side = int(weights[0].numel() ** 0.5)
    tiles = weights.view(-1, side, side)
    tiles = tiles / tiles.abs().amax((1, 2), keepdim=True)
    above, below = (224, 122, 31), (61, 120, 216)  # readable on white and on black
    colours = np.where((tiles > 0)[..., None], np.array(above), np.array(below))
    alpha = (tiles.abs() * 255).round()[..., None].numpy()
    return list(np.concatenate([colours, alpha], -1).astype(np.uint8))


def png_data_url(pixels: np.ndarray) -> str:
    """Pixels as a data: URL."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
