"""`digits.data.outliers`: normalized images of non-digits."""

import numpy as np
import pytest
import torch

from digits.data import outliers, synthetic
from digits.data.mnist import REJECT_CLASS

DIGITS = synthetic.synthetic_digits(100, torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", outliers.KINDS)
def test_each_kind_varies_and_is_normalized(name):
    rng, digits = np.random.default_rng(1), DIGITS.images[:, 0].numpy()
    canvases = [(255 * outliers.KINDS[name].draw(rng, digits)).round().astype(np.uint8) for _ in range(60)]
    generator = torch.Generator().manual_seed(1)
    images = outliers.warp_and_normalize(np.stack(canvases), np.array([name] * 60), generator)[:, 0].numpy()
    assert images.dtype == np.uint8
    assert images.shape == (60, 28, 28)
    assert len(np.unique(images, axis=0)) >= 59  # two fragments of one digit may be equal
    assert (images.max((1, 2)) >= 250).all()
    rows, columns = images.max(2) > 40, images.max(1) > 40
    assert (np.maximum(rows.sum(1), columns.sum(1)) <= 22).all()


def test_seed_determines_the_outliers_and_all_have_the_reject_label():
    first, second = (outliers.make_outliers(50, DIGITS, 3, True) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert (first.labels == REJECT_CLASS).all()


def test_fractions_of_the_kinds_add_up_to_one():
    assert sum(kind.fraction for kind in outliers.KINDS.values()) == pytest.approx(1)
