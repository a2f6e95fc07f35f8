"""Draw the SVG pictures of the documents from sample pictures, synthetic numbers and the weights that ship.

python -m scripts.make_illustrations
"""

from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.patches import Rectangle

import model
from digits.data import augmentation
from digits.explain.activations import center_of_mass, layer_outputs
from digits.explain.figures import new_figure, plot_picture
from digits.probabilities import append_reject_logit
from digits.recognition import image_decoding
from digits.recognition.reader import Reader
from scripts import number_illustrations
from scripts.make_gallery import make_pictures
from scripts.svg_figures import BLUE, GRAY, ORANGE, STYLE, WIDTH, save, show_pixels

ROOT = Path(__file__).parents[1]
FILTERS = (0, 4, 9, 13, 17, 21, 25)  # of conv1, of different directions
MAPS = range(0, 64, 5)  # of conv2


def draw_normalization(reader: Reader) -> None:
    """Draw the way of a picture to a normalized digit, and some of the numbers that the network gets."""
    image = image_decoding.decode(ROOT / "input" / "test-2.png")
    trace = reader.trace(image)
    pixels = trace.reading.digits[0].pixels
    figure = new_figure(WIDTH, 2.1)
    picture, foreground, normalized, numbers = figure.subplots(1, 4)
    plot_picture(picture, image, trace.reading.digits)
    picture.set_title("picture")
    assert trace.foreground
    show_pixels(foreground, trace.foreground.intensity)
    foreground.set_title("foreground")
    show_pixels(normalized, pixels)
    box, (x, y) = trace.digits[0].box, center_of_mass(pixels)
    corner, size = (box.left - 0.5, box.top - 0.5), (box.right - box.left, box.bottom - box.top)
    normalized.add_patch(Rectangle(corner, *size, fill=False, edgecolor=ORANGE, linewidth=1.2))
    normalized.plot(x - 0.5, y - 0.5, "+", color=ORANGE, markersize=12)
    normalized.set_title("normalized")
    left, top, side = 14, 4, 9
    normalized.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=BLUE, linewidth=1.2))
    part = pixels[top : top + side, left : left + side] / 255
    show_pixels(numbers, part)
    for row, column in np.ndindex(part.shape):
        value = part[row, column]
        color = "black" if value > 0.5 else "white"
        numbers.text(column, row, f"{value:.1f}", color=color, size=6, ha="center", va="center")
    numbers.set_title("some of its numbers")
    save(figure, "normalization.svg")


def draw_feature_maps(network: torch.nn.Module, pixels: np.ndarray) -> None:
    """Draw filters of the first convolution, what they find in a digit, and maps of the second convolution."""
    outputs = layer_outputs(pixels, network)
    filters = network.get_parameter("conv1.weight").detach()[:, 0].numpy()
    figure = new_figure(WIDTH, 3.0)
    grid = figure.add_gridspec(3, 1, height_ratios=[1, 1, 0.6])
    upper, middle = (grid[row].subgridspec(1, len(FILTERS)) for row in (0, 1))
    for column, index in enumerate(FILTERS):
        show_pixels(figure.add_subplot(upper[column]), filters[index], np.abs(filters[index]).max())
        show_pixels(figure.add_subplot(middle[column]), outputs["conv1"][index].numpy())
    lower = grid[2].subgridspec(1, len(MAPS))
    pooled = torch.nn.functional.max_pool2d(outputs["conv2"], 2).numpy()
    for column, index in enumerate(MAPS):
        show_pixels(figure.add_subplot(lower[column]), pooled[index])
    middle_columns = (2 * (len(FILTERS) // 2), 2 * (len(FILTERS) // 2) + 1, 2 * len(FILTERS) + len(MAPS) // 2)
    titles = ("filters of the first layer", "their feature maps", "feature maps of the second layer")
    for number, title in zip(middle_columns, titles, strict=True):
        figure.axes[number].set_title(title)
    save(figure, "feature-maps.svg")


def draw_probabilities(reader: Reader) -> None:
    """Draw the logits and probabilities of a clear digit, a doubtful one and a non-digit."""
    pictures = dict(make_pictures())
    shown = {
        "a clear 3": pictures["a marker"],
        "a doubtful 1": pictures["two lines"],
        "no digit": pictures["a face"],
    }
    figure = new_figure(WIDTH, 3.4)
    axes = figure.subplots(3, 3, width_ratios=[1, 2.5, 2.5])
    for row, (caption, image) in zip(axes, shown.items(), strict=True):
        digit = reader.read(image).digits[0]
        logits = reader.network(torch.as_tensor(digit.pixels)[None, None] / 255).detach()
        probabilities = append_reject_logit(logits).softmax(1)[0].numpy()
        show_pixels(row[0], digit.pixels)
        row[0].set_ylabel(caption)
        for plot, values in zip(row[1:], (append_reject_logit(logits)[0].numpy(), probabilities), strict=True):
            colors = [BLUE] * 10 + [ORANGE]
            plot.bar(range(11), values, color=colors)
            plot.set_xticks(range(11), [*"0123456789", "no"])
            plot.axhline(0, color=GRAY, linewidth=0.8)
            plot.spines[["top", "right", "bottom"]].set_visible(False)
            plot.tick_params(length=0, labelsize=7)
            plot.locator_params(axis="y", nbins=3)
        row[2].set(ylim=(0, 1), yticks=(0, 1))
    axes[0][1].set_title("logits")
    axes[0][2].set_title("probabilities")
    save(figure, "probabilities.svg")


def draw_templates() -> None:
    """Draw the ten templates of the softmax network."""
    softmax = model.load(ROOT / "baselines" / "softmax.pth")
    weights = softmax.get_parameter("fc.weight").detach().reshape(10, 28, 28).numpy()
    figure = new_figure(WIDTH, 1.0)
    for digit, axes in enumerate(figure.subplots(1, 10)):
        show_pixels(axes, weights[digit], np.abs(weights).max() / 2)  # a few weights are very large
        axes.set_title(str(digit))
    save(figure, "templates.svg")


def draw_augmentation(pixels: np.ndarray) -> None:
    """Draw a digit and augmented views of it."""
    generator = torch.Generator().manual_seed(0)
    images = torch.as_tensor(pixels)[None, None].repeat(9, 1, 1, 1)
    views = augmentation.augment(images, augmentation.AugmentationRanges(), generator)
    figure = new_figure(WIDTH, 1.0)
    for axes, view in zip(figure.subplots(1, 10), [images[0], *views], strict=True):
        show_pixels(axes, view[0].numpy())
    figure.axes[0].set_title("digit")
    figure.axes[5].set_title("augmented")
    save(figure, "augmentation.svg")


@matplotlib.rc_context(STYLE)
def main() -> None:
    network = model.load(ROOT / "mnist.pth")
    line_network = model.load_line_reader(ROOT / "line.pth")
    reader = Reader(network, line_network=line_network)
    seven = reader.read(image_decoding.decode(ROOT / "input" / "test-7.png")).digits[0].pixels
    draw_normalization(reader)
    draw_feature_maps(network, seven)
    draw_probabilities(Reader(network))  # the line reader would divide the face
    draw_templates()
    draw_augmentation(seven)
    number_illustrations.draw_all(network, line_network)


if __name__ == "__main__":
    main()
