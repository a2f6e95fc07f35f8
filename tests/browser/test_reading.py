"""Reading along: the newest answer, boxes and bars, doubt, and a server that is gone, slow or busy."""

import contextlib
import os

import pytest
from playwright.sync_api import Error, expect

from bench.chromium import DESKTOP, PHONE, draw, hand, ink, on_screen, row
from bench.server_process import run_app
from digits.data import glyphs

READING = {
    "result": 1,
    "text": "1",
    "probability": 0.4,
    "certain": False,
    "digits": [
        {
            "result": 1,
            "probability": 0.4,
            "probabilities": [0, 0.4, 0, 0, 0, 0, 0, 0.3, 0, 0.3],
            "box": [90, 90, 180, 180],
        }
    ],
}


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_number_gets_a_box_over_each_digit_and_bars_for_the_one_that_is_chosen(visit, options):
    page = visit(**options)
    strokes = row("274", 0)
    draw(page, strokes)
    expect(page.locator("#reading-text")).to_have_text("274")
    boxes = page.locator(".box")
    expect(boxes).to_have_count(3)
    for place, digit in enumerate("274"):
        expect(boxes.nth(place)).to_contain_text(f"{digit} · ")
        expect(boxes.nth(place)).to_contain_text("%")
    (left, top), (right, bottom) = (pick(on_screen(page, strokes[0])) for pick in (corner(min), corner(max)))
    box = boxes.first.bounding_box()
    around = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    assert around == pytest.approx(
        (left, top, right, bottom), abs=0.07 * page.locator("#canvas").bounding_box()["width"]
    )
    page.locator("#reading-text [role=tab]").nth(1).click()
    expect(page.locator("#bars li.best")).to_contain_text("7")
    expect(page.locator("#bars-title")).to_contain_text("2nd of 3")
    expect(boxes.nth(1)).to_have_class("box selected")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#bars li.best")).to_contain_text("4")
    expect(page.locator("#reading-text [role=tab]").nth(2)).to_be_focused()


def corner(least):
    return lambda points: tuple(least(axis) for axis in zip(*points, strict=True))


def test_two_quick_strokes_show_the_newest_answer_alone(visit):
    """The first answer is held back until the second came: it once might have been shown over it."""
    page = visit(**DESKTOP)
    first, second = hand(4)
    held, shown = [], []

    def hold(route):
        held.append(route)
        if len(held) > 1:
            with contextlib.suppress(Error):  # as the page asks no more for it
                held[0].fulfill(json=READING)
            route.continue_()

    page.route("**/api", hold)
    page.expose_function("seen", lambda text: shown.append(str(text)))
    page.evaluate(
        "new MutationObserver(() => seen(document.getElementById('reading-text').textContent))"
        ".observe(document.getElementById('reading-text'), { childList: true })"
    )
    with page.expect_request("**/api"):
        draw(page, [first])
    draw(page, [second])
    expect(page.locator("#reading-text")).to_have_text("4")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert len(held) == 2
    assert set(shown) == {"4"}


def test_an_older_request_is_aborted(visit):
    page = visit(**DESKTOP)
    page.route("**/api", lambda route: None)  # never answered
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.failure))
    with page.expect_request("**/api"):
        draw(page, [hand(4)[0]])
    with page.expect_event("requestfailed"):
        draw(page, [hand(4)[1]])
    assert "ERR_ABORTED" in failed[0]
    page.unroute("**/api")


def test_an_uncertain_reading_looks_uncertain(visit):
    page = visit(**DESKTOP)
    page.route("**/api", lambda route: route.fulfill(json=READING))
    draw(page, hand(1))
    expect(page.locator("#reading")).to_have_attribute("data-status", "uncertain")
    expect(page.locator("#sentence")).to_have_text("Maybe 1, maybe 7.")
    expect(page.locator(".box")).to_have_class("box uncertain")
    expect(page.locator("#detail")).to_have_text("40% sure.")


