"""The server as browsers use it: CORS, caching, frames, URL prefixes and the documentation of the API."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.chromium import DESKTOP, digit_strokes, draw
from tests.helpers.api import to_base64
from tests.helpers.fake_server import FakeServer, fake_server
from tests.helpers.prefix_proxy import prefix_proxy
from tests.helpers.running_server import run_app
from tests.helpers.waiting import wait_until

IMAGE = to_base64(Path("input/test-7.png").read_bytes())
POST_PICTURE = """async ([address, image]) => {
    const headers = { "Content-Type": "application/json", "X-Request-ID": "from-a-page" };
    const body = JSON.stringify({ image });
    try {
        const response = await fetch(`${address}/api`, { method: "POST", headers, body });
        return [response.status, await response.json(), response.headers.get("X-Request-ID")];
    } catch (error) {
        return [0, String(error), null];
    }
}"""


@pytest.fixture
def other_site() -> FakeServer:
    """A web site of another origin."""
    with fake_server((200, b"<!doctype html><title>Other</title>", {"Content-Type": "text/html"})) as server:
        yield server


@pytest.fixture
def page(browser) -> Page:
    context = browser.new_context(**DESKTOP)
    yield context.new_page()
    context.close()


@pytest.fixture
def server_log(tmp_path):
    with (tmp_path / "log").open("w") as file:
        yield file


def logged_requests(log) -> list[str]:
    """Return status, method and path of each request in a log."""
    return re.findall(r" INFO (\d+ [A-Z]+ \S+) ", Path(log.name).read_text())


def test_allowed_origin_can_post_pictures(page, other_site, server_log):
    """The content type makes the browser send a preflight request first."""
    with run_app(0, 1, "--cors", f"https://example.org,{other_site.address}/", log=server_log.fileno()) as app:
        page.goto(other_site.address)
        status, answer, request_id = page.evaluate(POST_PICTURE, [app.address, IMAGE])
        assert (status, answer["text"], request_id) == (200, "7", "from-a-page")
        status, answer, _ = page.evaluate(POST_PICTURE, [app.address, "no base64!"])
        assert (status, answer["error"]["code"]) == (400, "base64")
        wait_until(lambda: len(logged_requests(server_log)) >= 3)
    assert logged_requests(server_log) == ["204 OPTIONS /api", "200 POST /api", "400 POST /api"]


def test_other_origin_cannot_post_pictures(page, other_site, server_log):
    with run_app(0, 1, "--cors", "https://example.org", log=server_log.fileno()) as app:
        page.goto(other_site.address)
        status, answer, _ = page.evaluate(POST_PICTURE, [app.address, IMAGE])
        wait_until(lambda: bool(logged_requests(server_log)))
    assert (status, answer) == (0, "TypeError: Failed to fetch")
    assert logged_requests(server_log) == ["204 OPTIONS /api"]


@pytest.mark.parametrize("allowed", [True, False])
def test_only_frame_ancestors_can_embed_the_page(browser, server_log, allowed):
    with fake_server((200, b"", {})) as other_site:
        ancestors = other_site.address if allowed else "https://example.org"
        with run_app(0, 1, "--frame-ancestors", ancestors, log=server_log.fileno()) as app:
            page = browser.new_page()
            page.goto(other_site.address)
            embed = (
                "address => document.body.append(Object.assign(document.createElement('iframe'), "
                "{ src: address, width: 900, height: 900 }))"
            )
            if allowed:
                page.evaluate(embed, app.address)
                expect(page.frame_locator("iframe").locator("#canvas")).to_be_visible()
            else:
                with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
                    page.evaluate(embed, app.address)
                assert page.frame_locator("iframe").locator("#canvas").count() == 0
            page.close()


def test_reload_requests_no_static_file_again(page, server_log):
    with run_app(0, 1, log=server_log.fileno()) as app:
        page.goto(app.address, wait_until="networkidle")
        first = logged_requests(server_log)
        page.reload(wait_until="networkidle")
        draw(page, digit_strokes(7))
        expect(page.locator("#reading-text")).to_have_text("7")
        second = logged_requests(server_log)[len(first) :]
        assert sum("/assets/" in request for request in first) > 20
        assert second[0] == "304 GET /"
        assert not [request for request in second if "/assets/" in request or "/static/" in request]


def test_documentation_is_cached_and_can_execute_requests(page, server_log):
    with run_app(0, 1, log=server_log.fileno()) as app:
        page.goto(f"{app.address}/docs", wait_until="networkidle")
        first = logged_requests(server_log)
        page.goto("about:blank")
        page.goto(f"{app.address}/docs", wait_until="networkidle")
        again = logged_requests(server_log)[len(first) :]
        assert "200 GET /docs/js/swagger-ui-bundle.js" in first
        assert not [request for request in again if "/docs" in request and not request.startswith("304")]
        execute_health_check(page, app.address)


def execute_health_check(page: Page, address: str) -> None:
    """Send a request from the documentation of the API and check its response."""
    operation = page.locator(".opblock", has_text="/healthz")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".request-url")).to_contain_text(f"{address}/healthz")
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_page_and_documentation_work_behind_a_prefix(page, server_log):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    with run_app(0, 1, "--proxies", "1", log=server_log.fileno()) as app, prefix_proxy(app.port, "/digits") as proxy:
        page.goto(f"{proxy.address}/")
        draw(page, digit_strokes(7))
        expect(page.locator("#reading-text")).to_have_text("7")
        expect(page.locator("#saliency-caption")).to_have_text("Why 7?")
        expect(page.locator("#compare")).to_have_attribute("aria-busy", "false")
        page.locator("footer a").click()
        execute_health_check(page, proxy.address)
        assert errors == []
        page.goto(f"{proxy.address}/nothing")
        page.get_by_role("link", name="Draw a digit").click()
        expect(page.locator("#canvas")).to_be_visible()
        assert [path for path in proxy.paths if not path.startswith("/digits/")] == []
