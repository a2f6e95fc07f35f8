"""Latency of the page in a real Chromium, from the end of a stroke to its reading: `python -m bench.page_latency`.

The page itself measures the time from the event that ends a stroke to the frame that shows the new text in large type.
It includes the wait for a next stroke, encoding the drawing as a PNG, the request, the reading and the rendering. A
second figure is the time until the explanation is shown; the comparison with other networks runs at the same time.
"""

import os

from playwright.sync_api import Page, sync_playwright

from bench import chromium, results
from bench.server_process import run_app

STROKES = 30  # measured, one digit each
WARMUP_STROKES = 5
MAX_LATENCY = 100  # ms
ONE_STROKE_DIGITS = (0, 1, 2, 3, 6, 7, 8, 9)
POLL_INTERVAL = 20  # ms
SIZES = {"desktop, 1440×900": chromium.DESKTOP, "phone, 390×844, three pixels a point": chromium.PHONE}
START_TIMERS = """() => {
  const times = (window.times = { read: [], explained: [] });
  let strokeEnd = 0, isRead = false, isExplained = false;
  addEventListener("pointerup", () => { strokeEnd = performance.now(); isRead = isExplained = false; }, true);
  const record = (name) => requestAnimationFrame(() => times[name].push(performance.now() - strokeEnd));
  const observe = (id, options, onChange) =>
    new MutationObserver(onChange).observe(document.getElementById(id), options);
  observe("reading-text", { childList: true }, () => {
    if (!isRead && document.querySelector("#reading-text [role=tab]")) { isRead = true; record("read"); }
  });
  observe("explain", { attributeFilter: ["aria-busy"] }, () => {
    const isDone = document.getElementById("explain").ariaBusy === "false";
    if (isRead && !isExplained && isDone) { isExplained = true; record("explained"); }
  });
}"""


def measure_latencies(page: Page) -> dict[str, list[float]]:
    """Draw digits and return for each the milliseconds until it was `read` and until it was `explained`."""
    page.evaluate(f"({START_TIMERS})()")
    for stroke in range(WARMUP_STROKES + STROKES):
        page.keyboard.press("Escape")
        digit = ONE_STROKE_DIGITS[stroke % len(ONE_STROKE_DIGITS)]
        chromium.draw(page, chromium.digit_strokes(digit, stroke))
        while page.evaluate("times.explained.length") <= stroke:
            page.wait_for_timeout(POLL_INTERVAL)
    return {name: times[WARMUP_STROKES:] for name, times in page.evaluate("times").items()}


def main() -> None:
    rows, figures = [], {}
    with (
        open(os.environ.get("LOG", os.devnull), "w") as log,
        run_app(0, 2, log=log.fileno()) as app,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        for size, options in SIZES.items():
            page = browser.new_context(**options).new_page()
            page.goto(app.address)
            times = figures[size] = measure_latencies(page)
            rows.append(results.at_most(f"ms to a reading, {size}", times["read"], MAX_LATENCY))
            slowest = max(times["read"])
            rows.append(results.Row("… the slowest", f"≤ {MAX_LATENCY}", f"{slowest:.0f}", slowest <= MAX_LATENCY))
            rows.append(results.Row("… to the explanation", "none", results.spread(times["explained"]), True))
            page.context.close()
        browser.close()
    results.report("page", rows, figures)


if __name__ == "__main__":
    main()
