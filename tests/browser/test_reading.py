"""The reading of a drawing: digits, boxes and bars, uncertainty, and outdated answers."""

import contextlib

import pytest
from playwright.sync_api import Error, expect

from bench.chromium import DESKTOP, PHONE, digit_strokes, draw, number_strokes, to_window_pixels
from scripts.page_states import LETTER_R

UNCERTAIN_DIGIT = {
    "result": 1,
    "probability": 0.4,
    "probabilities": [0, 0.4, 0, 0, 0, 0, 0, 0.3, 0, 0.3],
    "box": [90, 90, 180, 180],
}
UNCERTAIN_READING = {
    "result": 1,
    "text": "1",
    "probability": 0.4,
    "certain": False,
    "digits": [UNCERTAIN_DIGIT],
    "lines": [{"text": "1"}],
    "marks": [],
}
CERTAIN_DIGIT = {"probability": 0.99, "box": [90, 90, 180, 180]}


def certain_digit(result: int) -> dict:
    return CERTAIN_DIGIT | {"result": result, "probabilities": [0.99 if i == result else 0 for i in range(10)]}


def certain_reading(*lines: str, marks: tuple = (), certain: bool = True) -> dict:
    """A reading of the `lines` in which every digit is certain, without the `marks`."""
    text = "".join(lines)
    return {
        "result": int(text),
        "text": text,
        "probability": 0.97,
        "certain": certain,
        "digits": [certain_digit(int(digit)) for digit in text],
        "lines": [{"text": line} for line in lines],
        "marks": [{"mark": mark, "box": [190, 160, 200, 170]} for mark in marks],
    }


def answer_with(page, reading: dict) -> None:
    """Replace the server's answers and draw."""
    page.route("**/api", lambda route: route.fulfill(json=reading))
    draw(page, digit_strokes(1))


def hold_first_request(page, url: str, answer_first) -> list:
    """Hold the first request to `url` until the second one comes. Return the list of requests."""
    held = []

    def hold(route):
        held.append(route)
        if len(held) > 1:
            with contextlib.suppress(Error):  # the page may have aborted the first request
                answer_first(held[0])
            route.continue_()

    page.route(url, hold)
    return held


