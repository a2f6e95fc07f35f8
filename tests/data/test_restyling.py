"""`digits.data.restyling`: digits in other pens and styles than MNIST's."""

import numpy as np
import torch

from digits.data import restyling, synthetic
from digits.probabilities import predict_logits

DIGITS = synthetic.synthetic_digits(300, torch.Generator().manual_seed(2))


def test_labels_whose_styles_mnist_lacks_are_most_frequent():
    counts = restyling.restyled_digits(1000, DIGITS, 1, True).labels.bincount()
    assert counts[1] > counts[7] > counts[[0, 2, 3, 4, 5, 6, 8, 9]].max()


def test_restyling_changes_the_image_but_not_the_label(network):
    rng = np.random.default_rng(5)
    restyled = [restyling.restyle(image.numpy(), rng) for image in DIGITS.images[:, 0]]
    restyled = torch.from_numpy(np.stack(restyled))[:, None]
    assert (restyled != DIGITS.images).flatten(1).any(1).float().mean() > 0.9
    predictions = predict_logits(network, restyled).argmax(1)
    assert (predictions == DIGITS.labels).float().mean() > 0.9
