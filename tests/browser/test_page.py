"""The page in a real Chromium: what a hand draws is read, wherever the paper is and whatever draws."""

import pytest
from playwright.sync_api import expect, sync_playwright

from digits import letters
from tests.browser import chromium
from tests.browser.chromium import draw, draw_with_finger, hand
from tests.serving import site

pytestmark = pytest.mark.skipif(
    chromium.EXECUTABLE is None, reason="no Chromium: apt-get install chromium, or put one on the PATH"
)

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def address():
    with site() as served:
        yield served.address


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        with_it = chromium.launch(playwright)
        yield with_it
        with_it.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end, no error may have been logged and no other host asked."""
    contexts, complaints, hosts = [], [], set()

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("request", lambda request: hosts.add(request.url.partition("//")[2].partition("/")[0]))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert hosts == {address.partition("//")[2]}


def until(page, condition: str) -> None:
    """Wait for a condition; the page's own policy forbids Playwright's way, which evaluates a text in the page."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(condition)


def ink(page) -> int:
    """How many of the canvas's pixels are drawn on."""
    return page.evaluate("""() => {
        const canvas = document.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, i) => i % 4 === 3 && value > 127).length;
    }""")


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_drawn_with_the_mouse_is_read(visit, digit):
    page = visit(**DESKTOP)
    draw(page, hand(digit))
    expect(page.locator("#text")).to_have_text(str(digit))
    expect(page.locator("#sentence")).to_contain_text(str(digit))
    expect(page.locator("#bars li.best")).to_contain_text(str(digit))


@pytest.mark.parametrize("digit", [2, 4, 5])
def test_a_digit_drawn_with_a_finger_on_a_phone_is_read_and_does_not_scroll(visit, digit):
    page = visit(**PHONE)
    page.evaluate("document.body.style.padding = '200px 16px 2000px'; scrollTo(0, 100)")  # room both ways
    draw_with_finger(page, hand(digit))
    expect(page.locator("#text")).to_have_text(str(digit))
    assert page.evaluate("scrollY") == 100


def test_a_pen_draws(visit):
    page = visit(**DESKTOP)
    session = page.context.new_cdp_session(page)
    for stroke in hand(3):
        for i, (x, y) in enumerate(chromium.on_screen(page, stroke)):
            kind = "mousePressed" if i == 0 else "mouseMoved"
            at = {"x": x, "y": y, "button": "left", "buttons": 1, "pointerType": "pen", "force": 0.5, "clickCount": 1}
            session.send("Input.dispatchMouseEvent", {"type": kind} | at)
        session.send("Input.dispatchMouseEvent", {"type": "mouseReleased"} | at)
    expect(page.locator("#text")).to_have_text("3")


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.evaluate("document.body.style.paddingTop = '900px'; scrollTo(0, 850)"),
        lambda page: page.evaluate("document.documentElement.style.zoom = 1.3"),
        lambda page: page.set_viewport_size({"width": 700, "height": 640}),
        lambda page: page.evaluate("document.body.style.transform = 'translate(40px, 25px) scale(0.8)'"),
    ],
    ids=["scrolled", "zoomed", "resized", "moved"],
)
def test_strokes_land_under_the_pointer_after_the_page_is(visit, change):
    page = visit(**DESKTOP)
    change(page)
    page.locator("#canvas").scroll_into_view_if_needed()
    draw(page, hand(7))
    expect(page.locator("#text")).to_have_text("7")
    drawn = page.evaluate("""() => {
        const canvas = document.querySelector("canvas");
        const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const xs = [], ys = [];
        for (let i = 3; i < data.length; i += 4)
            if (data[i] > 127) {
                xs.push(((i - 3) / 4) % width / width);
                ys.push(Math.floor((i - 3) / 4 / width) / width);
            }
        const ends = (list) => [list.reduce((a, b) => Math.min(a, b)), list.reduce((a, b) => Math.max(a, b))];
        return [...ends(xs), ...ends(ys)];
    }""")
    points = [point for stroke in hand(7) for point in stroke]
    xs, ys = zip(*points, strict=True)
    half = 0.035  # of the paper's side: half of the pen
    expected = [min(xs) - half, max(xs) + half, min(ys) - half, max(ys) + half]
    assert drawn == pytest.approx(expected, abs=0.02)


def test_a_resize_redraws_the_strokes_as_sharp_as_the_screen(visit):
    page = visit(**DESKTOP)
    draw(page, hand(3))
    share = ink(page) / page.evaluate("document.querySelector('canvas').width ** 2")
    page.set_viewport_size({"width": 400, "height": 800})
    until(page, "document.querySelector('canvas').width < 400")
    assert ink(page) / page.evaluate("document.querySelector('canvas').width ** 2") == pytest.approx(share, abs=0.01)
    sharp = visit(**PHONE)
    width = sharp.locator("#canvas").bounding_box()["width"]
    assert sharp.evaluate("document.querySelector('canvas').width") == pytest.approx(3 * width, abs=3)