def bounds(points: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of points."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_number_gets_a_box_per_digit_and_bars_for_the_selected_digit(open_page, options):
    page = open_page(**options)
    strokes = number_strokes("274")
    draw(page, strokes)
    expect(page.locator("#reading-text")).to_have_text("274")
    boxes = page.locator(".box")
    expect(boxes).to_have_count(3)
    for index, digit in enumerate("274"):
        expect(boxes.nth(index)).to_contain_text(f"{digit} · ")
        expect(boxes.nth(index)).to_contain_text("%")
    box = boxes.first.bounding_box()
    box_bounds = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    tolerance = 0.07 * page.locator("#canvas").bounding_box()["width"]
    assert box_bounds == pytest.approx(bounds(to_window_pixels(page, strokes[0])), abs=tolerance)
    page.locator("#reading-text [role=tab]").nth(1).click()
    expect(page.locator("#bars li.best")).to_contain_text("7")
    expect(page.locator("#bars-title")).to_contain_text("2nd of 3")
    expect(boxes.nth(1)).to_have_class("box selected")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#bars li.best")).to_contain_text("4")
    expect(page.locator("#reading-text [role=tab]").nth(2)).to_be_focused()


def test_answer_to_an_outdated_drawing_is_not_shown(open_page):
    """The first answer comes after the second request; it was once shown in place of the second answer."""
    page = open_page(**DESKTOP)
    first, second = digit_strokes(4)
    shown = []
    requests = hold_first_request(page, "**/api", lambda route: route.fulfill(json=UNCERTAIN_READING))
    page.expose_function("recordText", lambda text: shown.append(str(text)))
    page.evaluate("""() => {
        const text = document.getElementById("reading-text");
        new MutationObserver(() => recordText(text.textContent)).observe(text, { childList: true });
    }""")
    with page.expect_request("**/api"):
        draw(page, [first])
    draw(page, [second])
    expect(page.locator("#reading-text")).to_have_text("4")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert len(requests) == 2
    assert set(shown) == {"4"}


def test_new_stroke_aborts_the_pending_request(open_page):
    page = open_page(**DESKTOP)
    page.route("**/api", lambda route: None)  # never answered
    failures = []
    page.on("requestfailed", lambda request: failures.append(request.failure))
    with page.expect_request("**/api"):
        draw(page, [digit_strokes(4)[0]])
    with page.expect_event("requestfailed"):
        draw(page, [digit_strokes(4)[1]])
    assert "ERR_ABORTED" in failures[0]
    page.unroute("**/api")


def test_explanation_of_an_outdated_drawing_is_not_shown(open_page):
    """Otherwise the page would explain a 7 below the drawing of a 3."""
    page = open_page(**DESKTOP)
    hold_first_request(page, "**/api/explain*", lambda route: route.continue_())
    with page.expect_request("**/api/explain*"):
        draw(page, digit_strokes(7))
    page.keyboard.press("Escape")
    draw(page, digit_strokes(3))
    expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#saliency-caption")).to_have_text("Why 3?")


def test_uncertain_reading_is_marked_and_names_an_alternative(open_page):
    page = open_page(**DESKTOP)
    answer_with(page, UNCERTAIN_READING)
    expect(page.locator("#reading")).to_have_attribute("data-status", "uncertain")
    expect(page.locator("#sentence")).to_have_text("Maybe 1, maybe 7.")
    expect(page.locator(".box")).to_have_class("box uncertain")
    expect(page.locator("#detail")).to_have_text("40% sure.")


def test_uncertain_digit_of_a_number_is_named(open_page):
    page = open_page(**DESKTOP)
    certain = UNCERTAIN_DIGIT | {"result": 5, "probability": 0.99, "probabilities": [0] * 5 + [0.99, 0.01, 0, 0, 0]}
    uncertain = UNCERTAIN_DIGIT | {"box": [200, 90, 260, 180]}
    answer_with(page, UNCERTAIN_READING | {"text": "51", "digits": [certain, uncertain], "lines": [{"text": "51"}]})
    expect(page.locator("#sentence")).to_have_text("Maybe 51.")
    expect(page.locator("#detail")).to_contain_text("not sure about the 2nd digit: 1, or maybe 7.")
    expect(page.locator("#bars")).to_have_class("bars")  # of the first digit, which is certain
    page.locator("#reading-text [role=tab]").nth(1).click()
    expect(page.locator("#bars")).to_have_class("bars uncertain")


def test_letter_is_not_read_as_a_digit(open_page):
    """It was once "Perhaps 8, perhaps 0", while all ten bars were equally high."""
    page = open_page(**DESKTOP)
    draw(page, LETTER_R)
    expect(page.locator("#sentence")).to_have_text("Not a digit, I think.")
    expect(page.locator("#detail")).to_contain_text("fine drawing")
    expect(page.locator("#reading")).to_have_attribute("data-status", "uncertain")
    expect(page.locator("#reading-text")).to_have_text("?")
    expect(page.locator(".box")).to_have_text("?")


def test_non_digit_within_a_number_is_named(open_page):
    page = open_page(**DESKTOP)
    certain = UNCERTAIN_DIGIT | {"result": 2, "probability": 0.99, "probabilities": [0, 0, 0.99] + [0] * 7}
    non_digit = {
        "result": 8,
        "probability": 0.11,
        "probabilities": [0.1] * 8 + [0.11, 0.09],
        "box": [200, 90, 260, 180],
    }
    answer_with(
        page,
        UNCERTAIN_READING
        | {"text": "28", "probability": 0.1, "digits": [certain, non_digit], "lines": [{"text": "28"}]},
    )
    expect(page.locator("#detail")).to_contain_text("The 2nd is not a digit, I think.")
    expect(page.locator("#reading-text [role=tab]")).to_have_text(["2", "?"])


def test_lines_stand_one_below_the_other_and_their_digits_are_selected_in_order(open_page):
    page = open_page(**DESKTOP)
    answer_with(page, certain_reading("12", "3"))
    expect(page.locator("#sentence")).to_have_text("12 / 3 · 97% sure")
    expect(page.locator("#reading-text > div")).to_have_text(["12", "3"])
    tabs = page.locator("#reading-text [role=tab]")
    one, two, three = (tab.bounding_box() for tab in tabs.all())
    assert one["y"] == two["y"]
    assert three["y"] >= one["y"] + one["height"]
    tabs.nth(1).click()
    page.keyboard.press("ArrowRight")
    expect(tabs.nth(2)).to_be_focused()
    expect(page.locator("#bars-title")).to_contain_text("3rd of 3")


def test_marks_that_were_left_out_are_named(open_page):
    page = open_page(**DESKTOP)
    answer_with(page, certain_reading("42", marks=("-", None, "-")))
    expect(page.locator("#reading")).to_have_attribute("data-status", "certain")
    expect(page.locator("#detail")).to_have_text("I only read digits, so I left out “-”, another sign.")
    page.locator("#language").select_option("zh")
    expect(page.locator("#detail")).to_have_text("我只认数字，所以略去了“-”、别的符号。")


def test_mark_inside_a_number_is_the_reason_of_an_uncertain_reading(open_page):
    page = open_page(**DESKTOP)
    answer_with(page, certain_reading("314", marks=(".",), certain=False))
    expect(page.locator("#sentence")).to_have_text("Maybe 314.")
    expect(page.locator("#detail")).to_have_text("I only read digits, so I left out “.”. 97% sure.")


@pytest.mark.parametrize(
    ("box", "class_name"), [([250, 14, 500, 744], "label-inside"), ([890, 250, 995, 500], "label-right")]
)
def test_label_of_a_box_stays_on_the_canvas(open_page, box, class_name):
    page = open_page(**DESKTOP)
    answer_with(page, UNCERTAIN_READING | {"digits": [UNCERTAIN_DIGIT | {"box": box}]})
    expect(page.locator(f".box.{class_name}")).to_have_count(1)
    label, canvas = page.locator(".box span").bounding_box(), page.locator("#canvas-area").bounding_box()
    assert canvas["y"] <= label["y"] <= canvas["y"] + canvas["height"] - label["height"]
    assert canvas["x"] <= label["x"] <= canvas["x"] + canvas["width"] - label["width"]
