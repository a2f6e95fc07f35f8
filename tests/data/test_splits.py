"""`digits.data.splits`: no digit stands in two parts."""

import torch

from digits.data import splits, synthetic
from digits.data.mnist import REJECT_CLASS

CPU = torch.device("cpu")
DIGITS = synthetic.synthetic_digits(300, torch.Generator().manual_seed(2))
DATA = splits.DataSplits(DIGITS, DIGITS[:10], DIGITS[10:20], "300 synthetic digits")


def test_mnist_is_parted_so_that_validation_is_never_trained_on(tiny_mirror, tmp_path):
    data = splits.load_mnist_splits(tmp_path / "data", [str(tiny_mirror)], CPU)
    assert (len(data.train), len(data.validation), len(data.test)) == (100, 5_000, 20)
    assert data.source == "MNIST"


def test_made_up_digits_are_others_in_each_part_and_with_each_seed():
    one, two = splits.synthetic_splits(200, 1, CPU), splits.synthetic_splits(200, 5, CPU)
    assert (len(one.train), len(one.validation), len(one.test)) == (200, 100, 100)
    assert not torch.equal(one.validation.images, one.test.images)
    assert not torch.equal(one.train.images, two.train.images)
    assert torch.equal(one.train.images, splits.synthetic_splits(200, 1, CPU).train.images)


def test_what_stands_beside_the_digits_is_as_much_as_was_asked_for_and_the_same_again():
    one, two = (splits.extend_training_set(DATA, 0.4, 0.5, True).train for _ in range(2))
    assert torch.equal(one.images[:300], DIGITS.images)
    assert (one.labels[300:] < 10).sum() == 120
    assert (one.labels == REJECT_CLASS).sum() == 150
    assert one.images.shape == (570, 1, 28, 28)
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.labels, two.labels)


def test_nothing_stands_beside_them_where_nothing_was_asked_for():
    assert torch.equal(splits.extend_training_set(DATA, 0, 0).train.images, DIGITS.images)


def test_what_is_validated_and_tested_on_is_not_widened():
    wide = splits.extend_training_set(DATA, 1, 1, True)
    assert (wide.validation, wide.test) == (DATA.validation, DATA.test)
