"""Fixtures of the browser tests: a running server and a Chromium that opens its page."""

import os

import pytest
from playwright.sync_api import expect, sync_playwright

from bench import chromium
from tests.helpers.running_server import run_app

expect.set_options(timeout=60_000)  # ms; on a busy machine the page may be slow


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="no Chromium: apt-get install chromium-headless-shell, or put one on the PATH")
    for item in items:
        if "browser" in item.path.parts and chromium.EXECUTABLE is None:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def address():
    # On a busy machine requests may queue for long. How the page handles refused requests is tested with fake answers.
    with open(os.devnull, "w") as log, run_app(0, 2, "--max-wait", "20", log=log.fileno()) as app:
        yield app.address


@pytest.fixture(scope="module")  # not "session": while Playwright runs, other tests cannot run an asyncio loop
def browser():
    with sync_playwright() as playwright:
        chrome = chromium.launch(playwright)
        yield chrome
        chrome.close()


@pytest.fixture
def open_page(browser, address):
    """Return a function that opens the page in a new context.

    At the end of the test no error may have been logged and no other host requested.
    """
    contexts, errors, hosts = [], [], set()

    def open_in_new_context(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("request", lambda request: hosts.add(request.url.partition("//")[2].partition("/")[0]))
        page.goto(address)
        return page

    yield open_in_new_context
    for context in contexts:
        context.close()
    assert errors == []
    assert hosts == {address.partition("//")[2]}


@pytest.fixture
def page_with_errors(browser, address):
    """The page in a context of its own, for tests in which requests fail: the browser logs that as errors."""
    context = browser.new_context(**chromium.DESKTOP)
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()
