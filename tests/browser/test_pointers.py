"""Pointers: fingers, palms, pens and the mouse."""

import pytest
from playwright.sync_api import expect

from bench.chromium import (
    DESKTOP,
    PHONE,
    count_drawn_pixels,
    digit_strokes,
    draw,
    draw_by_touch,
    to_window_pixels,
    touch_dispatcher,
    wait_for_condition,
)

# Synthetic pointers cannot be captured: setPointerCapture() would raise.
DISABLE_CAPTURE = "HTMLCanvasElement.prototype.setPointerCapture = () => {}"
DISPATCH_POINTER_EVENT = """([type, options]) => document.getElementById("canvas").dispatchEvent(
    new PointerEvent(type, { isPrimary: true, pressure: 0.5, bubbles: true, ...options }))"""


def test_digits_drawn_by_touch_are_read_and_do_not_scroll(open_page):
    page = open_page(**PHONE)
    page.evaluate("document.body.style.padding = '200px 16px 2000px'; scrollTo(0, 100)")  # can scroll up and down
    for digit in (1, 4, 8):
        draw_by_touch(page, digit_strokes(digit, 1))
        expect(page.locator("#reading-text")).to_have_text(str(digit))
        page.keyboard.press("Escape")
    assert page.evaluate("scrollY") == 100


def test_higher_pressure_of_a_pen_draws_wider_strokes(open_page):
    page = open_page(**DESKTOP)
    session = page.context.new_cdp_session(page)
    drawn = []
    for force in (0.2, 0.5, 0.9):
        pen = {"button": "left", "buttons": 1, "pointerType": "pen", "force": force, "clickCount": 1}
        for stroke in digit_strokes(3):
            for i, (x, y) in enumerate(to_window_pixels(page, stroke)):
                event = {"x": x, "y": y} | pen
                session.send("Input.dispatchMouseEvent", {"type": "mouseMoved" if i else "mousePressed"} | event)
            session.send("Input.dispatchMouseEvent", {"type": "mouseReleased"} | event)
        expect(page.locator("#reading-text")).to_have_text("3")
        drawn.append(count_drawn_pixels(page))
        page.keyboard.press("Escape")
    assert drawn[0] < 0.9 * drawn[1] < 0.9 * 0.9 * drawn[2]


def test_click_draws_a_dot(open_page):
    page = open_page(**DESKTOP)
    draw(page, [[[0.5, 0.5]]])
    assert count_drawn_pixels(page) > 100


def test_secondary_button_does_not_draw(open_page):
    page = open_page(**DESKTOP)
    ((x, y),) = to_window_pixels(page, [[0.5, 0.5]])
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 50, y)
    page.mouse.up(button="right")
    assert count_drawn_pixels(page) == 0


def test_pinch_zooms_and_does_not_draw(open_page):
    page = open_page(**PHONE)
    draw_by_touch(page, digit_strokes(7))
    expect(page.locator("#reading-text")).to_have_text("7")
    drawn = count_drawn_pixels(page)
    ((x, y),) = to_window_pixels(page, [[0.5, 0.5]])
    page.context.new_cdp_session(page).send(
        "Input.synthesizePinchGesture", {"x": x, "y": y, "scaleFactor": 1.5, "relativeSpeed": 800}
    )
    assert page.evaluate("visualViewport.scale") > 1.2
    assert count_drawn_pixels(page) == drawn
    expect(page.locator("#reading-text")).to_have_text("7")


def test_second_finger_does_not_cancel_a_long_stroke(open_page):
    page = open_page(**PHONE)
    dispatch = touch_dispatcher(page)
    dispatch("touchStart", (100, 300))
    for i in range(1, 6):
        dispatch("touchMove", (100 + 20 * i, 300))
    page.evaluate("new Promise(requestAnimationFrame)")  # the browser delivers moves once per frame
    drawn = count_drawn_pixels(page)
    dispatch("touchStart", (200, 300), (300, 340))
    dispatch("touchEnd")
    assert count_drawn_pixels(page) == pytest.approx(drawn, rel=0.02)
    assert drawn > 0


def test_swipe_outside_the_canvas_scrolls_and_does_not_draw(open_page):
    page = open_page(**PHONE)
    dispatch = touch_dispatcher(page)
    dispatch("touchStart", (200, 700))
    for y in range(680, 280, -20):
        dispatch("touchMove", (200, y))
    dispatch("touchEnd")
    wait_for_condition(page, "scrollY > 200")
    assert count_drawn_pixels(page) == 0


def test_palm_does_not_interrupt_the_stroke_of_a_pen(open_page):
    page = open_page(**PHONE)
    page.evaluate(DISABLE_CAPTURE)
    for event_type, pointer_type, pointer_id, x in (
        ("pointerdown", "touch", 1, 60),  # the palm touches before the pen
        ("pointerdown", "pen", 2, 100),
        ("pointerdown", "touch", 3, 60),  # and again during its stroke
        ("pointermove", "pen", 2, 200),
        ("pointerup", "pen", 2, 200),
    ):
        options = {"pointerType": pointer_type, "pointerId": pointer_id, "clientX": x, "clientY": 300}
        page.evaluate(DISPATCH_POINTER_EVENT, [event_type, options])
    assert count_drawn_pixels(page) > 1000
    page.keyboard.press("Control+z")
    assert count_drawn_pixels(page) == 0  # it was one stroke


def test_eraser_end_of_a_pen_erases(open_page):
    page = open_page(**DESKTOP)
    draw(page, [[[0.5, 0.2], [0.5, 0.5], [0.5, 0.8]]])
    drawn = count_drawn_pixels(page)
    ((x, y),) = to_window_pixels(page, [[0.3, 0.5]])
    page.evaluate(DISABLE_CAPTURE)
    for event_type, offset in (("pointerdown", 0), ("pointermove", 150), ("pointermove", 250), ("pointerup", 250)):
        options = {"pointerType": "pen", "pointerId": 9, "button": 5, "clientX": x + offset, "clientY": y}
        page.evaluate(DISPATCH_POINTER_EVENT, [event_type, options])
    assert count_drawn_pixels(page) < drawn
