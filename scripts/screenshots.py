"""Screenshots of the page: `python -m scripts.screenshots [FOLDER]` writes its main states to FOLDER (screenshots/).

Each state is taken at 1440×900 and 390×844, in the light and the dark theme, in English; some also in Chinese. The
pictures of the page and of a report in docs/ are renewed as well.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from playwright.sync_api import Browser, sync_playwright

import model
from bench import chromium
from bench.server_process import run_app
from digits.data import mnist
from digits.explain import report
from scripts.page_states import STATES, write

DOCS = Path(__file__).parents[1] / "docs"
Scheme = Literal["light", "dark"]
SIZES = {"desktop": chromium.DESKTOP, "phone": chromium.PHONE}
CHINESE_STATES = ("blank", "number", "filters", "tour")


def screenshot_states(
    browser: Browser, address: str, folder: Path, size: str, scheme: Scheme, states: Sequence[str] = tuple(STATES)
) -> None:
    """Write a PNG file of each of the `states` to `folder`, in one size and color scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    chinese = [state for state in CHINESE_STATES if state in states and scheme == "light"]
    for locale, shown in (("en", states), ("zh", chinese)):
        context = browser.new_context(**SIZES[size], color_scheme=scheme, locale=locale, reduced_motion="reduce")
        page = context.new_page()
        page.goto(address)
        for state in shown:
            STATES[state](page)
            page.screenshot(path=folder / f"{state}-{size}-{scheme}-{locale}.png")
        context.close()


def screenshot_page_for_docs(browser: Browser, address: str) -> None:
    """Renew the pictures of the page: a number in both themes, a look inside, and a phone in the dark theme."""
    for name, text, height, scheme in (
        ("page.png", "2026", 730, "light"),
        ("page-dark.png", "2026", 730, "dark"),
        ("look-inside.png", "5", 1500, "light"),
    ):
        context = browser.new_context(
            viewport={"width": 1200, "height": height}, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        page.goto(address)
        write(page, text)
        page.mouse.move(5, 5)  # so that nothing is hovered
        page.screenshot(path=DOCS / name)
        context.close()
    phone_options = chromium.PHONE | dict[str, Any](device_scale_factor=2)
    phone = browser.new_context(**phone_options, color_scheme="dark").new_page()
    phone.goto(address)
    write(phone, "274")
    phone.screenshot(path=DOCS / "phone.png")


def screenshot_report_for_docs(browser: Browser) -> None:
    """Renew the README's picture of a report on the weights that ship."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        report.write_report(path, model.load("mnist.pth"), Path("mnist.pth"), mnist.load("test"))
        page = browser.new_page(viewport={"width": 1200, "height": 1290})
        page.goto(path.as_uri())
        page.screenshot(path=DOCS / "report.png")


def main(folder: str = "screenshots") -> None:
    with open(os.devnull, "w") as log, run_app(0, 2, log=log.fileno()) as app, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for size in SIZES:
            for scheme in get_args(Scheme):
                screenshot_states(browser, app.address, Path(folder), size, scheme)
        screenshot_page_for_docs(browser, app.address)
        screenshot_report_for_docs(browser)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
