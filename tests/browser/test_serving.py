"""How browsers deal with what the server sends: other origins, caches, prefixes, frames and the documentation."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.chromium import DESKTOP, draw, hand
from bench.server_process import run_app
from tests.helpers.api import to_base64
from tests.helpers.fake_server import FakeServer, fake_server
from tests.helpers.prefix_proxy import prefix_proxy
from tests.helpers.waiting import wait_until

IMAGE = to_base64(Path("input/test-7.png").read_bytes())
ASK = """async ([address, image]) => {
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
def course() -> FakeServer:
    """A web site of somebody else."""
    with fake_server((200, b"<!doctype html><title>Course</title>", {"Content-Type": "text/html"})) as served:
        yield served


@pytest.fixture
def page(browser) -> Page:
    context = browser.new_context(**DESKTOP)
    yield context.new_page()
    context.close()


@pytest.fixture
def log(tmp_path):
    with (tmp_path / "log").open("w") as file:
        yield file


def requests_of(log) -> list[str]:
    """The status, method and path of each request in a log."""
    return re.findall(r" INFO (\d+ [A-Z]+ \S+) ", Path(log.name).read_text())


def test_page_of_an_allowed_origin_can_read_pictures(page, course, log):
    """The type of the body makes it ask first whether it may (a preflight)."""
    with run_app(0, 1, "--cors", f"https://example.org,{course.address}/", log=log.fileno()) as served:
        page.goto(course.address)
        status, answer, identity = page.evaluate(ASK, [served.address, IMAGE])
        assert (status, answer["text"], identity) == (200, "7", "from-a-page")
        status, answer, _ = page.evaluate(ASK, [served.address, "no base64!"])
        assert (status, answer["error"]["code"]) == (400, "base64")
        wait_until(lambda: len(requests_of(log)) >= 3)
    assert requests_of(log) == ["204 OPTIONS /api", "200 POST /api", "400 POST /api"]


def test_page_of_another_origin_cannot_ask(page, course, log):
    with run_app(0, 1, "--cors", "https://example.org", log=log.fileno()) as served:
        page.goto(course.address)
        status, answer, _ = page.evaluate(ASK, [served.address, IMAGE])
        wait_until(lambda: bool(requests_of(log)))
    assert (status, answer) == (0, "TypeError: Failed to fetch")
    assert requests_of(log) == ["204 OPTIONS /api"]


@pytest.mark.parametrize("allowed", [True, False])
def test_page_can_be_embedded_by_frame_ancestors_only(browser, log, allowed):
    with fake_server((200, b"", {})) as course:
        ancestors = course.address if allowed else "https://example.org"
        with run_app(0, 1, "--frame-ancestors", ancestors, log=log.fileno()) as served:
            page = browser.new_page()
            page.goto(course.address)
            page.evaluate(
                "address => document.body.append(Object.assign(document.createElement('iframe'), "
                "{ src: address, width: 900, height: 900 }))",
                served.address,
            )
            frame = page.frame_locator("iframe")
            if allowed:
                expect(frame.locator("#canvas")).to_be_visible()
            else:
                wait_until(lambda: "200 GET /" in requests_of(log))
                expect(frame.locator("body")).to_contain_text("refused to connect")
            page.close()


def test_reload_asks_for_no_static_file_again(page, log):
    with run_app(0, 1, log=log.fileno()) as served:
        page.goto(served.address, wait_until="networkidle")
        first = requests_of(log)
        page.reload(wait_until="networkidle")
        draw(page, hand(7))
        expect(page.locator("#reading-text")).to_have_text("7")
        second = requests_of(log)[len(first) :]
        assert sum("/assets/" in request for request in first) > 20
        assert second[0] == "304 GET /"
        assert not [request for request in second if "/assets/" in request or "/static/" in request]


def test_documentation_is_not_sent_again_and_executes_requests(page, log):
    with run_app(0, 1, log=log.fileno()) as served:
        page.goto(f"{served.address}/docs", wait_until="networkidle")
        first = requests_of(log)
        page.goto("about:blank")
        page.goto(f"{served.address}/docs", wait_until="networkidle")
        again = requests_of(log)[len(first) :]
        assert "200 GET /docs/js/swagger-ui-bundle.js" in first
        assert not [request for request in again if "/docs" in request and not request.startswith("304")]
        execute(page, served.address)


def execute(page: Page, address: str) -> None:
    """Send a request from the documentation of the API."""
    operation = page.locator(".opblock", has_text="/healthz")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".request-url")).to_contain_text(f"{address}/healthz")
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_page_and_documentation_work_behind_a_prefix(page, log):
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    with run_app(0, 1, "--proxies", "1", log=log.fileno()) as served, prefix_proxy(served.port, "/digits") as proxy:
        page.goto(f"{proxy.address}/")
        draw(page, hand(7))
        expect(page.locator("#reading-text")).to_have_text("7")
        expect(page.locator("#saliency-caption")).to_have_text("Why 7?")
        expect(page.locator("#compare")).to_have_attribute("aria-busy", "false")
        page.locator("footer a").click()
        execute(page, proxy.address)
        assert complaints == []
        page.goto(f"{proxy.address}/nothing")
        page.get_by_role("link", name="Draw a digit").click()
        expect(page.locator("#canvas")).to_be_visible()
        assert [path for path in proxy.paths if not path.startswith("/digits/")] == []