def test_of_a_doubtful_number_the_doubtful_digit_is_named(visit):
    page = visit(**DESKTOP)
    sure = READING["digits"][0] | {"result": 5, "probability": 0.99, "probabilities": [0] * 5 + [0.99, 0.01, 0, 0, 0]}
    digits = [sure, READING["digits"][0] | {"box": [200, 90, 260, 180]}]
    page.route("**/api", lambda route: route.fulfill(json=READING | {"text": "51", "digits": digits}))
    draw(page, hand(1))
    expect(page.locator("#sentence")).to_have_text("Maybe 51.")
    expect(page.locator("#detail")).to_contain_text("not sure about the 2nd digit: 1, or maybe 7.")
    expect(page.locator("#bars")).to_have_class("bars")  # those of the first, which is sure
    page.locator("#reading-text [role=tab]").nth(1).click()
    expect(page.locator("#bars")).to_have_class("bars uncertain")


def test_a_letter_is_kindly_said_to_be_no_digit(visit):
    """It once was "Perhaps 8, perhaps 0", all ten bars being as high."""
    page = visit(**DESKTOP)
    draw(page, [[[0.25 + 0.6 * x, 0.2 + 0.6 * y] for x, y in stroke] for stroke in glyphs.CHARACTER_TEMPLATES["R"][0]])
    expect(page.locator("#sentence")).to_have_text("Not a digit, I think.")
    expect(page.locator("#detail")).to_contain_text("fine drawing")
    expect(page.locator("#reading")).to_have_attribute("data-status", "uncertain")
    expect(page.locator("#reading-text")).to_have_text("?")
    expect(page.locator(".box")).to_have_text("?")


BUSY = {"error": {"code": "busy", "message": "Come back."}}


@pytest.mark.parametrize(
    ("fault", "sentence", "said"),
    [
        (lambda route: route.abort("connectionrefused"), "The server does not answer.", ""),
        (lambda route: route.fulfill(status=503, json=BUSY), "The server is busy.", "Come back."),
        (
            lambda route: route.fulfill(status=502, body="<html>a proxy's page</html>"),
            "The server does not answer.",
            "",
        ),
        (lambda route: route.fulfill(status=502, json={"message": "a proxy's"}), "The server does not answer.", ""),
        (lambda route: None, "Still reading …", ""),
    ],
    ids=["gone", "overloaded", "behind a broken proxy", "behind a proxy that speaks JSON", "slow"],
)
def test_while_the_server_is_not_there_that_is_said_and_the_drawing_is_kept_and_read_later(
    browser, address, fault, sentence, said
):
    page = browser.new_context(**DESKTOP).new_page()
    page.goto(address)
    page.route("**/api", fault)
    draw(page, hand(7))
    expect(page.locator("#sentence")).to_have_text(sentence)
    expect(page.locator("#detail")).to_have_text(
        f"{said} Your drawing is safe. I will read it as soon as I can.".strip()
    )
    assert ink(page) > 0
    page.unroute("**/api")
    if sentence.startswith("Still"):
        draw(page, [[[0.5, 0.5], [0.51, 0.5]]])  # on what is there already; the newest question is asked at once
    expect(page.locator("#reading-text")).to_have_text("7")
    page.context.close()


def test_a_server_that_is_stopped_and_started_again_reads_what_was_drawn_meanwhile(browser):
    page = browser.new_context(**DESKTOP).new_page()
    with open(os.devnull, "w") as log:
        with run_app(0, 1, log=log.fileno()) as served:
            page.goto(served.address)
            draw(page, [hand(4)[0]])
            expect(page.locator("#reading")).not_to_have_attribute("data-status", "blank")
            port = int(served.address.rpartition(":")[2])
        draw(page, [hand(4)[1]])
        expect(page.locator("#sentence")).to_have_text("The server does not answer.")
        with run_app(port, 1, log=log.fileno()):
            expect(page.locator("#reading-text")).to_have_text("4", timeout=15_000)
            expect(page.locator("#explain")).to_have_attribute("aria-busy", "false", timeout=15_000)
    page.context.close()


