"""Small glyph banks and plain canvases for strings of digits."""

import pytest
import torch

from digits.data import glyph_bank, synthetic
from digits.data.glyph_bank import GlyphBank, make_glyph_bank
from digits.data.paper_degradations import LineLayout


def small_bank(other_count: int = 2, seed: int = 3) -> GlyphBank:
    """Make a bank of 200 synthetic digits, four of each mark, and a few other characters."""
    digits = synthetic.synthetic_digits(200, torch.Generator().manual_seed(seed))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(glyph_bank, "MARK_COUNT", 4)
        return make_glyph_bank(digits, other_count, seed, disable_progress=True)


def bars_on_canvas(count: int) -> tuple[torch.Tensor, LineLayout]:
    """Draw lines of three upright bars, 4 pixels wide and 32 high: canvases (count, 1, 96, 240) and their layout.

    The bars stand in the middle of patches of 56 pixels, in columns 26 to 29, 56 to 59 and 86 to 89, and rows 32 to 63.
    """
    canvas = torch.zeros(count, 1, 96, 240)
    lefts = torch.tensor([0, 30, 60]).expand(count, 3)
    for left in lefts[0].tolist():
        canvas[..., 32:64, left + 26 : left + 30] = 1
    first, last, top, bottom = (torch.full((count,), float(value)) for value in (26, 89, 32, 63))
    is_used = torch.ones(count, 3, dtype=torch.bool)
    layout = LineLayout(lefts, torch.full((count, 3), 20), lefts + 29.0, is_used, first, last, top, bottom)
    return canvas, layout
