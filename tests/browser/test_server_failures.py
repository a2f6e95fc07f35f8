"""The page while the server is slow, busy or gone, or answers with an error."""

import os

import pytest
from playwright.sync_api import expect

from bench.chromium import DESKTOP, count_drawn_pixels, digit_strokes, draw
from tests.helpers.running_server import run_app

BUSY = {"error": {"code": "busy", "message": "Come back."}}
GONE = "The server does not answer."
PROXY_PAGE = "<html>a proxy's page</html>"
PROXY_JSON = {"message": "a proxy's"}


@pytest.mark.parametrize(
    ("answer", "sentence", "server_message"),
    [
        (lambda route: route.abort("connectionrefused"), GONE, ""),
        (lambda route: route.fulfill(status=503, json=BUSY), "The server is busy.", "Come back."),
        (lambda route: route.fulfill(status=502, body=PROXY_PAGE), GONE, ""),
        (lambda route: route.fulfill(status=502, json=PROXY_JSON), GONE, ""),
        (lambda route: None, "Still reading …", ""),
    ],
    ids=["gone", "overloaded", "behind a broken proxy", "behind a proxy that answers JSON", "slow"],
)
def test_drawing_is_kept_and_read_after_a_failure(page_with_errors, answer, sentence, server_message):
    page = page_with_errors
    page.route("**/api", answer)
    draw(page, digit_strokes(7))
    expect(page.locator("#sentence")).to_have_text(sentence)
    detail = f"{server_message} Your drawing is safe. I will read it as soon as I can.".strip()
    expect(page.locator("#detail")).to_have_text(detail)
    assert count_drawn_pixels(page) > 0
    page.unroute("**/api")
    if sentence.startswith("Still"):
        draw(page, [[[0.5, 0.5], [0.51, 0.5]]])  # the old request is never answered: a new stroke makes a new one
    expect(page.locator("#reading-text")).to_have_text("7")


def test_drawing_is_read_after_a_restart_of_the_server(browser):
    page = browser.new_context(**DESKTOP).new_page()
    with open(os.devnull, "w") as log:
        with run_app(0, 1, log=log.fileno()) as app:
            page.goto(app.address)
            draw(page, [digit_strokes(4)[0]])
            expect(page.locator("#reading")).not_to_have_attribute("data-status", "blank")
            port = int(app.address.rpartition(":")[2])
        draw(page, [digit_strokes(4)[1]])
        expect(page.locator("#sentence")).to_have_text(GONE)
        with run_app(port, 1, log=log.fileno()):
            expect(page.locator("#reading-text")).to_have_text("4")
            expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    page.context.close()


def test_markup_in_an_error_message_is_not_executed(page_with_errors):
    page = page_with_errors
    script = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
    page.route("**/api", lambda route: route.fulfill(status=400, json={"error": {"code": "odd", "message": script}}))
    draw(page, digit_strokes(7))
    expect(page.locator("#detail")).to_have_text(script)
    assert page.title() != "run"
    assert page.locator("#detail *").count() == 0


def test_explanation_shows_why_it_is_missing_and_recovers(page_with_errors):
    page = page_with_errors
    page.route("**/api/explain*", lambda route: route.fulfill(status=503, json=BUSY))
    draw(page, digit_strokes(7))
    expect(page.locator("#explain-status")).to_have_text("The server is busy.")
    page.unroute("**/api/explain*")
    expect(page.locator("#saliency-caption")).to_have_text("Why 7?")
    expect(page.locator("#explain-status")).to_be_hidden()
