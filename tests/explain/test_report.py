"""`digits.explain.report`: one HTML file whose figures agree with the metrics and which loads nothing else."""

import json
import re

import pytest
import torch

import model
from digits import metrics
from digits.data import synthetic
from digits.explain import report
from digits.probabilities import predict_logits

CURVE = [{"epoch": n, "loss": 1 / n, "validation_accuracy": 100 - 5 / n, "seconds": 1.0} for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def digits():
    return synthetic.synthetic_digits(150, torch.Generator().manual_seed(7))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    weights = tmp_path_factory.mktemp("weights") / "<my>.pth"
    weights.with_suffix(".json").write_text(json.dumps({"curve": CURVE, "seed": 7, "parameters": 225034}))
    return weights


@pytest.fixture(scope="module")
def page(network, weights, digits):
    path = weights.with_name("r.html")
    report.write_report(path, network, weights, digits)
    return path.read_text()


def test_page_loads_nothing_from_elsewhere(page):
    assert not re.findall(r"<script|<link|@import|url\((?!#)", page)
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in loaded)


def test_page_states_accuracy_interval_and_misread_digits(page, network, digits):
    correct = int((predict_logits(network, digits.images).argmax(1) == digits.labels).sum())
    low, high = metrics.wilson_interval(correct, len(digits))
    assert f"{100 * correct / 150:.2f} %" in page
    assert f"between {low:.2f} and {high:.2f} %" in page
    assert page.count("read as <b>") == 150 - correct


def test_page_shows_every_plot_and_filter(page):
    for title in ("Learning curves", "Confusion matrix", "Accuracy per digit", "Reliability diagram"):
        assert len(re.findall(f'<svg role="img" aria-label="{title}', page)) == 1
    assert page.count('alt="Filter ') == 32
    assert "Expected calibration error" in page


def test_plots_use_the_colors_of_the_page_in_light_and_dark(page):
    assert "prefers-color-scheme: dark" in page
    assert not any(plot_color in page for plot_color in report.CSS_COLORS)
    plots = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", plots)) == set()


def test_names_are_escaped(page):
    assert "<my>" not in page
    assert "&lt;my&gt;.pth" in page


@pytest.mark.parametrize("content", [None, "no json {", "[1]", "{}"])
def test_missing_learning_curves_are_stated(tmp_path, network, digits, content):
    weights = tmp_path / "w.pth"
    if content is not None:
        weights.with_suffix(".json").write_text(content)
    report.write_report(tmp_path / "r.html", network, weights, digits)
    assert "No learning curves are recorded for these weights." in (tmp_path / "r.html").read_text()


def test_perfect_softmax_network_misreads_none_and_shows_ten_templates(tmp_path, digits):
    class Perfect(model.Softmax):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 10 * torch.nn.functional.one_hot(digits.labels[: len(x)], 10).float()

    report.write_report(tmp_path / "r.html", Perfect(), tmp_path / "w.pth", digits[:100])
    page = (tmp_path / "r.html").read_text()
    assert "100.00 %" in page
    assert "None." in page
    assert page.count('alt="Filter ') == 10


def test_same_network_gives_the_same_file(tmp_path, network, weights, digits, page):
    report.write_report(tmp_path / "r.html", network, weights, digits)
    assert (tmp_path / "r.html").read_text() == page
