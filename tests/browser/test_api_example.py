"""The JavaScript example of the documents, in a page of another origin."""

import re
from pathlib import Path

from tests.helpers.fake_server import fake_server
from tests.helpers.running_server import run_app

FORM = (200, b'<input type="file">', {"Content-Type": "text/html"})


def test_javascript_example_reads_the_picture_of_a_form(browser):
    (example,) = re.findall(r"```js\n(.*?)```", Path("docs/api.md").read_text(), re.DOTALL)
    with fake_server(FORM) as other, run_app(0, 1, "--cors", other.address) as served:
        page = browser.new_page()
        page.goto(other.address)
        page.locator("input").set_input_files("input/test-7.png")
        example = example.replace("http://127.0.0.1:5000", served.address)
        with page.expect_console_message() as message:
            page.evaluate(f"async () => {{ const [file] = document.querySelector('input').files; {example} }}")
        page.close()
    assert message.value.text == "7"
