"""Makes the README's picture of the page: `python -m tests.browser.screenshot`."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.serving import site

TARGET = Path(__file__).parents[2] / "docs" / "page.png"


def main() -> None:
    with site() as served, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        page = browser.new_page(viewport={"width": 1040, "height": 680})
        page.goto(served.address)
        chromium.draw(page, chromium.hand(3))
        page.wait_for_selector("#answer[data-state=certain]")
        page.wait_for_timeout(500)  # until the bars have grown
        page.screenshot(path=TARGET)
        browser.close()


if __name__ == "__main__":
    main()
