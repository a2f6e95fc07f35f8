"""What browser tests and the README's screenshot share: Chromium, and a hand that draws in it."""

import os
import shutil
from collections.abc import Callable

import torch
from playwright.sync_api import Browser, Page, Playwright

from digits.data import synthetic

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# No calls home; and root, as in a container, has no sandbox.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]

Strokes = list[list[list[float]]]

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}


def launch(playwright: Playwright) -> Browser:
    flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=flags)


def hand(digit: int, seed: int = 0) -> Strokes:
    """A handwritten `digit`: points x, y as shares of a square in the middle of the paper, filling 70 % of it."""
    strokes = synthetic.digit_strokes(digit, torch.Generator().manual_seed(seed))
    return [((sparse(stroke) - 0.5) * 0.7 + 0.5).tolist() for stroke in strokes]


def sparse(points: torch.Tensor) -> torch.Tensor:
    """Every second point of a stroke and its last: each costs a frame of the screen."""
    return torch.cat([points[:-1][::2], points[-1:]])


def row(text: str, seed: int = 0) -> Strokes:
    """A handwritten number as wide as the paper, in the same units."""
    strokes, step = [], 1.2 / len(text)
    for place, digit in enumerate(text):
        middle = 0.5 + (place - (len(text) - 1) / 2) * step
        for stroke in hand(int(digit), seed + place):
            strokes.append([[middle + (x - 0.5) * step, 0.5 + (y - 0.5) * step] for x, y in stroke])
    return strokes


def on_screen(page: Page, stroke: list[list[float]]) -> list[tuple[float, float]]:
    """A stroke in pixels of the window, wherever the paper, on which it is in the middle, is in it now."""
    box = page.locator("#canvas").bounding_box()
    left = box["x"] + (box["width"] - box["height"]) / 2
    return [(left + x * box["height"], box["y"] + y * box["height"]) for x, y in stroke]


def draw(page: Page, strokes: Strokes) -> None:
    """Draw with the mouse."""
    page.locator("#canvas").scroll_into_view_if_needed()
    for stroke in strokes:
        first, *others = on_screen(page, stroke)
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place)
        page.mouse.up()


def finger(page: Page) -> Callable[..., None]:
    """What makes the events of a phone's screen: a kind, and where fingers are."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return touch


def draw_with_finger(page: Page, strokes: Strokes) -> None:
    """Draw by touch."""
    touch = finger(page)
    for stroke in strokes:
        first, *others = on_screen(page, stroke)
        touch("touchStart", first)
        for place in others:
            touch("touchMove", place)
        touch("touchEnd")


def until(page: Page, condition: str) -> None:
    """Wait for a condition; the page's own policy forbids Playwright's way, which evaluates a text in the page."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(condition)


def ink(page: Page) -> int:
    """How many of the paper's pixels are drawn on."""
    return page.evaluate("""() => {
        const canvas = document.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, i) => i % 4 === 3 && value > 127).length;
    }""")
