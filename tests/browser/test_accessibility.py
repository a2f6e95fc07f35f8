"""Who cannot see, point or load much can use the page, too: WCAG 2.2 AA by axe-core, the keyboard, the page's size."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from bench.chromium import DESKTOP, PHONE
from scripts.page_states import STATES

STATIC = Path(__file__).parents[2] / "static"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation(visit, options, scheme):
    page = visit(**options, color_scheme=scheme)
    for state in ("blank", "number", "doubtful", "letter", "photo", "tour", "waiting"):
        STATES[state](page)
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
        assert [(state, one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found] == []


def test_all_is_reached_and_used_by_keyboard_and_the_focus_is_seen(visit):
    page = visit(**DESKTOP)
    page.locator("#sample").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#comparison")).to_be_visible()
    page.reload()  # the focus begins at the top; what was written is still there
    expect(page.locator("#explain-steps")).to_be_visible()
    where = """() => {
        const now = document.activeElement;
        const outlined = now.closest(".button, .pens label, #saliency-classes label") ?? now;
        const list = now.closest("[role=listbox], [role=tablist], #saliency-classes");
        const name = now.id || now.name || (list?.id || list?.ariaLabel) || now.tagName;
        return [name, getComputedStyle(outlined).outlineStyle];
    }"""
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(where)
        if name == "BODY":
            break
        assert outline != "none", name
        seen.append(name)
    assert seen == [
        *("tour-start", "language", "theme", "canvas", "erase", "clear", "pen", "file-input", "sample", "reading-text"),
        *("Maps of the first convolution", "Maps of the second convolution", "saliency-class", "A"),
    ]


def test_arrow_keys_move_among_maps_and_digits(visit):
    page = visit(**DESKTOP)
    STATES["digit"](page)
    for part, said in (
        ("#step-conv1 [tabindex='0']", "#step-conv1 h4"),
        ("#saliency-classes :checked", "#contrast-caption"),
    ):
        before = page.locator(said).inner_text()
        page.locator(part).focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator(said)).not_to_have_text(before)


def test_what_was_read_is_told_to_a_screen_reader(visit):
    page = visit(**DESKTOP)
    page.evaluate("Math.random = () => 0.55")
    page.locator("#sample").click()
    expect(page.get_by_role("status").filter(has_text="5 · ")).to_contain_text("% sure")


def test_nothing_moves_for_who_asks_for_that(visit):
    page = visit(**DESKTOP, reduced_motion="reduce")
    STATES["digit"](page)
    moving = """[...document.querySelectorAll("*")].filter((element) => {
        const { transitionDuration, animationName } = getComputedStyle(element);
        return parseFloat(transitionDuration) > 0 || animationName !== "none";
    }).length"""
    assert page.evaluate(moving) == 0


def files() -> list[Path]:
    return [path for path in STATIC.rglob("*") if path.is_file()]


def test_the_page_is_small_and_each_of_its_files_too():
    assert sum(path.stat().st_size for path in files()) < 150_000
    for path in files():
        assert len(path.read_text().splitlines()) < 250, path


def test_no_file_names_another_host():
    for path in files():
        if path.suffix != ".LICENSE":
            hosts = set(re.findall(r"https?://[\w./-]+|[\"'(]//\w[\w./-]+", path.read_text()))
            assert hosts <= {"http://www.w3.org/2000/svg"}, path


def test_both_languages_say_the_same_things(visit):
    page = visit(**DESKTOP)
    kinds = """async (code) => {
        const texts = (await import(`/static/locales/${code}.js`)).default;
        return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, typeof text]));
    }"""
    english = page.evaluate(kinds, "en")
    assert page.evaluate(kinds, "zh") == english
    source = (STATIC / "index.html").read_text()
    assert set(re.findall(r'data-i18n(?:-label)?="(\w+)"', source)) <= set(english)
    code = "".join(path.read_text() for path in STATIC.glob("js/*.js")) + source
    named = set(re.findall(r'"(\w+)"', code)) | {"name"}
    begun = tuple(re.findall(r"t\(`(\w+)\$", code))  # as in t(`wait_${…}`)
    assert {key for key in english if key not in named and not key.startswith(begun)} == set()


def test_the_html_holds_no_words_of_its_own():
    source = re.sub(
        r"<!--.*?-->|<noscript>.*?</noscript>|<title>.*?</title>|<kbd>.*?</kbd>",
        "",
        (STATIC / "index.html").read_text(),
        flags=re.DOTALL,
    )
    assert re.sub(r"<[^>]*>|\s", "", source) == ""
