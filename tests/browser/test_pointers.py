"""What draws and what does not: fingers, palms, pens and the mouse."""

import pytest
from playwright.sync_api import expect

from bench import chromium
from bench.chromium import DESKTOP, PHONE, draw, draw_with_finger, hand, ink, until


def test_digits_drawn_with_a_finger_on_a_phone_are_read_and_do_not_scroll(visit):
    page = visit(**PHONE)
    page.evaluate("document.body.style.padding = '200px 16px 2000px'; scrollTo(0, 100)")  # room both ways
    for digit in range(10):
        draw_with_finger(page, hand(digit, 1))
        expect(page.locator("#reading-text")).to_have_text(str(digit))
        page.keyboard.press("Escape")
    assert page.evaluate("scrollY") == 100


def test_a_pen_draws_the_wider_the_harder_it_is_pressed(visit):
    page = visit(**DESKTOP)
    session = page.context.new_cdp_session(page)
    drawn = []
    for force in (0.2, 0.5, 0.9):
        pen = {"button": "left", "buttons": 1, "pointerType": "pen", "force": force, "clickCount": 1}
        for stroke in hand(3):
            for i, (x, y) in enumerate(chromium.on_screen(page, stroke)):
                at = {"x": x, "y": y} | pen
                session.send("Input.dispatchMouseEvent", {"type": "mouseMoved" if i else "mousePressed"} | at)
            session.send("Input.dispatchMouseEvent", {"type": "mouseReleased"} | at)
        expect(page.locator("#reading-text")).to_have_text("3")
        drawn.append(ink(page))
        page.keyboard.press("Escape")
    assert drawn[0] < 0.9 * drawn[1] < 0.9 * 0.9 * drawn[2]


def test_a_single_tap_is_a_dot(visit):
    page = visit(**DESKTOP)
    draw(page, [[[0.5, 0.5]]])
    assert ink(page) > 100


def test_other_buttons_do_not_draw(visit):
    page = visit(**DESKTOP)
    (place,) = chromium.on_screen(page, [[0.5, 0.5]])
    page.mouse.move(*place)
    page.mouse.down(button="right")
    page.mouse.move(place[0] + 50, place[1])
    page.mouse.up(button="right")
    assert ink(page) == 0


def test_two_fingers_zoom_and_do_not_draw(visit):
    page = visit(**PHONE)
    draw_with_finger(page, hand(7))
    expect(page.locator("#reading-text")).to_have_text("7")
    drawn = ink(page)
    (x, y), *_ = chromium.on_screen(page, [[0.5, 0.5]])
    page.context.new_cdp_session(page).send(
        "Input.synthesizePinchGesture", {"x": x, "y": y, "scaleFactor": 1.5, "relativeSpeed": 800}
    )
    assert page.evaluate("visualViewport.scale") > 1.2
    assert ink(page) == drawn
    expect(page.locator("#reading-text")).to_have_text("7")


def test_a_second_finger_does_not_end_a_stroke_that_got_somewhere(visit):
    page = visit(**PHONE)
    touch = chromium.finger(page)
    touch("touchStart", (100, 300))
    for i in range(1, 6):
        touch("touchMove", (100 + 20 * i, 300))
    page.evaluate("new Promise(requestAnimationFrame)")  # moves come with frames
    alone = ink(page)
    touch("touchStart", (200, 300), (300, 340))
    touch("touchEnd")
    assert ink(page) == pytest.approx(alone, rel=0.02)
    assert alone > 0


def test_a_swipe_beside_the_paper_scrolls_and_does_not_draw(visit):
    page = visit(**PHONE)
    touch = chromium.finger(page)
    touch("touchStart", (200, 700))
    for y in range(680, 280, -20):
        touch("touchMove", (200, y))
    touch("touchEnd")
    until(page, "scrollY > 200")
    assert ink(page) == 0


def test_a_palm_takes_no_stroke_from_the_pen(visit):
    page = visit(**PHONE)
    event = """([kind, type, id, x, y]) => document.getElementById("canvas").dispatchEvent(new PointerEvent(kind, {
        pointerType: type, pointerId: id, isPrimary: true, clientX: x, clientY: y, pressure: 0.5, bubbles: true,
    }))"""
    page.evaluate("HTMLCanvasElement.prototype.setPointerCapture = () => {}")  # these pointers are made up
    for kind, which, number, x in (
        ("pointerdown", "touch", 1, 60),  # the palm comes first
        ("pointerdown", "pen", 2, 100),
        ("pointerdown", "touch", 3, 60),  # and again
        ("pointermove", "pen", 2, 200),
        ("pointerup", "pen", 2, 200),
    ):
        page.evaluate(event, [kind, which, number, x, 300])
    assert ink(page) > 1000
    page.keyboard.press("Control+z")
    assert ink(page) == 0  # it is one stroke


def test_a_pen_that_is_turned_round_rubs_out(visit):
    page = visit(**DESKTOP)
    draw(page, [[[0.5, 0.2], [0.5, 0.5], [0.5, 0.8]]])
    drawn = ink(page)
    (start,) = chromium.on_screen(page, [[0.3, 0.5]])
    page.evaluate(
        """([x, y]) => {
            HTMLCanvasElement.prototype.setPointerCapture = () => {};
            const send = (kind, to) => document.getElementById("canvas").dispatchEvent(new PointerEvent(kind, {
                pointerType: "pen", pointerId: 9, isPrimary: true, button: 5, clientX: to, clientY: y, pressure: 0.5,
            }));
            send("pointerdown", x);
            for (const far of [150, 250]) send("pointermove", x + far);
            send("pointerup", x + 250);
        }""",
        list(start),
    )
    assert ink(page) < drawn
