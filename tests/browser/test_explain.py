"""The explanation of a reading, the comparison with simpler networks, and the tour."""

import re

import pytest
from playwright.sync_api import expect

from bench.chromium import DESKTOP, PHONE, digit_strokes, draw, number_strokes, wait_for_condition
from scripts.page_states import write

# The blue (positive) and orange (negative) pixels in the upper and the lower half of a canvas.
COUNT_COLORED_PIXELS = """(canvas) => {
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const counts = { positive: [0, 0], negative: [0, 0] };
    for (let i = 0; i < data.length; i += 4) {
        const half = i / 4 / width < height / 2 ? 0 : 1;
        if (data[i + 3] > 127 && data[i + 2] - data[i] > 60) counts.positive[half]++;
        if (data[i + 3] > 127 && data[i] - data[i + 2] > 60) counts.negative[half]++;
    }
    return counts;
}"""
COUNT_PAINTED_PIXELS = """(canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    .data.filter((value, i) => i % 4 === 3 && value > 0).length"""
CANVASES = [
    *("#cropped", "#scaled", "#centered", "#saliency-map", "#other-map"),
    *("#step-conv1 .map-overlay", "#step-conv2 .map-overlay"),
]
CANVAS_SIZES = "canvases => canvases.map(({ width, height }) => [width, height])"


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_layer_is_shown_and_described(open_page, options):
    page = open_page(**options)
    expect(page.locator("#explain-status")).to_be_visible()
    write(page, "5")
    expect(page.locator("#explain-status")).to_be_hidden()
    expect(page.locator("#explain-steps > li")).to_have_count(6)
    for step in page.locator("#explain-steps > li").all():
        assert step.locator("h3").inner_text()
        assert len(re.findall(r"[.!?](?:\s|$)", step.locator("h3 + p").inner_text())) in (1, 2, 3)
    expect(page.locator("#step-conv1 [role=option]")).to_have_count(32)
    expect(page.locator("#step-conv2 [role=option]")).to_have_count(64)
    expect(page.locator("#neurons span")).to_have_count(128)
    expect(page.locator("#logits tr")).to_have_count(10)
    expect(page.locator("#logits .best th")).to_have_text("5")
    assert page.evaluate("document.documentElement.scrollWidth") == options["viewport"]["width"]
    for canvas in CANVASES:
        assert page.locator(canvas).evaluate(COUNT_PAINTED_PIXELS) > 100, canvas
    assert page.locator("#step-conv1 .map-list canvas").evaluate_all(CANVAS_SIZES) == [[26, 26]] * 32
    assert page.locator("#step-conv2 .map-list canvas").evaluate_all(CANVAS_SIZES) == [[11, 11]] * 64


def test_hovered_or_selected_map_shows_its_activation_and_filter(open_page):
    page = open_page(**DESKTOP)
    write(page, "2")
    conv1 = page.locator("#step-conv1")
    expect(conv1.locator(".kernel span")).to_have_count(9)
    strongest = conv1.locator("h4").inner_text()
    for number in (5, 12):
        conv1.locator("[role=option]").nth(number - 1).hover()
        expect(conv1.locator("h4")).to_have_text(f"Map {number}")
    page.mouse.move(5, 5)
    expect(conv1.locator("h4")).to_have_text(strongest)
    kernel = page.request.get(page.url + "api/network").json()["filters"]["conv1"][11]
    conv1.locator("[role=option]").nth(11).click()
    expect(conv1.locator("h4")).to_have_text("Map 12")
    shown = [float(text) for text in conv1.locator(".kernel span").all_inner_texts()]
    assert shown == pytest.approx([*kernel[0], *kernel[1], *kernel[2]], abs=0.06)
    page.keyboard.press("ArrowRight")
    expect(conv1.locator("h4")).to_have_text("Map 13")
    page.keyboard.press("ArrowDown")
    expect(conv1.locator("h4")).to_have_text("Map 21")
    conv2 = page.locator("#step-conv2")
    conv2.locator("[role=option]").nth(40).click()
    expect(conv2.locator("h4")).to_have_text("Map 41")
    expect(conv2.locator(".kernels canvas")).to_have_count(32)
    write(page, "6")
    expect(conv1.locator("h4")).to_have_text("Map 21")  # another digit keeps the selection


def test_tap_selects_a_map_on_a_phone(open_page):
    page = open_page(**PHONE)
    write(page, "2")
    page.locator("#step-conv2 [role=option]").nth(7).tap()
    expect(page.locator("#step-conv2 h4")).to_have_text("Map 8")


