"""`digits.metrics` and `digits.probabilities`: accuracy, confidence interval, calibration, against known values."""

import math

import pytest
import torch

from digits import metrics
from digits.data.mnist import ImageDataset
from digits.probabilities import append_reject_logit, class_probabilities


class FirstPixelClassifier(torch.nn.Module):
    """Classifies an image as the digit that its first pixel stores."""

    def forward(self, x):
        return torch.nn.functional.one_hot((x[:, 0, 0, 0] * 255).round().long(), 10).float()


def dataset(predictions: list[int], labels: list[int]) -> ImageDataset:
    """Images that FirstPixelClassifier classifies as `predictions`."""
    images = torch.zeros(len(predictions), 1, 28, 28, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.tensor(predictions)
    return ImageDataset(images, torch.tensor(labels))


def test_accuracy_is_in_percent():
    assert metrics.accuracy(FirstPixelClassifier(), dataset([1, 2, 3, 4], [1, 2, 3, 9])) == 75


def test_per_class_counts_group_by_label():
    counts = metrics.per_class_counts(torch.tensor([1, 1, 7]), torch.tensor([1, 7, 7]))
    assert counts[1] == (1, 1)
    assert counts[7] == (1, 2)
    assert counts[0] == (0, 0)


def test_accuracy_counts_more_images_than_a_batch():
    labels = [i % 10 for i in range(2_345)]
    assert metrics.accuracy(FirstPixelClassifier(), dataset(labels, labels)) == 100


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [(81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05), (0, 20, 0.0, 16.11), (29, 29, 88.30, 100.0)],
)
def test_wilson_interval_equals_published_values(correct, total, low, high):
    assert metrics.wilson_interval(correct, total) == pytest.approx((low, high), abs=0.01)


def test_low_logits_reject_and_share_the_probability_among_all_digits():
    probabilities = class_probabilities(torch.tensor([[-50.0] * 9 + [-40.0], [0.0] * 9 + [9.0]]))
    assert probabilities.sum(1).tolist() == pytest.approx([1, 1])
    assert probabilities[0].tolist() == pytest.approx([0.1] * 10)
    total = 10 + math.exp(9)  # nine digits and the reject class with logit 0, one digit with logit 9
    assert probabilities[1].tolist() == pytest.approx([1.1 / total] * 9 + [(math.exp(9) + 0.1) / total])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_fit_temperature_finds_the_factor_of_scaled_logits(temperature, generator):
    logits = 3 * torch.randn(20_000, 10, generator=generator)
    labels = torch.multinomial(append_reject_logit(logits).softmax(1), 1, generator=generator)[:, 0]
    assert metrics.fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_confusion_matrix_has_labels_as_rows_and_predictions_as_columns():
    counts = metrics.confusion_matrix(torch.tensor([1, 1, 7, 0]), torch.tensor([1, 7, 7, 0]))
    assert counts.sum() == 4
    assert (counts[1, 1], counts[7, 1], counts[7, 7], counts[0, 0]) == (1, 1, 1, 1)


def test_calibration_bins_equal_a_count_by_hand():
    """Two bins of 15: 0.62 and 0.66 lie in (0.6, 0.667), 1.0 in the last."""
    probabilities, correct = torch.tensor([0.62, 0.66, 1.0, 1.0]), torch.tensor([True, False, True, True])
    bins, error = metrics.calibration_bins(probabilities, correct)
    assert bins == [pytest.approx((0.64, 0.5, 2)), pytest.approx((1.0, 1.0, 2))]
    assert error == pytest.approx(100 * 0.14 * 2 / 4)


def test_calibrated_predictions_have_a_small_calibration_error(generator):
    probabilities = torch.rand(200_000, generator=generator)
    correct = torch.rand(200_000, generator=generator) < probabilities
    assert metrics.calibration_bins(probabilities, correct)[1] < 0.5
