"""Writing on the page: what a hand draws lands where it is, is kept as data, and can be taken back."""

import pytest
from playwright.sync_api import expect

from bench.chromium import DESKTOP, PHONE, draw, draw_with_finger, hand, ink, row, until


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_drawn_with_the_mouse_is_read(visit, digit):
    page = visit(**DESKTOP)
    draw(page, hand(digit))
    expect(page.locator("#reading-text")).to_have_text(str(digit))
    expect(page.locator("#sentence")).to_contain_text(str(digit))
    expect(page.locator("#bars li.best")).to_contain_text(str(digit))


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
    expect(page.locator("#reading-text")).to_have_text("7")
    drawn = page.evaluate("""() => {
        const canvas = document.querySelector("canvas");
        const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const xs = [], ys = [];
        for (let i = 3; i < data.length; i += 4)
            if (data[i] > 127) {
                xs.push(((((i - 3) / 4) % width) - width / 2) / height + 0.5);
                ys.push(Math.floor((i - 3) / 4 / width) / height);
            }
        const ends = (list) => [list.reduce((a, b) => Math.min(a, b)), list.reduce((a, b) => Math.max(a, b))];
        return [...ends(xs), ...ends(ys)];
    }""")
    points = [point for stroke in hand(7) for point in stroke]
    xs, ys = zip(*points, strict=True)
    over = [min(xs) - drawn[0], drawn[1] - max(xs), min(ys) - drawn[2], drawn[3] - max(ys)]
    assert all(0.01 < share < 0.04 for share in over), over  # half of a pen, which is thinner where it is quick


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


def test_a_phone_that_is_turned_keeps_the_drawing_and_its_reading(visit):
    page = visit(**PHONE)
    draw_with_finger(page, hand(5))
    expect(page.locator("#reading-text")).to_have_text("5")
    share = ink(page) / page.evaluate("document.querySelector('canvas').width ** 2")
    page.set_viewport_size({"width": 844, "height": 390})
    until(
        page, "Math.abs(document.querySelector('canvas').width - 3 * document.querySelector('canvas').clientWidth) < 3"
    )
    assert ink(page) / page.evaluate("document.querySelector('canvas').width ** 2") == pytest.approx(share, abs=0.01)
    expect(page.locator("#reading-text")).to_have_text("5")


def test_another_pixel_ratio_redraws_though_the_paper_keeps_its_size(visit):
    page = visit(**DESKTOP)
    draw(page, hand(3))
    before, drawn = page.locator("#canvas").bounding_box()["width"], ink(page)
    denser = {"width": 1460, "height": 900, "deviceScaleFactor": 2, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", denser)
    until(page, f"document.querySelector('canvas').width === {round(2 * before)}")
    assert page.locator("#canvas").bounding_box()["width"] == before
    assert ink(page) == pytest.approx(4 * drawn, rel=0.02)


@pytest.mark.parametrize("way", ["buttons", "keys"])
def test_undo_redo_and_clear(visit, way):
    page = visit(**DESKTOP)
    keys = {"undo": "Control+z", "redo": "Control+y", "clear": "Escape"}

    def do(what):
        page.locator(f"#{what}").click() if way == "buttons" else page.keyboard.press(keys[what])

    draw(page, hand(4))
    expect(page.locator("#reading-text")).to_have_text("4")
    full = ink(page)
    do("undo")
    assert 0 < ink(page) < full
    do("redo")
    assert ink(page) == full
    expect(page.locator("#redo")).to_be_disabled()
    do("clear")
    assert ink(page) == 0
    expect(page.locator("#sentence")).to_have_text("Nothing here yet.")
    expect(page.locator("#clear")).to_be_disabled()
    expect(page.locator("#bars li.best")).to_have_count(0)
    do("undo")  # clearing loses nothing
    assert ink(page) == full
    expect(page.locator("#reading-text")).to_have_text("4")


def test_the_eraser_takes_ink_off_and_what_is_erased_is_blank(visit):
    page = visit(**DESKTOP)
    line = [[[0.5, 0.2], [0.5, 0.35], [0.5, 0.5], [0.5, 0.65], [0.5, 0.8]]]
    draw(page, line)
    expect(page.locator("#reading-text")).to_have_text("1")
    drawn = ink(page)
    page.locator("#erase").click()
    draw(page, [[[0.5, 0.7], [0.5, 0.75], [0.5, 0.9]]])
    assert 0.4 * drawn < ink(page) < 0.9 * drawn
    draw(page, [[[0.5, y] for y in (0.1, 0.2, 0.35, 0.5, 0.65, 0.9)]])
    assert ink(page) < 20
    expect(page.locator("#reading")).to_have_attribute("data-status", "blank")
    page.keyboard.press("Control+z")
    expect(page.locator("#reading-text")).to_have_text("1")


def test_keys_that_are_letters_count_on_the_board_alone(visit):
    page = visit(**DESKTOP)
    page.locator("#tour-start").focus()
    page.keyboard.press("e")
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "false")
    page.locator("#canvas").focus()
    page.keyboard.press("e")
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("e")
    widths = []
    for key in ("[", "]", "]"):
        page.keyboard.press(key)
        draw(page, [[[0.2, 0.5], [0.5, 0.5], [0.8, 0.5]]])
        widths.append(ink(page))
        page.keyboard.press("Escape")
    assert widths[0] < 0.75 * widths[1] < 0.75 * 0.75 * widths[2]


