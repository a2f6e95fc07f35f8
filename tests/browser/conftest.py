"""A served page and a Chromium that visits it, for all tests of the page."""

import os

import pytest
from playwright.sync_api import sync_playwright

from bench import chromium
from bench.server_process import run_app


def pytest_collection_modifyitems(items):
    without = pytest.mark.skip(reason="no Chromium: apt-get install chromium, or put one on the PATH")
    for item in items:
        if "browser" in item.path.parts and chromium.EXECUTABLE is None:
            item.add_marker(without)


@pytest.fixture(scope="module")
def address():
    # On a busy machine a test may wait; that the page copes with a server that refuses is tested with made-up refusals.
    patient = ("--max-wait", "20")
    with open(os.devnull, "w") as log, run_app(0, 2, *patient, log=log.fileno()) as served:
        yield served.address


@pytest.fixture(scope="module")  # no longer: while it is there, no other test can run an asyncio loop of its own
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
