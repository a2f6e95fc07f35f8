"""How soon a reading is on the screen after a stroke ends, in a real Chromium: `python -m bench.page_latency`.

Counted in the page, from the event that ends the stroke to the frame in which the text in large type is another one:
the pause for a next stroke, the drawing as a PNG, the request, the reading, and what shows it. A second figure is for
the explanation, the other networks beside it.
"""

import os

from playwright.sync_api import Page, sync_playwright

from bench import chromium, results
from bench.server_process import run_app

STROKES = 30  # of which each is a digit
WARM = 5  # readings before that
TARGET = 100  # ms
SINGLE = (0, 1, 2, 3, 6, 7, 8, 9)  # digits of one stroke
SIZES = {"desktop, 1440×900": chromium.DESKTOP, "phone, 390×844, three pixels a point": chromium.PHONE}
CLOCK = """() => {
  const times = (window.times = { read: [], explained: [] });
  let ended = 0, read = false, explained = false;
  addEventListener("pointerup", () => { ended = performance.now(); read = explained = false; }, true);
  const seen = (name) => requestAnimationFrame(() => times[name].push(performance.now() - ended));
  const on = (id, options, changed) => new MutationObserver(changed).observe(document.getElementById(id), options);
  on("reading-text", { childList: true }, () => {
    if (!read && document.querySelector("#reading-text [role=tab]")) { read = true; seen("read"); }
  });
  on("explain", { attributeFilter: ["aria-busy"] }, () => {
    const done = document.getElementById("explain").ariaBusy === "false";
    if (read && !explained && done) { explained = true; seen("explained"); }
  });
}"""


def measured(page: Page) -> dict[str, list[float]]:
    """For each stroke the milliseconds until it was read, and until it was explained."""
    page.evaluate(f"({CLOCK})()")
    for stroke in range(WARM + STROKES):
        page.keyboard.press("Escape")
        chromium.draw(page, chromium.hand(SINGLE[stroke % len(SINGLE)], stroke))
        while page.evaluate("times.explained.length") <= stroke:
            page.wait_for_timeout(20)
    return {name: times[WARM:] for name, times in page.evaluate("times").items()}


def main() -> None:
    rows, figures = [], {}
    with (
        open(os.environ.get("LOG", os.devnull), "w") as log,
        run_app(0, 2, log=log.fileno()) as served,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        for size, options in SIZES.items():
            page = browser.new_context(**options).new_page()
            page.goto(served.address)
            times = figures[size] = measured(page)
            rows.append(results.at_most(f"ms to a reading, {size}", times["read"], TARGET))
            slowest = max(times["read"])
            rows.append(results.Row("… the slowest", f"≤ {TARGET}", f"{slowest:.0f}", slowest <= TARGET))
            rows.append(results.Row("… to all that explains it", "none", results.spread(times["explained"]), True))
            page.context.close()
        browser.close()
    results.report("page", rows, figures)


if __name__ == "__main__":
    main()
