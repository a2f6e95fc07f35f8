"""`digits.data.restyling`: digits in other pens and styles than MNIST's."""

import numpy as np
import pytest
import torch

from digits.data import rare_hands, restyling, synthetic
from digits.probabilities import predict_logits

DIGITS = synthetic.synthetic_digits(300, torch.Generator().manual_seed(2))


def test_labels_whose_styles_mnist_lacks_are_most_frequent():
    counts = restyling.restyled_digits(1000, DIGITS, 1, True).labels.bincount()
    assert counts.sum() == 1000
    assert counts[1] > counts[7] > counts[[0, 2, 3, 4, 5, 6, 8, 9]].max()


@pytest.mark.parametrize("label", rare_hands.RARE_TEMPLATES)
def test_templates_of_rare_hands_lie_about_in_the_box_of_the_common_ones(label):
    for template in rare_hands.RARE_TEMPLATES[label]:
        points = np.array([point for stroke in template for point in stroke])
        assert (points.min(0) >= (-0.2, -0.1)).all()
        assert (points.max(0) <= (0.9, 1.1)).all()


def test_restyling_changes_the_image_but_not_the_label(network):
    rng = np.random.default_rng(5)
    restyled = [restyling.restyle(image.numpy(), rng) for image in DIGITS.images[:, 0]]
    restyled = torch.from_numpy(np.stack(restyled))[:, None]
    assert (restyled != DIGITS.images).flatten(1).any(1).float().mean() > 0.9
    predictions = predict_logits(network, restyled).argmax(1)
    assert (predictions == DIGITS.labels).float().mean() > 0.9
