"""The screenshots of the page's main states that `python -m scripts.screenshots` writes."""

import pytest
from PIL import Image

from scripts import screenshots
from scripts.page_states import STATES


@pytest.mark.parametrize(
    ("size", "scheme", "pixels"), [("desktop", "light", (1440, 900)), ("phone", "dark", (3 * 390, 3 * 844))]
)
def test_every_state_has_a_screenshot(browser, address, tmp_path, size, scheme, pixels):
    screenshots.screenshot_states(browser, address, tmp_path, size, scheme)
    for state in STATES:
        with Image.open(tmp_path / f"{state}-{size}-{scheme}-en.png") as image:
            assert image.size == pixels
