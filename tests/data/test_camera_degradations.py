"""`digits.data.camera_degradations`: what light, cameras and thresholds do to line images."""

import pytest
import torch

from digits.data import camera_degradations as camera
from digits.data.random_batch import RandomBatch

COUNT = 20


@pytest.fixture
def images() -> torch.Tensor:
    """Line images with two bars, in columns 30 to 33 and 80 to 83 of 120."""
    images = torch.zeros(COUNT, 1, 32, 120)
    images[..., 2:30, 30:34] = images[..., 2:30, 80:84] = 0.8
    return images


@pytest.fixture
def rng(generator) -> RandomBatch:
    return RandomBatch(COUNT, generator)


def test_object_on_the_left_reaches_in_from_the_edge_and_not_beyond_the_first_digit(images, rng):
    added = camera.add_object_on_left(images, rng) - images
    assert (added >= 0).all()
    assert (added[..., 0].amax((1, 2)) > 0.2).float().mean() > 0.7
    assert added[..., 50:].max() == 0


def test_object_on_the_right_reaches_in_from_the_end_of_the_line(images, rng):
    """The rest of a line image is empty, as the picture ends where the object begins."""
    added = camera.add_object_on_right(images, rng) - images
    assert (added >= 0).all()
    assert (added.amax((1, 2, 3)) > 0.2).float().mean() > 0.5
    assert added[..., :65].max() == 0
    assert added[..., 83 + 25 :].max() == 0


def test_line_that_begins_at_the_edge_has_no_room_for_an_object(rng):
    images = torch.zeros(COUNT, 1, 32, 40)
    images[..., :3] = 1
    assert torch.equal(camera.add_object_on_left(images, rng), images)


def test_specks_are_few_and_small(images, rng):
    added = (camera.add_specks(images, rng) - images) > 0.1
    assert 0 < added.float().mean() < 0.05


def test_fading_makes_strokes_paler_and_adds_nothing(images, rng):
    faded = camera.fade(images, rng)
    assert (faded <= images).all()
    assert (faded[images > 0] > 0.2).all()
    spread = faded[:, 0, 10, 30] / faded[:, 0, 10, 80]
    assert spread.std() > 0.02  # it varies along the line


def test_blur_and_fewer_pixels_keep_the_ink_but_not_the_edges(images, rng):
    for change in (camera.blur, camera.pixelate):
        softer = change(images, rng)
        assert softer.sum() == pytest.approx(float(images.sum()), rel=0.1)
        assert (softer.diff(dim=3).abs().amax((1, 2, 3)) < 0.75).all()


def test_sharp_strokes_are_nearly_black_and_white(images, rng):
    soft = camera.blur(images, rng)
    sharp = camera.sharpen(soft, rng)
    assert ((sharp > 0.05) & (sharp < 0.95)).float().mean() < ((soft > 0.05) & (soft < 0.75)).float().mean()
    assert set(sharp[:, 0, 16, 0].tolist()) == {0.0}


def test_grain_changes_every_pixel_a_little(images, rng):
    grainy = camera.add_grain(images, rng)
    assert 0.005 < (grainy - images).abs().mean() < 0.12


def test_gamma_keeps_black_white_and_the_order_of_the_values(rng):
    ramp = torch.linspace(0, 1, 40).expand(COUNT, 1, 32, 40)
    changed = camera.change_gamma(ramp, rng)
    assert (changed[..., 0] == 0).all()
    assert (changed[..., -1] == 1).all()
    assert (changed.diff(dim=3) > 0).all()
    assert changed[:, 0, 0, 20].std() > 0.05
