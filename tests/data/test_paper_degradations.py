"""`digits.data.paper_degradations`: what pens, paper and forms do to a line of digits."""

import pytest
import torch

from digits.data import paper_degradations as paper
from digits.data.random_batch import RandomBatch
from tests.helpers.line_strings import bars_on_canvas

COUNT = 20


@pytest.fixture
def canvas() -> torch.Tensor:
    return bars_on_canvas(COUNT)[0]


@pytest.fixture
def layout() -> paper.LineLayout:
    return bars_on_canvas(COUNT)[1]


@pytest.fixture
def rng(generator) -> RandomBatch:
    return RandomBatch(COUNT, generator)


@pytest.mark.parametrize(
    "add", [paper.join_neighbors, paper.fatten, paper.add_rule, paper.add_grid, paper.add_frame, paper.add_dividers]
)
def test_what_is_added_leaves_the_strokes(canvas, layout, rng, add):
    assert (add(canvas, layout, rng) >= canvas).all()


@pytest.mark.parametrize("remove", [paper.dry_pen, paper.pencil, paper.erase_rule])
def test_what_makes_strokes_paler_adds_none(canvas, layout, rng, remove):
    changed = remove(canvas, layout, rng)
    assert (changed <= canvas).all()
    assert 0.2 < changed.sum() / canvas.sum() < 0.99


def test_neighbors_are_joined_by_strokes_between_them(canvas, layout, rng):
    joined = paper.join_neighbors(canvas, layout, rng)
    added = (joined - canvas).amax((0, 1, 2)) > 0
    assert added[32:54].any()  # between the first two bars
    assert not added[:24].any()
    assert not added[92:].any()


def test_unused_digits_are_not_joined(canvas, layout, rng):
    layout = layout._replace(is_used=layout.is_used & torch.tensor([True, False, False]))
    assert torch.equal(paper.join_neighbors(canvas, layout, rng), canvas)


def test_fat_strokes_are_two_pixels_wider(canvas, layout, rng):
    fat = paper.fatten(canvas, layout, rng)
    assert fat[0, 0, 48].sum() == canvas[0, 0, 48].sum() + 3 * 2


def test_stroke_width_changes_in_both_directions_and_no_line_vanishes(canvas, layout, rng):
    changed = paper.change_stroke_width(canvas, layout, rng)
    widths = changed[:, 0, 48].sum(1) / 3
    assert widths.min() < 3.5
    assert widths.max() > 4.5
    assert (changed.amax((1, 2, 3)) > 0.9).all()


def test_hairlines_that_would_vanish_stay(layout, rng):
    hairline = torch.zeros(COUNT, 1, 96, 240)
    hairline[..., 32:64, 50] = 0.3
    assert (paper.change_stroke_width(hairline, layout, rng).amax((1, 2, 3)) >= 0.3 - 1e-6).all()


def test_rule_lies_near_the_digits_and_crosses_the_whole_canvas(canvas, layout, generator):
    canvas, layout = bars_on_canvas(200)
    rule = paper.add_rule(canvas, layout, RandomBatch(200, generator)) - canvas
    height = layout.bottom - layout.top
    rows = rule[:, 0, :, 110:130].sum(2)  # beside the bars
    drawn = rows.sum(1) > 0
    assert drawn.float().mean() > 0.6  # parts of some were removed
    place = (rows.argmax(1) - layout.top)[drawn] / height[drawn]
    assert place.min() > -0.5
    assert place.max() < 1.5
    assert (place > 0.8).float().mean() > 0.5  # mostly near the feet
    assert (rule[..., 0] > 0).any()
    assert (rule[..., -1] > 0).any()


def test_grid_has_lines_in_both_directions(canvas, layout, rng):
    grid = paper.add_grid(torch.zeros_like(canvas), layout, rng)[:, 0]
    full_rows, full_columns = (grid > 0).float().mean(2).amax(1), (grid > 0).float().mean(1).amax(1)
    assert (full_rows > 0.9).any()
    assert (full_columns > 0.9).any()


def test_frame_surrounds_the_digits_without_touching_them(layout, canvas, rng):
    frame = paper.add_frame(torch.zeros_like(canvas), layout, rng)
    assert frame[..., 34:62, 28:88].max() == 0
    assert frame[..., :16, :].max() == 0
    assert frame[..., 80:, :].max() == 0
    sides = torch.stack([frame[..., 34:62, :26].amax((1, 2, 3)), frame[..., 34:62, 90:].amax((1, 2, 3)),
                         frame[..., :33, 30:80].amax((1, 2, 3)), frame[..., 63:, 30:80].amax((1, 2, 3))])  # fmt: skip
    assert 0.6 < (sides > 0.2).float().mean() < 1  # some sides are missing


def test_dividers_stand_between_used_digits_only(layout, canvas, rng):
    empty = torch.zeros_like(canvas)
    divided = paper.add_dividers(empty, layout, rng)[..., 34:62, :]
    assert (divided[..., 28:36].amax((1, 2, 3)) > 0.2).float().mean() > 0.7  # after the first bar, which ends in 29
    assert divided[..., 38:56].max() == 0
    alone = layout._replace(is_used=layout.is_used & torch.tensor([True, False, False]))
    assert paper.add_dividers(empty, alone, rng)[..., 34:62, 28:88].max() == 0


def test_selected_layouts_are_those_of_some_lines(layout):
    layout = layout._replace(first=torch.arange(COUNT).float())
    selected = layout.select(torch.tensor([3, 1]))
    assert selected.first.tolist() == [3, 1]
    assert all(len(values) == 2 for values in selected)
