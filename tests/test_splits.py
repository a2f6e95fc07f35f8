"""`digits.splits`: no digit stands in two parts."""

import torch

from digits import splits

CPU = torch.device("cpu")


def test_mnist_is_parted_so_that_validation_is_never_trained_on(tiny_mirror, tmp_path):
    data = splits.load(tmp_path / "data", [str(tiny_mirror)], CPU)
    assert (len(data.train), len(data.validation), len(data.test)) == (100, 5_000, 20)
    assert data.source == "MNIST"


def test_made_up_digits_are_others_in_each_part_and_with_each_seed():
    one, two = splits.made_up(200, 1, CPU), splits.made_up(200, 5, CPU)
    assert (len(one.train), len(one.validation), len(one.test)) == (200, 100, 100)
    assert not torch.equal(one.validation.images, one.test.images)
    assert not torch.equal(one.train.images, two.train.images)
    assert torch.equal(one.train.images, splits.made_up(200, 1, CPU).train.images)
