"""Drawing on the canvas: position and sharpness of strokes, undo, eraser, shortcuts, themes and storage."""

import pytest
from playwright.sync_api import expect

from bench.chromium import (
    DESKTOP,
    PHONE,
    count_drawn_pixels,
    digit_strokes,
    draw,
    draw_by_touch,
    number_strokes,
    wait_for_condition,
)

# Left, right, top and bottom of the drawn pixels, in the units of `Strokes`.
DRAWN_BOUNDS = """() => {
    const canvas = document.querySelector("canvas");
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const xs = [], ys = [];
    for (let i = 3; i < data.length; i += 4)
        if (data[i] > 127) {
            xs.push(((((i - 3) / 4) % width) - width / 2) / height + 0.5);
            ys.push(Math.floor((i - 3) / 4 / width) / height);
        }
    const range = (list) => [list.reduce((a, b) => Math.min(a, b)), list.reduce((a, b) => Math.max(a, b))];
    return [...range(xs), ...range(ys)];
}"""
STROKE_BLUE = """() => {
    const canvas = document.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data[data.findIndex((value, i) => i % 4 === 3 && value === 255) - 3];
}"""


def drawn_share(page) -> float:
    """Return the drawn pixels as a share of the canvas width squared: independent of the resolution."""
    return count_drawn_pixels(page) / page.evaluate("document.querySelector('canvas').width ** 2")


def test_digits_drawn_with_the_mouse_are_read(open_page):
    page = open_page(**DESKTOP)
    for digit in range(10):
        draw(page, digit_strokes(digit))
        expect(page.locator("#reading-text")).to_have_text(str(digit))
        expect(page.locator("#sentence")).to_contain_text(str(digit))
        expect(page.locator("#bars li.best")).to_contain_text(str(digit))
        page.keyboard.press("Escape")


def test_sample_digits_are_read_with_certainty(open_page):
    page = open_page(**DESKTOP)
    for digit in range(10):
        page.evaluate(f"Math.random = () => {digit / 10 + 0.05}")
        page.locator("#sample").click()
        expect(page.locator("#reading-text")).to_have_text(str(digit))
        expect(page.locator("#reading")).to_have_attribute("data-status", "certain")


@pytest.mark.parametrize(
    "transform",
    [
        lambda page: page.evaluate("document.body.style.paddingTop = '900px'; scrollTo(0, 850)"),
        lambda page: page.evaluate("document.documentElement.style.zoom = 1.3"),
        lambda page: page.set_viewport_size({"width": 700, "height": 640}),
        lambda page: page.evaluate("document.body.style.transform = 'translate(40px, 25px) scale(0.8)'"),
    ],
    ids=["scrolled", "zoomed", "resized", "transformed"],
)
def test_strokes_appear_under_the_pointer_on_a_transformed_page(open_page, transform):
    page = open_page(**DESKTOP)
    transform(page)
    page.locator("#canvas").scroll_into_view_if_needed()
    draw(page, digit_strokes(7))
    expect(page.locator("#reading-text")).to_have_text("7")
    left, right, top, bottom = page.evaluate(DRAWN_BOUNDS)
    xs, ys = zip(*[point for stroke in digit_strokes(7) for point in stroke], strict=True)
    margins = [min(xs) - left, right - max(xs), min(ys) - top, bottom - max(ys)]
    assert all(0.01 < margin < 0.04 for margin in margins), margins  # half a pen width, less where the pen is fast


def test_resize_redraws_the_strokes_at_the_resolution_of_the_screen(open_page):
    page = open_page(**DESKTOP)
    draw(page, digit_strokes(3))
    share = drawn_share(page)
    page.set_viewport_size({"width": 400, "height": 800})
    wait_for_condition(page, "document.querySelector('canvas').width < 400")
    assert drawn_share(page) == pytest.approx(share, abs=0.01)
    phone = open_page(**PHONE)
    width = phone.locator("#canvas").bounding_box()["width"]
    assert phone.evaluate("document.querySelector('canvas').width") == pytest.approx(3 * width, abs=3)


def test_rotated_phone_keeps_the_drawing_and_its_reading(open_page):
    page = open_page(**PHONE)
    draw_by_touch(page, digit_strokes(5))
    expect(page.locator("#reading-text")).to_have_text("5")
    share = drawn_share(page)
    page.set_viewport_size({"width": 844, "height": 390})
    wait_for_condition(
        page, "Math.abs(document.querySelector('canvas').width - 3 * document.querySelector('canvas').clientWidth) < 3"
    )
    assert drawn_share(page) == pytest.approx(share, abs=0.01)
    expect(page.locator("#reading-text")).to_have_text("5")


