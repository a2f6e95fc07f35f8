"""The page in browsers of early 2023: Chrome 111, Safari 16.4 and Firefox ESR 115, as on machines of schools."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from bench.chromium import DESKTOP, digit_strokes, draw
from scripts.page_states import STATES

# What those browsers lack. Set to undefined, an ARIA property becomes an ordinary one that changes no attribute.
REMOVE = """
delete AbortSignal.any;
delete Promise.withResolvers;
for (const name of Object.getOwnPropertyNames(Element.prototype)) {
  if (name === "role" || /^aria[A-Z]/.test(name)) delete Element.prototype[name];
}
"""
LIGHT_DARK = re.compile(r"light-dark\((.*?), (.*?)\)")


def as_old_browsers_read_it(route: Route) -> None:
    """Answer with a style sheet without light-dark() and :has()."""
    response = route.fetch()
    css = re.sub(r"@supports not [^{]*", "@supports (color: red) ", response.text())
    route.fulfill(response=response, body=LIGHT_DARK.sub("unknown(0)", css).replace(":has(", ":unknown("))


@pytest.fixture
def page(browser, address):
    context = browser.new_context(**DESKTOP, color_scheme="dark")
    context.add_init_script(REMOVE)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/css/*.css", as_old_browsers_read_it)
    page.goto(address)
    yield page
    context.close()
    assert errors == []


def test_drawing_is_read_and_explained_in_the_light_theme(page):
    draw(page, digit_strokes(3))
    expect(page.locator("#reading-text")).to_have_text("3")
    expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#compare")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#neurons")).to_have_attribute("aria-label", re.compile("respond"))
    expect(page.locator("#saliency-classes label")).to_have_count(10)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 245, 241)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 32, 48)"


def test_tools_work(page):
    draw(page, digit_strokes(3))
    page.locator("#erase").click()
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "true")
    page.locator("#clear").click()
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "false")
    page.locator("#undo").click()
    expect(page.locator("#reading-text")).to_have_text("3")
    page.locator("#sample").click()
    expect(page.locator("#reading")).to_have_attribute("data-status", "certain")
    colors = page.evaluate("[...document.querySelectorAll('[name=pen]')].map((pen) => getComputedStyle(pen).boxShadow)")
    assert colors == ["none", colors[1], "none"]
    assert colors[1] != "none"
    assert page.evaluate("getComputedStyle(document.querySelector('#saliency-classes input')).opacity") == "1"


def test_pages_of_a_file_are_shown_and_read(page):
    STATES["pages"](page)
    expect(page.locator("#page-picker")).to_have_attribute("aria-label", "Pages of the file")


def test_colors_of_the_light_theme_are_the_same_without_light_dark():
    css = Path("static/css/base.css").read_text()
    pairs = re.findall(r"(--[\w-]+): light-dark\((#\w+), #\w+\)", css)
    fallback = css.partition("@supports not")[2].partition("\n}\n")[0]
    assert dict(pairs) == dict(re.findall(r"(--[\w-]+): (#\w+);", fallback))
    assert len(pairs) > 10


def test_mistake_in_the_script_is_not_reported_as_an_absent_server(browser, address):
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(address)
    page.evaluate("Blob.prototype.__defineGetter__('type', () => { throw new Error('a mistake'); })")
    with page.expect_event("pageerror") as error:
        draw(page, digit_strokes(3))
    assert "a mistake" in str(error.value)
    expect(page.locator("#reading")).not_to_have_attribute("data-status", "unavailable")
    context.close()
