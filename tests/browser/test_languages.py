"""The languages of the page."""

import re

import pytest
from playwright.sync_api import expect

from bench.chromium import DESKTOP
from scripts.page_states import write


@pytest.mark.parametrize(
    ("locale", "language", "title"), [("zh-CN", "zh", "写一个数字"), ("de-DE", "en", "Write a digit")]
)
def test_page_uses_the_language_of_the_browser(open_page, locale, language, title):
    page = open_page(**DESKTOP, locale=locale)
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("#language")).to_have_value(language)


def test_selected_language_applies_to_all_texts_and_is_saved(open_page):
    page = open_page(**DESKTOP)
    write(page, "7")
    before = page.locator("body").inner_text()
    page.locator("#language").select_option("zh")
    expect(page.locator("#sentence")).to_have_text(re.compile(r"^7 · 把握(超过)? [\d.]+%$"))
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    after = page.locator("body").inner_text()
    words = set(re.findall(r"[A-Za-z]{3,}", after)) - {"Ctrl", "Esc", "English"}
    assert words <= {"softmax", "Softmax", "MNIST", "API", "RISE", "Petsiuk", "logit", "Logit"}
    assert re.findall(r"[A-Za-z]{3,}", before)
    page.reload()
    expect(page.locator("h1")).to_have_text("写一个数字")
    page.locator("#language").select_option("en")
    expect(page.locator("#sentence")).to_have_text(re.compile(r"^7 · (more than )?[\d.]+% sure$"))
    assert not re.search(r"[\u4e00-\u9fff]", page.locator("body").inner_text().replace("中文", ""))
