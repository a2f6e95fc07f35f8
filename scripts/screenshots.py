"""Pictures to look at: `python -m scripts.screenshots [FOLDER]` puts the page's main states there.

Each at 1440×900 and 390×844, by day and by night, in English, and some in Chinese; screenshots/ by default. The
README's pictures of the page and of a report, in docs/, are made along with them.
"""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

import model
from bench import chromium
from bench.server_process import run_app
from digits.data import mnist
from digits.explain import report
from scripts.page_states import STATES, write

DOCS = Path(__file__).parents[1] / "docs"
SCHEMES = ("light", "dark")
SIZES = {"desktop": chromium.DESKTOP, "phone": chromium.PHONE}
CHINESE = ("blank", "number", "filters", "tour")  # the states that are shown in it, too


def take(browser: Browser, address: str, folder: Path, size: str, scheme: str) -> None:
    """All states in one size and theme as PNG files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for locale, states in (("en", tuple(STATES)), ("zh", CHINESE if scheme == "light" else ())):
        context = browser.new_context(**SIZES[size], color_scheme=scheme, locale=locale, reduced_motion="reduce")
        page = context.new_page()
        page.goto(address)
        for state in states:
            STATES[state](page)
            page.screenshot(path=folder / f"{state}-{size}-{scheme}-{locale}.png")
        context.close()


def documented(browser: Browser, address: str) -> None:
    """The README's two pictures of the page: on a desktop by day and on a phone by night."""
    page = browser.new_context(viewport={"width": 1200, "height": 1500}, reduced_motion="reduce").new_page()
    page.goto(address)
    write(page, "5")
    page.mouse.move(5, 5)
    page.screenshot(path=DOCS / "page.png")
    phone = browser.new_context(**chromium.PHONE | {"device_scale_factor": 2}, color_scheme="dark").new_page()
    phone.goto(address)
    write(phone, "274")
    phone.screenshot(path=DOCS / "phone.png")


def reported(browser: Browser) -> None:
    """The README's picture of a report on the weights that ship."""
    path = Path(tempfile.mkdtemp()) / "report.html"
    report.write_report(path, model.load("mnist.pth"), Path("mnist.pth"), mnist.load("test"))
    page = browser.new_page(viewport={"width": 1200, "height": 1290})
    page.goto(path.as_uri())
    page.screenshot(path=DOCS / "report.png")


def main(folder: str = "screenshots") -> None:
    with open(os.devnull, "w") as log, run_app(0, 2, log=log.fileno()) as served, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for size in SIZES:
            for scheme in SCHEMES:
                take(browser, served.address, Path(folder), size, scheme)
        documented(browser, served.address)
        reported(browser)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
