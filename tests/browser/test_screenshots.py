"""The screenshots of the page's main states, written to screenshots/ for people to look at."""

from pathlib import Path

import pytest
from PIL import Image

from scripts import screenshots
from scripts.page_states import STATES


@pytest.mark.parametrize("scheme", screenshots.SCHEMES)
@pytest.mark.parametrize(("size", "pixels"), [("desktop", (1440, 900)), ("phone", (3 * 390, 3 * 844))])
def test_every_state_has_a_screenshot(browser, address, size, pixels, scheme):
    folder = Path("screenshots")
    screenshots.screenshot_states(browser, address, folder, size, scheme)
    for state in STATES:
        with Image.open(folder / f"{state}-{size}-{scheme}-en.png") as image:
            assert image.size == pixels
