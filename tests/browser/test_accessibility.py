"""Accessibility of the page: WCAG 2.2 AA by axe-core, keyboard, screen reader, reduced motion."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from bench.chromium import DESKTOP, PHONE
from scripts.page_states import STATES

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Without a list of the thousands of elements that pass, which takes three quarters of the time.
VIOLATIONS_ONLY = {"resultTypes": ["violations"]}
ALL_RULES = {"runOnly": {"type": "tag", "values": RULES}, **VIOLATIONS_ONLY}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, **VIOLATIONS_ONLY}
# The name of the focused element, or of the list that it belongs to, and the outline that shows the focus.
FOCUS = """() => {
    const focused = document.activeElement;
    const outlined = focused.closest(".button, .pens label, #saliency-classes label") ?? focused;
    const list = focused.closest("[role=listbox], [role=tablist], #saliency-classes");
    const name = focused.id || focused.name || (list?.id || list?.ariaLabel) || focused.tagName;
    return [name, getComputedStyle(outlined).outlineStyle];
}"""
COUNT_ANIMATED = """[...document.querySelectorAll("*")].filter((element) => {
    const { transitionDuration, animationName } = getComputedStyle(element);
    return parseFloat(transitionDuration) > 0 || animationName !== "none";
}).length"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("state", ["blank", "number", "uncertain", "letter", "picture", "pages", "tour", "waiting"])
def test_axe_finds_no_violation(open_page, size, state):
    page = open_page(**size, reduced_motion="reduce")
    STATES[state](page)
    for scheme, options in (("light", ALL_RULES), ("dark", CONTRAST)):  # the themes differ in nothing but colors
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options=options).response["violations"]
        assert [(scheme, one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found] == []


def test_tab_key_reaches_every_control_and_focus_is_visible(open_page):
    page = open_page(**DESKTOP)
    page.locator("#sample").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#comparison")).to_be_visible()
    page.reload()  # moves the focus to the top; the drawing is kept
    expect(page.locator("#explain-steps")).to_be_visible()
    names = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(FOCUS)
        if name == "BODY":
            break
        assert outline != "none", name
        names.append(name)
    assert names == [
        *("tour-start", "language", "theme", "canvas", "erase", "clear", "pen", "file-input", "sample", "reading-text"),
        *("Maps of the first convolution", "Maps of the second convolution", "saliency-class", "A"),
    ]


@pytest.mark.parametrize(
    ("control", "text"),
    [("#step-conv1 [tabindex='0']", "#step-conv1 h4"), ("#saliency-classes :checked", "#other-caption")],
    ids=["feature maps", "digits to explain"],
)
def test_arrow_keys_change_the_selection(open_page, control, text):
    page = open_page(**DESKTOP)
    STATES["digit"](page)
    before = page.locator(text).inner_text()
    page.locator(control).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(text)).not_to_have_text(before)


def test_reading_is_announced_to_screen_readers(open_page):
    page = open_page(**DESKTOP)
    page.evaluate("Math.random = () => 0.55")
    page.locator("#sample").click()
    expect(page.get_by_role("status").filter(has_text="5 · ")).to_contain_text("% sure")


def test_nothing_is_animated_with_reduced_motion(open_page):
    page = open_page(**DESKTOP, reduced_motion="reduce")
    STATES["digit"](page)
    assert page.evaluate(COUNT_ANIMATED) == 0
