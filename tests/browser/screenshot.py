"""Makes the README's pictures of the page and of a report: `python -m tests.browser.screenshot`."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import model
from digits import mnist, report
from tests.browser import chromium
from tests.serving import site

DOCS = Path(__file__).parents[2] / "docs"


def reported() -> Path:
    """A report on the weights that ship."""
    path = Path(tempfile.mkdtemp()) / "report.html"
    report.write(path, model.load("mnist.pth"), Path("mnist.pth"), mnist.load("test"))
    return path


def main() -> None:
    with site() as served, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        page = browser.new_page(viewport={"width": 1040, "height": 680})
        page.goto(served.address)
        chromium.draw(page, chromium.hand(3))
        page.wait_for_selector("#answer[data-state=certain]")
        page.wait_for_timeout(500)  # until the bars have grown
        page.screenshot(path=DOCS / "page.png")
        page = browser.new_page(viewport={"width": 1200, "height": 1290})
        page.goto(reported().as_uri())
        page.screenshot(path=DOCS / "report.png")
        browser.close()


if __name__ == "__main__":
    main()