def test_the_hint_goes_when_drawing_begins_and_comes_back(visit):
    page = visit(**DESKTOP)
    expect(page.locator("#hint")).to_be_visible()
    draw(page, hand(1))
    expect(page.locator("#hint")).to_be_hidden()
    page.locator("#clear").click()
    expect(page.locator("#hint")).to_be_visible()


@pytest.mark.parametrize("how", ["the system", "by hand"])
def test_another_theme_redraws_the_ink(visit, how):
    page = visit(**DESKTOP, color_scheme="light")
    draw(page, hand(1))
    colour = """() => {
        const canvas = document.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data[data.findIndex((value, i) => i % 4 === 3 && value === 255) - 3];
    }"""
    assert page.evaluate(colour) < 100
    if how == "by hand":
        page.locator("#theme").select_option("dark")
    else:
        page.emulate_media(color_scheme="dark")
    until(page, f"({colour})() > 150")
    page.reload()
    expect(page.locator("#theme")).to_have_value("dark" if how == "by hand" else "auto")


def test_a_reload_loses_nothing(visit):
    page = visit(**DESKTOP)
    draw(page, row("58"))
    expect(page.locator("#reading-text")).to_have_text("58")
    drawn = ink(page)
    page.reload()
    expect(page.locator("#reading-text")).to_have_text("58")
    assert ink(page) == drawn


def test_the_digits_that_the_page_writes_itself_are_read(visit):
    page = visit(**DESKTOP)
    for digit in range(10):
        page.evaluate(f"Math.random = () => {digit / 10 + 0.05}")
        page.locator("#sample").click()
        expect(page.locator("#reading-text")).to_have_text(str(digit))
        expect(page.locator("#reading")).to_have_attribute("data-status", "certain")


def test_the_eraser_is_put_down_when_there_is_nothing_to_erase(visit):
    page = visit(**DESKTOP)
    draw(page, hand(7))
    page.locator("#erase").click()
    page.locator("#clear").click()
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "false")
    draw(page, hand(7))
    expect(page.locator("#reading-text")).to_have_text("7")


def test_a_paper_of_300_pixels_has_its_shape_too(visit):
    """A canvas is 300 by 150 pixels before anyone says otherwise."""
    page = visit(viewport={"width": 334, "height": 700})
    width, height = page.evaluate("[canvas.width, canvas.height]")
    assert (width, height) == (300, 225)
