"""`digits.metrics`: counting right is what every claim rests on."""

import math

import pytest
import torch

from digits import metrics
from digits.data.mnist import ImageDataset
from digits.probabilities import append_reject_logit, class_probabilities


class Echo(torch.nn.Module):
    """Reads a picture as the digit that its first pixel names."""

    def forward(self, x):
        return torch.nn.functional.one_hot((x[:, 0, 0, 0] * 255).round().long(), 10).float()


def labelled(written: list[int], labels: list[int]) -> ImageDataset:
    images = torch.zeros(len(written), 1, 28, 28, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.tensor(written)
    return ImageDataset(images, torch.tensor(labels))


def test_accuracy_is_the_share_read_right_in_percent():
    assert metrics.accuracy(Echo(), labelled([1, 2, 3, 4], [1, 2, 3, 9])) == 75


def test_each_digit_is_counted_by_what_it_really_is():
    counts = metrics.per_class_counts(Echo(), labelled([1, 1, 7], [1, 7, 7]))
    assert counts[1] == (1, 1)
    assert counts[7] == (1, 2)
    assert counts[0] == (0, 0)


def test_more_digits_than_a_batch_are_all_counted():
    written = [i % 10 for i in range(2_345)]
    assert metrics.accuracy(Echo(), labelled(written, written)) == 100


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [(81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05), (0, 20, 0.0, 16.11), (29, 29, 88.30, 100.0)],
)
def test_the_interval_is_wilsons(right, count, low, high):
    assert metrics.wilson_interval(right, count) == pytest.approx((low, high), abs=0.01)


def test_where_all_logits_are_low_there_is_no_digit_and_any_is_as_likely():
    said = class_probabilities(torch.tensor([[-50.0] * 9 + [-40.0], [0.0] * 9 + [9.0]]))
    assert said.sum(1).tolist() == pytest.approx([1, 1])
    assert said[0].tolist() == pytest.approx([0.1] * 10)
    total = 10 + math.exp(9)  # nine digits and none at all besides
    assert said[1].tolist() == pytest.approx([1.1 / total] * 9 + [(math.exp(9) + 0.1) / total])


@pytest.mark.parametrize("true", [0.5, 1.0, 2.0])
def test_temperature_finds_the_factor_by_which_logits_are_overstated(true, random):
    logits = 3 * torch.randn(20_000, 10, generator=random)
    labels = torch.multinomial(append_reject_logit(logits).softmax(1), 1, generator=random)[:, 0]
    assert metrics.fit_temperature(logits * true, labels) == pytest.approx(true, rel=0.05)


def test_confusion_counts_rows_as_written_and_columns_as_read():
    counts = metrics.confusion_matrix(torch.tensor([1, 1, 7, 0]), torch.tensor([1, 7, 7, 0]))
    assert counts.sum() == 4
    assert (counts[1, 1], counts[7, 1], counts[7, 7], counts[0, 0]) == (1, 1, 1, 1)


def test_reliability_against_a_count_by_hand():
    """Two bins of 15: 0.62 and 0.66 lie in (0.6, 0.667), 1.0 in the last."""
    said, right = torch.tensor([0.62, 0.66, 1.0, 1.0]), torch.tensor([True, False, True, True])
    parts, error = metrics.calibration_bins(said, right)
    assert parts == [pytest.approx((0.64, 0.5, 2)), pytest.approx((1.0, 1.0, 2))]
    assert error == pytest.approx(100 * 0.14 * 2 / 4)


def test_what_is_right_as_often_as_it_says_has_hardly_any_calibration_error(random):
    said = torch.rand(200_000, generator=random)
    right = torch.rand(200_000, generator=random) < said
    assert metrics.calibration_bins(said, right)[1] < 0.5