def test_saliency_map_highlights_the_added_stroke(open_page):
    """A bar on top turns a 1 into a 7: the bar supports 7 and opposes 1."""
    page = open_page(**DESKTOP)
    draw(page, [[[0.68, 0.15], [0.62, 0.35], [0.55, 0.6], [0.5, 0.88]]])
    expect(page.locator("#reading-text")).to_have_text("1")
    draw(page, [[[0.3, 0.17], [0.45, 0.16], [0.55, 0.155], [0.68, 0.15]]])
    expect(page.locator("#reading-text")).to_have_text("7")
    expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    page.locator("#saliency-classes label").nth(1).click()
    expect(page.locator("#saliency-caption")).to_have_text("Why 7?")
    expect(page.locator("#other-caption")).to_have_text("Why not 1?")
    saliency = page.locator("#saliency-map").evaluate(COUNT_COLORED_PIXELS)
    other = page.locator("#other-map").evaluate(COUNT_COLORED_PIXELS)
    assert saliency["positive"][0] > 2 * saliency["positive"][1]
    assert other["negative"][0] > 2 * other["negative"][1]


def test_selected_digit_is_explained(open_page):
    page = open_page(**DESKTOP)
    draw(page, number_strokes("38"))
    expect(page.locator("#saliency-caption")).to_have_text("Why 3?")
    with page.expect_request("**/api/explain?digit=1"):
        page.locator("#reading-text [role=tab]").nth(1).click()
    expect(page.locator("#saliency-caption")).to_have_text("Why 8?")
    expect(page.locator("#logits .best th")).to_have_text("8")


def test_steps_of_missing_layers_are_hidden(open_page):
    """The server may use weights of a simpler network, without convolutions."""
    page = open_page(**DESKTOP)

    def remove_convolutions(route):
        answer = route.fetch().json()
        answer["layers"] = answer["layers"][-2:]
        route.fulfill(json=answer)

    page.route("**/api/explain*", remove_convolutions)
    write(page, "7")
    expect(page.locator("#step-conv1")).to_be_hidden()
    expect(page.locator("#step-conv2")).to_be_hidden()
    expect(page.locator("#step-fc1")).to_be_visible()
    page.unroute("**/api/explain*")


def test_three_networks_read_the_same_drawing(open_page):
    page = open_page(**DESKTOP)
    write(page, "274")
    cards = page.locator("#comparison > li")
    expect(cards).to_have_count(3)
    for card, name in zip(cards.all(), ("Softmax", "Multilayer perceptron", "Convolutional network"), strict=True):
        assert card.locator("h3").inner_text() == name
        assert re.fullmatch(r"\d{3}", card.locator(".reading-text").inner_text())
        assert card.locator("ol li").count() == 10
        assert "numbers" in card.inner_text()
    expect(cards.last.locator(".reading-text")).to_have_text("274")
    first_digit = cards.first.locator(".reading-text").inner_text()[0]
    expect(cards.first.locator(".template")).to_contain_text(f"template for {first_digit}")
    assert cards.first.locator(".template canvas").evaluate(COUNT_PAINTED_PIXELS) > 300
    page.locator("#reading-text [role=tab]").nth(2).click()
    expect(cards.last.locator("li.best")).to_contain_text("4")


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_tour_leads_through_five_steps(open_page, options):
    page = open_page(**options)
    page.locator("#tour-start").click()
    expect(page.locator("#reading-text")).to_have_text("3")  # the page drew a sample
    titles = []
    for number, step in enumerate(("normalization", "conv1", "conv2", "fc1", "logits"), 1):
        expect(page.locator("#tour")).to_contain_text(f"Step {number} of 5")
        expect(page.locator(f"#step-{step}")).to_have_class("tour-step")
        wait_for_condition(
            page, f"document.getElementById('step-{step}').getBoundingClientRect().top < innerHeight / 2"
        )
        expect(page.locator("#tour-title")).to_be_focused()
        titles.append(page.locator("#tour-title").inner_text())
        page.locator("#tour .primary").click()
    assert len(set(titles)) == 5
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator("#tour-start")).to_be_focused()


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_escape_closes_the_tour_and_keeps_the_drawing(open_page, options):
    page = open_page(**options)
    draw(page, digit_strokes(3))
    expect(page.locator("#reading")).not_to_have_attribute("data-status", "blank")
    page.locator("#tour-start").click()
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator("#reading")).not_to_have_attribute("data-status", "blank")
