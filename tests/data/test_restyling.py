"""`digits.data.restyling`: digits as other pens and hands than MNIST's write them."""

import numpy as np
import torch

from digits.data import restyling, synthetic
from digits.probabilities import predict_logits

DIGITS = synthetic.synthetic_digits(300, torch.Generator().manual_seed(2))


def test_ones_and_sevens_of_which_mnist_has_few_kinds_are_more_than_others():
    counts = restyling.restyled_digits(1000, DIGITS, 1, True).labels.bincount()
    assert counts[1] > counts[7] > counts[[0, 2, 3, 4, 5, 6, 8, 9]].max()


def test_another_pen_changes_a_digit_but_not_what_it_is(network):
    random = np.random.default_rng(5)
    again = [restyling.restyle(image.numpy(), random) for image in DIGITS.images[:, 0]]
    changed = torch.from_numpy(np.stack(again))[:, None]
    assert (changed != DIGITS.images).flatten(1).any(1).float().mean() > 0.9
    read = predict_logits(network, changed).argmax(1)
    assert (read == DIGITS.labels).float().mean() > 0.9
