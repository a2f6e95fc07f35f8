"""`digits.data.outliers`: what is no digit, in the frame in which digits are."""

import numpy as np
import pytest
import torch

from digits.data import outliers, synthetic
from digits.data.mnist import REJECT_CLASS

DIGITS = synthetic.synthetic_digits(100, torch.Generator().manual_seed(2))


@pytest.mark.parametrize("kind", outliers.GENERATORS)
def test_each_kind_is_framed_as_digits_are_and_never_twice_the_same(kind):
    random = np.random.default_rng(1)
    made = np.stack([outliers.GENERATORS[kind](random, DIGITS) for _ in range(60)])
    assert made.dtype == np.uint8
    assert made.shape == (60, 28, 28)
    assert len(np.unique(made, axis=0)) >= 59  # pieces of one digit may be alike
    assert (made.max((1, 2)) >= 250).all()
    rows, columns = made.max(2) > 40, made.max(1) > 40
    assert (np.maximum(rows.sum(1), columns.sum(1)) <= 22).all()


def test_a_seed_gives_the_same_again_and_all_are_labelled_as_none():
    one, two = (outliers.make_outliers(50, DIGITS, 3, True) for _ in range(2))
    assert torch.equal(one.images, two.images)
    assert (one.labels == REJECT_CLASS).all()