def test_change_of_the_pixel_ratio_alone_redraws_the_strokes(open_page):
    page = open_page(**DESKTOP)
    draw(page, digit_strokes(3))
    before, drawn = page.locator("#canvas").bounding_box()["width"], count_drawn_pixels(page)
    metrics = {"width": 1460, "height": 900, "deviceScaleFactor": 2, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", metrics)
    wait_for_condition(page, f"document.querySelector('canvas').width === {round(2 * before)}")
    assert page.locator("#canvas").bounding_box()["width"] == before
    assert count_drawn_pixels(page) == pytest.approx(4 * drawn, rel=0.02)


@pytest.mark.parametrize("control", ["buttons", "keys"])
def test_undo_and_redo_restore_the_drawing_and_clear_removes_it(open_page, control):
    page = open_page(**DESKTOP)
    keys = {"undo": "Control+z", "redo": "Control+y", "clear": "Escape"}

    def perform(action):
        page.locator(f"#{action}").click() if control == "buttons" else page.keyboard.press(keys[action])

    draw(page, digit_strokes(4))
    expect(page.locator("#reading-text")).to_have_text("4")
    drawn = count_drawn_pixels(page)
    perform("undo")
    assert 0 < count_drawn_pixels(page) < drawn
    perform("redo")
    assert count_drawn_pixels(page) == drawn
    expect(page.locator("#redo")).to_be_disabled()
    perform("clear")
    assert count_drawn_pixels(page) == 0
    expect(page.locator("#sentence")).to_have_text("Nothing here yet.")
    expect(page.locator("#clear")).to_be_disabled()
    expect(page.locator("#bars li.best")).to_have_count(0)
    perform("undo")
    assert count_drawn_pixels(page) == drawn
    expect(page.locator("#reading-text")).to_have_text("4")


def test_eraser_removes_strokes_and_an_erased_drawing_is_blank(open_page):
    page = open_page(**DESKTOP)
    draw(page, [[[0.5, 0.2], [0.5, 0.35], [0.5, 0.5], [0.5, 0.65], [0.5, 0.8]]])
    expect(page.locator("#reading-text")).to_have_text("1")
    drawn = count_drawn_pixels(page)
    page.locator("#erase").click()
    draw(page, [[[0.5, 0.7], [0.5, 0.75], [0.5, 0.9]]])
    assert 0.4 * drawn < count_drawn_pixels(page) < 0.9 * drawn
    draw(page, [[[0.5, y] for y in (0.1, 0.2, 0.35, 0.5, 0.65, 0.9)]])
    assert count_drawn_pixels(page) < 20
    expect(page.locator("#reading")).to_have_attribute("data-status", "blank")
    page.keyboard.press("Control+z")
    expect(page.locator("#reading-text")).to_have_text("1")


def test_clear_switches_the_eraser_off(open_page):
    page = open_page(**DESKTOP)
    draw(page, digit_strokes(7))
    page.locator("#erase").click()
    page.locator("#clear").click()
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "false")
    draw(page, digit_strokes(7))
    expect(page.locator("#reading-text")).to_have_text("7")


def test_single_key_shortcuts_work_on_the_canvas_only(open_page):
    page = open_page(**DESKTOP)
    page.locator("#tour-start").focus()
    page.keyboard.press("e")
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "false")
    page.locator("#canvas").focus()
    page.keyboard.press("e")
    expect(page.locator("#erase")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("e")
    drawn = []
    for key in ("[", "]", "]"):  # thin, medium, thick
        page.keyboard.press(key)
        draw(page, [[[0.2, 0.5], [0.5, 0.5], [0.8, 0.5]]])
        drawn.append(count_drawn_pixels(page))
        page.keyboard.press("Escape")
    assert drawn[0] < 0.75 * drawn[1] < 0.75 * 0.75 * drawn[2]


def test_hint_is_visible_while_the_canvas_is_blank(open_page):
    page = open_page(**DESKTOP)
    expect(page.locator("#hint")).to_be_visible()
    draw(page, digit_strokes(1))
    expect(page.locator("#hint")).to_be_hidden()
    page.locator("#clear").click()
    expect(page.locator("#hint")).to_be_visible()


@pytest.mark.parametrize("source", ["system", "user"])
def test_change_of_the_theme_redraws_the_strokes_and_the_choice_is_saved(open_page, source):
    page = open_page(**DESKTOP, color_scheme="light")
    draw(page, digit_strokes(1))
    assert page.evaluate(STROKE_BLUE) < 100
    if source == "user":
        page.locator("#theme").select_option("dark")
    else:
        page.emulate_media(color_scheme="dark")
    wait_for_condition(page, f"({STROKE_BLUE})() > 150")
    page.reload()
    expect(page.locator("#theme")).to_have_value("dark" if source == "user" else "auto")


def test_reload_keeps_the_drawing(open_page):
    page = open_page(**DESKTOP)
    draw(page, number_strokes("58"))
    expect(page.locator("#reading-text")).to_have_text("58")
    drawn = count_drawn_pixels(page)
    page.reload()
    expect(page.locator("#reading-text")).to_have_text("58")
    assert count_drawn_pixels(page) == drawn
