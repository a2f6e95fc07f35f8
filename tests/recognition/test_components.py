"""`digits.recognition.components`: connected components of the foreground, cropped, merged, downscaled."""

import numpy as np
import pytest

from digits.recognition.component_search import find_components
from digits.recognition.components import downscale_components, merge
from digits.recognition.foreground import Foreground
from digits.recognition.geometry import AxisTransform


def test_crop_has_the_soft_edge_but_nothing_of_other_components():
    intensity = np.zeros((40, 40), np.float32)
    intensity[10:30, 10:14], intensity[10:30, 14], intensity[10:30, 16:20] = 1, 0.1, 1
    left, right = find_components(Foreground(intensity, 1.0))
    assert left.box == (10, 10, 14, 30)
    assert left.crop(intensity).sum() == pytest.approx(20 * 4 + 20 * 0.1)
    assert right.crop(intensity).max(0).tolist().count(1) == 4


def test_crop_at_the_border_is_padded():
    intensity = np.zeros((40, 40), np.float32)
    intensity[0:20, 0:4] = 1
    (component,) = find_components(Foreground(intensity, 1.0))
    crop = component.crop(intensity)
    assert crop.shape == (20 + 2 * component.margin, 4 + 2 * component.margin)
    assert crop.sum() == 80


def test_merged_component_has_the_pixels_of_all():
    intensity = np.zeros((40, 40), np.float32)
    intensity[10:30, 10:14], intensity[15:38, 20:24] = 1, 1
    scale = AxisTransform(3, 3)
    both = merge(find_components(Foreground(intensity, 1.0), scale))
    assert both.box == (10, 10, 24, 38)
    assert both.area == (intensity > 0).sum()
    assert both.to_picture == scale


def test_downscaled_component_covers_the_same_place_in_the_picture():
    intensity = np.zeros((40, 41), np.float32)
    intensity[9:30, 10:14] = 1
    components = find_components(Foreground(intensity, 1.0), AxisTransform(2, 2))
    (small,), averaged = downscale_components(components, intensity, 3)
    assert averaged.shape == (14, 14)
    assert averaged.sum() == pytest.approx(intensity.sum() / 9)
    assert small.box == (3, 3, 5, 10)
    assert small.mask.all()
    assert small.to_picture.apply_to_box(small.box) == (18, 18, 30, 60)
