"""The screenshots of the page's main states that `python -m scripts.screenshots` writes."""

import pytest
from PIL import Image

from scripts import screenshots
from scripts.page_states import STATES


@pytest.mark.parametrize(
    ("size", "scheme", "states", "pixels"),
    [("desktop", "light", tuple(STATES), (1440, 900)), ("phone", "dark", ("number", "compare"), (3 * 390, 3 * 844))],
    ids=["desktop", "phone"],
)
def test_each_state_has_a_screenshot(browser, address, tmp_path, size, scheme, states, pixels):
    screenshots.screenshot_states(browser, address, tmp_path, size, scheme, states)
    for state in states:
        with Image.open(tmp_path / f"{state}-{size}-{scheme}-en.png") as image:
            assert image.size == pixels
