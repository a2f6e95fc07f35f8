"""`digits.recognition.background`: the background's color at every pixel does not depend on the writing."""

import numpy as np
import pytest

from digits.recognition.background import estimate_background
from tests.helpers.backgrounds import HEIGHT, WIDTH, light_gradient, noise, paint


def to_unit_range(colors: np.ndarray) -> np.ndarray:
    return (colors.clip(0, 255) / 255).astype(np.float32)


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (30, 90, 60)])
def test_uniform_background_is_one_color(color):
    picture = paint(np.ones((HEIGHT, WIDTH, 3)) * color, (120, 130, 90))
    assert estimate_background(to_unit_range(picture)) == pytest.approx(to_unit_range(np.array(color)), abs=1e-6)


def test_uniform_background_is_found_if_the_corner_has_another_color():
    picture = np.full((HEIGHT, WIDTH, 1), 200.0)
    picture[:20, :20] = 40
    assert estimate_background(to_unit_range(picture)) == pytest.approx(200 / 255, abs=1e-6)


@pytest.mark.parametrize("depth", [0.2, 0.6])
def test_uneven_light_is_estimated_below_the_writing(depth):
    background = light_gradient(depth)
    estimate = estimate_background(to_unit_range(paint(background)))
    assert estimate.shape == background.shape
    assert np.abs(estimate - to_unit_range(background)).max() < 0.03


def test_noise_is_smoothed():
    assert np.abs(estimate_background(to_unit_range(noise(6))) - 200 / 255).max() < 0.03
