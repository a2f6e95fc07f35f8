"""What the page sends of a drawing: its strokes, without the erased ones, or a picture where there is one beneath."""

import json

import pytest
from playwright.sync_api import expect

from bench.chromium import DESKTOP, digit_strokes, draw
from tests.browser.test_upload import ONE_AT_THE_RIGHT, draw_seven, pick_file


def record_requests(page) -> list:
    """Record the content type and the body of each request for a reading."""
    requests = []

    def record(route):
        requests.append((route.request.headers["content-type"], route.request.post_data_buffer))
        route.continue_()

    page.route("**/api", record)
    return requests


def scale_strokes(strokes, size: float, left: float, top: float):
    return [[[left + size * x, top + size * y] for x, y in stroke] for stroke in strokes]


def test_strokes_are_sent_as_data_and_boxes_cover_them(open_page):
    page = open_page(**DESKTOP)
    requests = record_requests(page)
    draw(page, digit_strokes(7))
    expect(page.locator("#reading-text")).to_have_text("7")
    content_type, body = requests[-1]
    drawing = json.loads(body)
    assert content_type == "application/json"
    assert (drawing["width"], drawing["height"]) == (1000, 750)
    assert len(drawing["strokes"]) == len(digit_strokes(7))
    xs = [x for stroke in digit_strokes(7) for x, _ in stroke]
    canvas, box = page.locator("#canvas").bounding_box(), page.locator(".box").bounding_box()
    middle = (box["x"] + box["width"] / 2 - canvas["x"] - canvas["width"] / 2) / canvas["height"] + 0.5
    assert middle == pytest.approx((min(xs) + max(xs)) / 2, abs=0.02)


def test_small_digits_are_read(open_page):
    """A 7 of 8 % of the paper's height was sent as a blot, and read as 8."""
    page = open_page(**DESKTOP)
    for digit in (7, 4, 8):
        draw(page, scale_strokes(digit_strokes(digit), 0.09, 0.3, 0.6))
        expect(page.locator("#reading-text")).to_have_text(str(digit))
        page.keyboard.press("Escape")


def test_eraser_parts_strokes(open_page):
    page = open_page(**DESKTOP)
    requests = record_requests(page)
    draw(page, [[[0.5, y / 20] for y in range(2, 19)]])
    expect(page.locator("#reading-text")).to_have_text("1")
    page.locator("#erase").click()
    draw(page, [[[0.3, 0.5], [0.5, 0.5], [0.7, 0.5]]])
    expect(page.locator("#compare")).to_have_attribute("aria-busy", "false")
    upper, lower = json.loads(requests[-1][1])["strokes"]
    gap = lower[0][1] - upper[-1][1]
    assert gap == pytest.approx(1.6 * 40, abs=12)  # the width of the eraser


def test_strokes_on_a_picture_are_sent_as_a_picture(open_page):
    page = open_page(**DESKTOP)
    requests = record_requests(page)
    pick_file(page, draw_seven((800, 600), 255, 0))
    expect(page.locator("#reading-text")).to_have_text("7")
    draw(page, ONE_AT_THE_RIGHT)
    expect(page.locator("#reading-text")).to_have_text("71")
    assert {content_type for content_type, _ in requests} == {"image/png"}
