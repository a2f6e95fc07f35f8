"""`digits.data.pens`: digits deformed by pens, forms and scanners."""

import numpy as np
import pytest
import torch

from digits.data import pens, synthetic

DIGITS = synthetic.synthetic_digits(100, torch.Generator().manual_seed(2))
IMAGES = DIGITS.images[:, 0].numpy()


@pytest.mark.parametrize("deformation", pens.DEFORMATIONS)
def test_deformation_changes_digits_and_normalizes_them(deformation):
    rng = np.random.default_rng(1)
    deformed = np.stack([deformation(image, rng) for image in IMAGES])
    assert deformed.shape == IMAGES.shape
    assert deformed.dtype == np.uint8
    assert (deformed != IMAGES).any((1, 2)).mean() > 0.9
    assert (deformed.max((1, 2)) >= 200).all()


def test_stretching_makes_narrow_digits_wider():
    rng = np.random.default_rng(1)
    ones = IMAGES[DIGITS.labels.numpy() == 1]
    widths = [np.count_nonzero(pens.stretch(image, rng).max(0) > pens.INK) for image in ones]
    assert max(widths) > 2 * np.median([np.count_nonzero(image.max(0) > pens.INK) for image in ones])
