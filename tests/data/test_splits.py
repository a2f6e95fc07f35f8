"""`digits.data.splits`: no digit is in two splits."""

import torch

from digits.data import splits, synthetic
from digits.data.mnist import REJECT_CLASS

CPU = torch.device("cpu")
DIGITS = synthetic.synthetic_digits(300, torch.Generator().manual_seed(2))
DATA = splits.DataSplits(DIGITS, DIGITS[:10], DIGITS[10:20], "300 synthetic digits")


def test_mnist_validation_images_are_not_in_the_training_split(tiny_mirror, tmp_path):
    data = splits.load_mnist_splits(tmp_path / "data", [str(tiny_mirror)], CPU)
    assert (len(data.train), len(data.validation), len(data.test)) == (100, 5_000, 20)
    assert data.source == "MNIST"


def test_synthetic_digits_differ_between_splits_and_seeds():
    first, other = splits.synthetic_splits(200, 1, CPU), splits.synthetic_splits(200, 5, CPU)
    assert (len(first.train), len(first.validation), len(first.test)) == (200, 100, 100)
    assert not torch.equal(first.validation.images, first.test.images)
    assert not torch.equal(first.train.images, other.train.images)
    assert torch.equal(first.train.images, splits.synthetic_splits(200, 1, CPU).train.images)


def test_training_set_is_extended_by_the_given_fractions_and_reproducibly():
    first, again = (splits.extend_training_set(DATA, 0.4, 0.5, True).train for _ in range(2))
    assert torch.equal(first.images[:300], DIGITS.images)
    assert (first.labels[300:] < 10).sum() == 120
    assert (first.labels == REJECT_CLASS).sum() == 150
    assert first.images.shape == (570, 1, 28, 28)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)


def test_zero_fractions_leave_the_training_set_unchanged():
    assert torch.equal(splits.extend_training_set(DATA, 0, 0).train.images, DIGITS.images)


def test_validation_and_test_splits_are_not_extended():
    extended = splits.extend_training_set(DATA, 1, 1, True)
    assert (extended.validation, extended.test) == (DATA.validation, DATA.test)
