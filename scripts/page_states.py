"""The main states of the page, each reached by the actions of a user.

Open the page with `reduced_motion="reduce"`: nothing waits for the end of a smooth scroll.
"""

from playwright.sync_api import Page, expect

from bench.chromium import digit_strokes, draw, number_strokes
from bench.sample_images import draw_number, encode_image, to_image
from digits.data.glyphs import CHARACTER_TEMPLATES

LETTER_R = [[[0.25 + 0.6 * x, 0.2 + 0.6 * y] for x, y in stroke] for stroke in CHARACTER_TEMPLATES["R"][0]]
BETWEEN_1_AND_7 = [[[0.36, 0.33], [0.47, 0.22], [0.58, 0.18], [0.55, 0.5], [0.5, 0.85]]]


def write(page: Page, text: str, seed: int = 0) -> None:
    """Write a digit or a number, and wait until it is read and explained."""
    write_strokes(page, digit_strokes(int(text), seed) if len(text) == 1 else number_strokes(text, seed))


def write_strokes(page: Page, strokes: list) -> None:
    """Clear the canvas, draw, and wait until the drawing is read and explained."""
    clear(page)
    draw(page, strokes)
    wait_until_explained(page)


def clear(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("#reading")).to_have_attribute("data-status", "blank")


def wait_until_explained(page: Page) -> None:
    expect(page.locator("#reading")).not_to_have_attribute("data-status", "blank")
    expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#compare")).to_have_attribute("aria-busy", "false")


def open_picture(page: Page) -> None:
    clear(page)
    page.locator("#file-input").set_input_files("input/test-5.png")
    wait_until_explained(page)


def open_pages(page: Page) -> None:
    """Open a file with three pages, and choose the second."""
    clear(page)
    first, *others = (to_image(draw_number(text)) for text in ("20", "26", "12"))
    content = encode_image(first, "TIFF", save_all=True, append_images=others)
    page.locator("#file-input").set_input_files([{"name": "scan.tif", "mimeType": "image/tiff", "buffer": content}])
    expect(page.locator("#file-name")).to_have_text("scan.tif, page 1 of 3")
    page.locator("#next-page").click()
    expect(page.locator("#reading-text")).to_have_text("26")
    wait_until_explained(page)


def lose_server(page: Page) -> None:
    """Draw while the server does not answer. Requests after this one are answered again."""
    page.keyboard.press("Escape")  # closes the tour if it is open
    page.keyboard.press("Escape")
    page.route("**/api", lambda route: None)
    draw(page, digit_strokes(2))
    expect(page.locator("#reading")).to_have_attribute("data-status", "unavailable")
    page.unroute("**/api")


def show_saliency(page: Page) -> None:
    write(page, "7")
    page.locator("#saliency-classes label").nth(1).click()
    page.locator("#step-saliency").scroll_into_view_if_needed()


def take_tour(page: Page, step: int) -> None:
    """Start the tour and go to a step, counted from 0."""
    write(page, "4")
    page.locator("#tour-start").click()
    for _ in range(step):
        page.locator("#tour .primary").click()


def write_and_scroll(page: Page, text: str, element_id: str) -> None:
    """Write a number and scroll to an element of the page."""
    write(page, text)
    page.evaluate("id => document.getElementById(id).scrollIntoView({block: 'start', behavior: 'instant'})", element_id)


STATES = {
    "blank": lambda page: None,
    "digit": lambda page: write(page, "3"),
    "number": lambda page: write(page, "274"),
    "uncertain": lambda page: write_strokes(page, BETWEEN_1_AND_7),
    "letter": lambda page: write_strokes(page, LETTER_R),
    "picture": open_picture,
    "pages": open_pages,
    "normalization": lambda page: write_and_scroll(page, "5", "step-normalization"),
    "filters": lambda page: write_and_scroll(page, "5", "step-conv1"),
    "neurons": lambda page: write_and_scroll(page, "5", "step-fc1"),
    "saliency": show_saliency,
    "compare": lambda page: write_and_scroll(page, "9", "compare"),
    "tour": lambda page: take_tour(page, 1),
    "waiting": lose_server,
}
