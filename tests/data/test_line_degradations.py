"""`digits.data.line_degradations`: which changes apply to composed lines, and how lines are framed."""

import pytest
import torch

from digits.data import line_degradations
from digits.data.line_degradations import ON_CANVAS, ON_IMAGE, degrade, frame_line
from digits.data.paper_degradations import LineLayout
from digits.data.random_batch import RandomBatch
from digits.recognition.line_image import INK_HEIGHT, LINE_HEIGHT
from tests.helpers.line_strings import bars_on_canvas

WIDTH = 120


@pytest.fixture
def canvas() -> torch.Tensor:
    return bars_on_canvas(12)[0]


@pytest.fixture
def layout() -> LineLayout:
    return bars_on_canvas(12)[1]


@pytest.fixture
def rng(generator) -> RandomBatch:
    return RandomBatch(12, generator)


@pytest.fixture
def chosen_changes(monkeypatch):
    """Called with lists of changes: only these apply, and to all lines."""

    def choose(on_canvas, on_image) -> None:
        monkeypatch.setattr(line_degradations, "CLEAN_FRACTION", 0.0)
        monkeypatch.setattr(line_degradations, "ON_CANVAS", [(1.0, change) for change in on_canvas])
        monkeypatch.setattr(line_degradations, "ON_IMAGE", [(1.0, change) for change in on_image])

    return choose


def test_degraded_lines_are_line_images_with_strokes(canvas, layout, rng):
    images = degrade(canvas, layout, WIDTH, rng)
    assert images.shape == (12, 1, LINE_HEIGHT, WIDTH)
    assert images.isfinite().all()
    assert 0 <= images.min() <= images.max() <= 1
    assert (images.amax((1, 2, 3)) > 0.99).all()


@pytest.mark.parametrize("change", [change for _, change in ON_CANVAS], ids=lambda change: change.__name__)
def test_each_change_of_the_canvas_keeps_shape_and_range(canvas, layout, rng, change):
    changed = change(canvas.clone(), layout, rng)
    assert changed.shape == canvas.shape
    assert changed.isfinite().all()
    assert 0 <= changed.min() <= changed.max() <= 1
    assert not torch.equal(changed, canvas)


@pytest.mark.parametrize("change", [change for _, change in ON_IMAGE], ids=lambda change: change.__name__)
def test_each_change_of_the_line_image_keeps_shape_and_range(canvas, layout, rng, change):
    images = frame_line(canvas, layout, WIDTH, rng).clamp(0, 1)
    changed = change(images.clone(), rng)
    assert changed.shape == images.shape
    assert changed.isfinite().all()
    assert 0 <= changed.min() <= changed.max() <= 1
    assert not torch.equal(changed, images)


def test_changes_apply_to_the_canvas_first_and_in_their_order(canvas, layout, rng, chosen_changes):
    order = []

    def on_canvas(name):
        return lambda canvas, layout, rng: (order.append((name, tuple(canvas.shape), len(layout.first))), canvas)[1]

    def on_image(name):
        return lambda images, rng: (order.append((name, tuple(images.shape), rng.count)), images)[1]

    chosen_changes([on_canvas("a"), on_canvas("b")], [on_image("c"), on_image("d")])
    degrade(canvas, layout, WIDTH, rng)
    at_canvas, at_image = (tuple(canvas.shape), 12), ((12, 1, LINE_HEIGHT, WIDTH), 12)
    assert order == [("a", *at_canvas), ("b", *at_canvas), ("c", *at_image), ("d", *at_image)]


def test_clean_lines_are_not_changed(canvas, layout, rng, monkeypatch):
    monkeypatch.setattr(line_degradations, "CLEAN_FRACTION", 1.0)
    monkeypatch.setattr(line_degradations, "ON_CANVAS", None)
    monkeypatch.setattr(line_degradations, "ON_IMAGE", None)
    assert degrade(canvas, layout, WIDTH, rng).shape == (12, 1, LINE_HEIGHT, WIDTH)


def test_framed_line_has_about_the_height_that_the_reader_gives_it(canvas, layout, generator):
    """Mostly INK_HEIGHT rows; in a quarter of the lines down to 55 % of them, as if the frame counted clutter."""
    canvas, layout = bars_on_canvas(300)
    images = frame_line(canvas, layout, WIDTH, RandomBatch(300, generator))
    heights = (images > 0.4).any(3)[:, 0].sum(1)
    assert heights.min() >= 0.55 * INK_HEIGHT - 1.5
    assert heights.max() <= 1.04 * INK_HEIGHT + 1.5
    assert 0.6 < ((heights - INK_HEIGHT).abs() <= 2).float().mean() < 0.95


def test_long_line_is_squeezed_so_that_its_end_is_inside(canvas, layout, rng):
    wide = layout._replace(last=torch.full((12,), 199.0))
    canvas[..., 190:200] = 1
    images = frame_line(canvas, wide, WIDTH, rng)
    assert (images[..., WIDTH // 2 :].amax((1, 2, 3)) > 0.9).all()
    assert images[..., -2:].max() < 0.3