def test_what_the_server_says_is_shown_and_not_run(browser, address):
    page = browser.new_context(**DESKTOP).new_page()
    page.goto(address)
    script = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
    page.route("**/api", lambda route: route.fulfill(status=400, json={"error": {"code": "odd", "message": script}}))
    draw(page, hand(7))
    expect(page.locator("#detail")).to_have_text(script)
    assert page.title() != "run"
    assert page.locator("#detail *").count() == 0
    page.context.close()


@pytest.mark.parametrize(("width", "height"), [(844, 390), (1280, 640), (1920, 1080), (390, 844)])
def test_paper_tools_and_reading_are_seen_at_once(visit, width, height):
    page = visit(viewport={"width": width, "height": height})
    for part in ("#canvas", "#clear", "#pens", "#bars"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_all_three_pens_are_seen_whole_on_a_phone(visit):
    """The thickest once was cut off at the edge of its group."""
    page = visit(**PHONE)
    group = page.locator("#pens").bounding_box()
    thickest = page.locator("#pens input").nth(2).bounding_box()
    assert thickest["x"] + thickest["width"] < group["x"] + group["width"]


def test_an_older_explanation_is_not_shown_for_a_newer_drawing(visit):
    """It would say why it is a 7 while the paper shows a 3."""
    page = visit(**DESKTOP)
    held = []

    def hold(route):
        held.append(route)
        if len(held) > 1:
            with contextlib.suppress(Error):  # as the page asks no more for it
                held[0].continue_()
            route.continue_()

    page.route("**/api/explain*", hold)
    with page.expect_request("**/api/explain*"):
        draw(page, hand(7))
    page.keyboard.press("Escape")
    draw(page, hand(3))
    expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#saliency-caption")).to_have_text("Why 3?")


def test_what_is_no_digit_within_a_number_is_said(visit):
    page = visit(**DESKTOP)
    sure = READING["digits"][0] | {"result": 2, "probability": 0.99, "probabilities": [0, 0, 0.99] + [0] * 7}
    none = {"result": 8, "probability": 0.11, "probabilities": [0.1] * 8 + [0.11, 0.09], "box": [200, 90, 260, 180]}
    answer = READING | {"text": "28", "probability": 0.1, "digits": [sure, none]}
    page.route("**/api", lambda route: route.fulfill(json=answer))
    draw(page, hand(1))
    expect(page.locator("#detail")).to_contain_text("The 2nd is not a digit, I think.")
    expect(page.locator("#reading-text [role=tab]")).to_have_text(["2", "?"])


@pytest.mark.parametrize(("box", "name"), [([90, 5, 180, 268], "label-inside"), ([320, 90, 358, 180], "label-right")])
def test_the_label_of_a_box_stays_on_the_paper(visit, box, name):
    page = visit(**DESKTOP)
    answer = READING | {"digits": [READING["digits"][0] | {"box": box}]}
    page.route("**/api", lambda route: route.fulfill(json=answer))
    draw(page, hand(1))
    expect(page.locator(f".box.{name}")).to_have_count(1)
    label, paper = page.locator(".box span").bounding_box(), page.locator("#canvas-area").bounding_box()
    assert paper["y"] <= label["y"] <= paper["y"] + paper["height"] - label["height"]
    assert paper["x"] <= label["x"] <= paper["x"] + paper["width"] - label["width"]


def test_what_keeps_an_explanation_away_is_said_where_it_is_missed(browser, address):
    page = browser.new_context(**DESKTOP).new_page()
    page.goto(address)
    page.route("**/api/explain*", lambda route: route.fulfill(status=503, json=BUSY))
    draw(page, hand(7))
    expect(page.locator("#explain-status")).to_have_text("The server is busy.")
    page.unroute("**/api/explain*")
    expect(page.locator("#saliency-caption")).to_have_text("Why 7?")
    expect(page.locator("#explain-status")).to_be_hidden()
    page.context.close()
