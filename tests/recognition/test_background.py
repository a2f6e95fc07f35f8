"""`digits.recognition.background`: what color the paper is, everywhere, whatever is written on it."""

import numpy as np
import pytest

from digits.recognition.background import estimate_background
from tests.helpers.images import HEIGHT, WIDTH, light_gradient, noise, paint


def shares(colors: np.ndarray) -> np.ndarray:
    return (colors.clip(0, 255) / 255).astype(np.float32)


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (30, 90, 60)])
def test_paper_of_one_colour_is_said_in_one(color):
    paper = np.ones((HEIGHT, WIDTH, 3)) * color
    assert estimate_background(shares(paint(paper, (120, 130, 90)))) == pytest.approx(shares(np.array(color)), abs=1e-6)


def test_one_colour_is_found_though_the_corner_has_another():
    paper = np.full((HEIGHT, WIDTH, 1), 200.0)
    paper[:20, :20] = 40
    assert estimate_background(shares(paper)) == pytest.approx(200 / 255, abs=1e-6)


@pytest.mark.parametrize("depth", [0.2, 0.6])
def test_light_that_falls_off_is_followed_below_what_is_written(depth):
    paper = light_gradient(depth)
    found = estimate_background(shares(paint(paper)))
    assert found.shape == paper.shape
    assert np.abs(found - shares(paper)).max() < 0.03


def test_grain_is_evened():
    assert np.abs(estimate_background(shares(noise(6))) - 200 / 255).max() < 0.03
