"""Chromium for the browser tests and screenshots, and synthetic handwriting to draw in it."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import torch
from playwright.sync_api import Browser, Page, Playwright

from digits.data import synthetic

# The headless shell first: Chromium without windows, for automation. Opening a page takes less than half the CPU time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
EXECUTABLE = next(filter(None, map(shutil.which, NAMES)), None)
# No requests to other hosts.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
# Chromium has no sandbox for root, the user in a container.
ROOT_FLAGS = ["--no-sandbox"]

# Points [x, y] of each stroke, as shares of a square in the middle of the canvas that is as high as the canvas.
Strokes = list[list[list[float]]]

DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}

WAIT_STEPS, WAIT_STEP = 2400, 25  # ms


def launch(playwright: Playwright) -> Browser:
    """Launch a headless Chromium."""
    flags = FLAGS + (ROOT_FLAGS if os.geteuid() == 0 else [])
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=flags)


def digit_strokes(digit: int, seed: int = 0) -> Strokes:
    """Make the strokes of a synthetic handwritten digit that fills 70 % of the square."""
    strokes = synthetic.digit_strokes(digit, torch.Generator().manual_seed(seed))
    return [((drop_every_second_point(stroke) - 0.5) * 0.7 + 0.5).tolist() for stroke in strokes]


def drop_every_second_point(points: torch.Tensor) -> torch.Tensor:
    """Halve the points (N, 2) of a stroke, but keep its end: the browser takes a frame for each point."""
    return torch.cat([points[:-1][::2], points[-1:]])


def number_strokes(text: str, seed: int = 0) -> Strokes:
    """Make the strokes of a synthetic handwritten number that is as wide as the canvas."""
    strokes, step = [], 1.2 / len(text)
    for position, digit in enumerate(text):
        middle = 0.5 + (position - (len(text) - 1) / 2) * step
        strokes += [
            [[middle + (x - 0.5) * step, 0.5 + (y - 0.5) * step] for x, y in stroke]
            for stroke in digit_strokes(int(digit), seed + position)
        ]
    return strokes


def to_window_pixels(page: Page, stroke: list[list[float]]) -> list[tuple[float, float]]:
    """Convert the points of a stroke to pixels of the window, at the current position of the canvas."""
    box = page.locator("#canvas").bounding_box()
    assert box, "the canvas is visible"
    left = box["x"] + (box["width"] - box["height"]) / 2
    return [(left + x * box["height"], box["y"] + y * box["height"]) for x, y in stroke]


def draw(page: Page, strokes: Strokes) -> None:
    """Draw strokes with the mouse."""
    page.locator("#canvas").scroll_into_view_if_needed()
    for stroke in strokes:
        first, *others = to_window_pixels(page, stroke)
        page.mouse.move(*first)
        page.mouse.down()
        for point in others:
            page.mouse.move(*point)
        page.mouse.up()


def touch_dispatcher(page: Page) -> Callable[..., None]:
    """Return a function `dispatch(event_type, *points)` that sends touch events with a finger at each point."""
    session = page.context.new_cdp_session(page)

    def dispatch(event_type: str, *points: tuple[float, float]) -> None:
        touch_points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": event_type, "touchPoints": touch_points})

    return dispatch


def draw_by_touch(page: Page, strokes: Strokes) -> None:
    """Draw strokes with a finger."""
    dispatch = touch_dispatcher(page)
    for stroke in strokes:
        first, *others = to_window_pixels(page, stroke)
        dispatch("touchStart", first)
        for point in others:
            dispatch("touchMove", point)
        dispatch("touchEnd")


def wait_for_condition(page: Page, condition: str) -> None:
    """Wait up to 60 s, as machines may be busy, until a JavaScript condition holds.

    Playwright's `wait_for_function` evaluates a string inside the page, which the page's Content-Security-Policy
    forbids.
    """
    for _ in range(WAIT_STEPS):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(WAIT_STEP)
    raise AssertionError(condition)


def count_drawn_pixels(page: Page) -> int:
    """Count the opaque pixels of the canvas."""
    return page.evaluate("""() => {
        const canvas = document.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, i) => i % 4 === 3 && value > 127).length;
    }""")
