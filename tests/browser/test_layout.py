"""The layout of the page in windows of several sizes."""

import pytest

from bench.chromium import PHONE


@pytest.mark.parametrize(("width", "height"), [(844, 390), (1280, 640), (1920, 1080), (390, 844)])
def test_canvas_tools_and_reading_fit_into_the_window(open_page, width, height):
    page = open_page(viewport={"width": width, "height": height})
    for selector in ("#canvas", "#clear", "#pens", "#bars"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_all_three_pens_are_visible_on_a_phone(open_page):
    """The thickest pen was once cut off at the edge of its group."""
    page = open_page(**PHONE)
    group = page.locator("#pens").bounding_box()
    thickest = page.locator("#pens input").nth(2).bounding_box()
    assert thickest["x"] + thickest["width"] < group["x"] + group["width"]


def test_canvas_of_300_pixels_keeps_its_aspect_ratio(open_page):
    """A canvas is 300×150 pixels by default: an unchanged width does not mean an unchanged height."""
    page = open_page(viewport={"width": 334, "height": 700})
    width, height = page.evaluate("[canvas.width, canvas.height]")
    assert (width, height) == (300, 225)
