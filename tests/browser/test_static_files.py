"""The static files of the page: size, and texts in the locale files only."""

import re
from pathlib import Path

from bench.chromium import DESKTOP

STATIC = Path(__file__).parents[2] / "static"
FILES = [path for path in STATIC.rglob("*") if path.is_file()]
MAX_BYTES = 155_000  # of all files
MAX_LINES = 250  # of one file
TEXT_TYPES = """async (code) => {
    const texts = (await import(`/static/locales/${code}.js`)).default;
    return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, typeof text]));
}"""


def test_static_files_stay_below_the_size_limits():
    assert sum(path.stat().st_size for path in FILES) < MAX_BYTES
    for path in FILES:
        assert len(path.read_text().splitlines()) < MAX_LINES, path


def test_locales_have_the_same_keys_and_every_key_is_used(open_page):
    page = open_page(**DESKTOP)
    english = page.evaluate(TEXT_TYPES, "en")
    assert page.evaluate(TEXT_TYPES, "zh") == english
    html = (STATIC / "index.html").read_text()
    assert set(re.findall(r'data-i18n(?:-label)?="(\w+)"', html)) <= set(english)
    source = html + "".join(path.read_text() for path in STATIC.glob("js/*.js"))
    used = set(re.findall(r'"(\w+)"', source)) | {"name"}
    used_prefixes = tuple(re.findall(r"t\(`(\w+)\$", source))  # as in t(`wait_${…}`)
    assert {key for key in english if key not in used and not key.startswith(used_prefixes)} == set()


def test_html_contains_no_text():
    html = re.sub(
        r"<!--.*?-->|<noscript>.*?</noscript>|<title>.*?</title>|<kbd>.*?</kbd>",
        "",
        (STATIC / "index.html").read_text(),
        flags=re.DOTALL,
    )
    assert re.sub(r"<[^>]*>|\s", "", html) == ""
