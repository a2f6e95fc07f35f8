"""What the page looks like: its main states, each as something that a person does."""

from playwright.sync_api import Page, expect

from bench.chromium import draw, hand, row
from digits.data import glyphs

INSIDE = "#explain-steps:visible"


def write(page: Page, text: str, seed: int = 0) -> None:
    """Write a digit or a number, and wait until it is read and explained."""
    page.keyboard.press("Escape")
    expect(page.locator("#reading")).to_have_attribute("data-status", "blank")
    draw(page, hand(int(text), seed) if len(text) == 1 else row(text, seed))
    explained(page)


def explained(page: Page) -> None:
    expect(page.locator("#reading")).not_to_have_attribute("data-status", "blank")
    expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#compare")).to_have_attribute("aria-busy", "false")


def letter(page: Page) -> None:
    page.keyboard.press("Escape")
    draw(page, [[[0.25 + 0.6 * x, 0.2 + 0.6 * y] for x, y in stroke] for stroke in glyphs.CHARACTER_TEMPLATES["R"][0]])
    explained(page)


def doubtful(page: Page) -> None:
    """Between a 1 and a 7."""
    page.keyboard.press("Escape")
    draw(page, [[[0.36, 0.33], [0.47, 0.22], [0.58, 0.18], [0.55, 0.5], [0.5, 0.85]]])
    explained(page)


def photo(page: Page) -> None:
    page.keyboard.press("Escape")
    page.locator("#file-input").set_input_files("input/test-5.png")
    explained(page)


def waiting(page: Page) -> None:
    """For a server that does not answer; afterwards it does."""
    page.keyboard.press("Escape")  # ends the tour, where it was begun
    page.keyboard.press("Escape")
    page.route("**/api", lambda route: None)
    draw(page, hand(2))
    expect(page.locator("#reading")).to_have_attribute("data-status", "unavailable")
    page.unroute("**/api")


def why_not(page: Page) -> None:
    write(page, "7")
    page.locator("#saliency-classes label").nth(1).click()
    page.locator("#step-saliency").scroll_into_view_if_needed()


def touring(page: Page, step: int) -> None:
    write(page, "4")
    page.locator("#tour-start").click()
    for _ in range(step):
        page.locator("#tour .primary").click()
    page.wait_for_timeout(700)  # until it has scrolled there


def see(page: Page, part: str) -> None:
    page.evaluate("id => document.getElementById(id).scrollIntoView({block: 'start', behavior: 'instant'})", part)


STATES = {
    "blank": lambda page: None,
    "digit": lambda page: write(page, "3"),
    "number": lambda page: write(page, "274"),
    "doubtful": doubtful,
    "letter": letter,
    "photo": photo,
    "frame": lambda page: (write(page, "5"), see(page, "step-normalization")),
    "filters": lambda page: (write(page, "5"), see(page, "step-conv1")),
    "votes": lambda page: (write(page, "5"), see(page, "step-fc1")),
    "heat": why_not,
    "compare": lambda page: (write(page, "9"), see(page, "compare")),
    "tour": lambda page: touring(page, 1),
    "waiting": waiting,
}