def test_another_pixel_ratio_redraws_though_the_paper_keeps_its_size(visit):
    page = visit(**DESKTOP)
    draw(page, hand(3))
    before, drawn = page.locator("#canvas").bounding_box()["width"], ink(page)
    denser = {"width": 1300, "height": 800, "deviceScaleFactor": 2, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", denser)
    until(page, f"document.querySelector('canvas').width === {round(2 * before)}")
    assert page.locator("#canvas").bounding_box()["width"] == before
    assert ink(page) == pytest.approx(4 * drawn, rel=0.02)


def test_clear_and_undo_work_by_button_and_by_key(visit):
    page = visit(**DESKTOP)
    strokes = hand(4)
    draw(page, strokes)
    expect(page.locator("#text")).to_have_text("4")
    full = ink(page)
    page.keyboard.press("Control+z")
    assert 0 < ink(page) < full
    page.keyboard.press("Escape")
    assert ink(page) == 0
    expect(page.locator("#sentence")).to_have_text("Nothing drawn yet.")
    expect(page.locator("#clear")).to_be_disabled()
    draw(page, strokes)
    page.locator("#clear").click()
    assert ink(page) == 0
    expect(page.locator("#bars li.best")).to_have_count(0)


def test_the_hint_goes_when_drawing_begins_and_comes_back(visit):
    page = visit(**DESKTOP)
    expect(page.locator("#hint")).to_be_visible()
    draw(page, hand(1))
    expect(page.locator("#hint")).to_be_hidden()
    page.locator("#clear").click()
    expect(page.locator("#hint")).to_be_visible()


def test_a_single_tap_is_a_dot(visit):
    page = visit(**DESKTOP)
    draw(page, [[[0.5, 0.5]]])
    assert ink(page) > 100


def test_other_buttons_and_a_second_finger_do_not_draw(visit):
    page = visit(**PHONE)
    (x, y), *_ = chromium.on_screen(page, [[0.5, 0.5]])
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.up(button="right")
    assert ink(page) == 0
    session = page.context.new_cdp_session(page)
    first, second = {"x": x - 80, "y": y, "id": 1}, {"x": x + 80, "y": y, "id": 2}
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [first]})
    alone = ink(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [first, second]})
    assert ink(page) == alone


def test_the_theme_redraws_the_ink(visit):
    page = visit(**DESKTOP, color_scheme="light")
    draw(page, hand(1))
    colour = """() => {
        const canvas = document.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data[data.findIndex((value, i) => i % 4 === 3 && value === 255) - 3];
    }"""
    assert page.evaluate(colour) < 100
    page.emulate_media(color_scheme="dark")
    until(page, f"({colour})() > 150")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda route: route.abort("connectionrefused"), "Your drawing is kept"),
        (
            lambda route: route.fulfill(status=503, json={"error": {"code": "busy", "message": "Come back."}}),
            "Come back.",
        ),
        (lambda route: route.fulfill(status=502, body="<html>a proxy's page</html>"), "Your drawing is kept"),
        (lambda route: route.fulfill(status=502, json={"message": "a proxy's"}), "Your drawing is kept"),
    ],
    ids=["gone", "overloaded", "behind a broken proxy", "behind a proxy that speaks JSON"],
)
def test_while_the_server_is_not_there_the_drawing_is_kept_and_read_when_it_is_back(browser, address, fault, said):
    page = browser.new_context(**DESKTOP).new_page()
    page.goto(address)
    page.route("**/api", fault)
    draw(page, hand(7))
    expect(page.locator("#detail")).to_contain_text(said)
    assert ink(page) > 0
    page.unroute("**/api")
    expect(page.locator("#text")).to_have_text("7")
    page.context.close()


NO_DIGIT = {
    "result": 1,
    "text": "1",
    "probability": 0.4,
    "certain": False,
    "digits": [{"result": 1, "probability": 0.4, "probabilities": [0, 0.4, 0, 0, 0, 0, 0, 0.3, 0, 0.3]}],
}


def test_an_uncertain_reading_looks_uncertain(visit):
    page = visit(**DESKTOP)
    page.route("**/api", lambda route: route.fulfill(json=NO_DIGIT))
    draw(page, hand(1))
    expect(page.locator("#answer")).to_have_attribute("data-state", "uncertain")
    expect(page.locator("#sentence")).to_have_text("Perhaps 1, perhaps 7.")


def test_a_letter_is_said_to_be_no_digit(visit):
    """It once was "Perhaps 8, perhaps 0", all ten bars being as high."""
    page = visit(**DESKTOP)
    draw(page, [[[0.25 + 0.6 * x, 0.2 + 0.6 * y] for x, y in stroke] for stroke in letters.LETTERS["R"][0]])
    expect(page.locator("#sentence")).to_have_text("This looks like no digit.")
    expect(page.locator("#answer")).to_have_attribute("data-state", "uncertain")
    expect(page.locator("#text")).to_have_text("?")


@pytest.mark.parametrize(("width", "height"), [(844, 390), (1280, 640), (1920, 1080)])
def test_a_low_or_wide_window_shows_paper_buttons_and_reading_at_once(visit, width, height):
    page = visit(viewport={"width": width, "height": height})
    for part in ("#canvas", "#clear", "#bars"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width


def test_the_page_fits_a_phone_without_scrolling_sideways(visit):
    page = visit(**PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#bars").bounding_box()["y"] < 844  # the reading is seen while drawing
