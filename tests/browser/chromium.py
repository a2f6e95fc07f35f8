"""What browser tests and the README's screenshot share: Chromium, and a hand that draws in it."""

import os
import shutil

import torch
from playwright.sync_api import Browser, Page, Playwright

from digits import synthetic

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# No calls home; and root, as in a container, has no sandbox.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]

Strokes = list[list[list[float]]]


def launch(playwright: Playwright) -> Browser:
    flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=flags)


def hand(digit: int, seed: int = 0) -> Strokes:
    """A handwritten `digit`: points x, y as shares of the paper's side, filling 70 % of it."""
    strokes = synthetic.strokes(digit, torch.Generator().manual_seed(seed))
    return [((stroke - 0.5) * 0.7 + 0.5).tolist() for stroke in strokes]


def on_screen(page: Page, stroke: list[list[float]]) -> list[tuple[float, float]]:
    """A stroke in pixels of the window, wherever the paper is in it now."""
    box = page.locator("#canvas").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]


def draw(page: Page, strokes: Strokes) -> None:
    """Draw with the mouse."""
    for stroke in strokes:
        first, *others = on_screen(page, stroke)
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place)
        page.mouse.up()


def draw_with_finger(page: Page, strokes: Strokes) -> None:
    """Draw by touch, through the same events that a phone's screen makes."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for stroke in strokes:
        first, *others = on_screen(page, stroke)
        touch("touchStart", first)
        for place in others:
            touch("touchMove", place)
        touch("touchEnd")
