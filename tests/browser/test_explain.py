"""Looking inside, comparing, the tour, and both languages, on the page."""

import re

import pytest
from playwright.sync_api import expect

from bench.chromium import DESKTOP, PHONE, draw, hand, row, until
from scripts.page_states import write

# Of a canvas: how many of its pixels are blue, and how many orange, in its upper and lower half.
COLOURS = """(canvas) => {
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const found = { for: [0, 0], against: [0, 0] };
    for (let i = 0; i < data.length; i += 4) {
        const half = i / 4 / width < height / 2 ? 0 : 1;
        if (data[i + 3] > 127 && data[i + 2] - data[i] > 60) found.for[half]++;
        if (data[i + 3] > 127 && data[i] - data[i + 2] > 60) found.against[half]++;
    }
    return found;
}"""
INKED = """(canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    .data.filter((value, i) => i % 4 === 3 && value > 0).length"""


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_flow_shows_every_layer_with_a_sentence_each(visit, options):
    page = visit(**options)
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
    for canvas in (
        "#cropped",
        "#scaled",
        "#centered",
        "#saliency-map",
        "#contrast-map",
        "#step-conv1 .map-overlay",
        "#step-conv2 .map-overlay",
    ):
        assert page.locator(canvas).evaluate(INKED) > 100, canvas
    sizes = "canvases => canvases.map(({ width, height }) => [width, height])"
    assert page.locator("#step-conv1 .map-list canvas").evaluate_all(sizes) == [[26, 26]] * 32
    assert page.locator("#step-conv2 .map-list canvas").evaluate_all(sizes) == [[11, 11]] * 64


def test_a_map_that_is_pointed_at_or_chosen_shows_its_filter_and_what_excites_it(visit):
    page = visit(**DESKTOP)
    write(page, "2")
    first = page.locator("#step-conv1")
    expect(first.locator(".kernel span")).to_have_count(9)
    strongest = first.locator("h4").inner_text()
    for number in (5, 12):
        first.locator("[role=option]").nth(number - 1).hover()
        expect(first.locator("h4")).to_have_text(f"Map {number}")
    page.mouse.move(5, 5)
    expect(first.locator("h4")).to_have_text(strongest)
    shown = page.request.get(page.url + "api/network").json()["filters"]["conv1"][11]
    first.locator("[role=option]").nth(11).click()
    expect(first.locator("h4")).to_have_text("Map 12")
    assert [float(text) for text in first.locator(".kernel span").all_inner_texts()] == pytest.approx(
        [*shown[0], *shown[1], *shown[2]], abs=0.06
    )
    page.keyboard.press("ArrowRight")
    expect(first.locator("h4")).to_have_text("Map 13")
    page.keyboard.press("ArrowDown")
    expect(first.locator("h4")).to_have_text("Map 21")
    second = page.locator("#step-conv2")
    second.locator("[role=option]").nth(40).click()
    expect(second.locator("h4")).to_have_text("Map 41")
    expect(second.locator(".kernels canvas")).to_have_count(32)
    write(page, "6")  # what was chosen stays
    expect(first.locator("h4")).to_have_text("Map 21")


def test_a_tap_chooses_a_map_on_a_phone(visit):
    page = visit(**PHONE)
    write(page, "2")
    page.locator("#step-conv2 [role=option]").nth(7).tap()
    expect(page.locator("#step-conv2 h4")).to_have_text("Map 8")


def test_the_heat_map_points_at_the_stroke_that_was_added(visit):
    """A bar on top makes a 7 of a 1: it speaks for 7 and against 1."""
    page = visit(**DESKTOP)
    draw(page, [[[0.68, 0.15], [0.62, 0.35], [0.55, 0.6], [0.5, 0.88]]])
    expect(page.locator("#reading-text")).to_have_text("1")
    draw(page, [[[0.3, 0.17], [0.45, 0.16], [0.55, 0.155], [0.68, 0.15]]])
    expect(page.locator("#reading-text")).to_have_text("7")
    expect(page.locator("#explain")).to_have_attribute("aria-busy", "false")
    page.locator("#saliency-classes label").nth(1).click()
    expect(page.locator("#saliency-caption")).to_have_text("Why 7?")
    expect(page.locator("#contrast-caption")).to_have_text("Why not 1?")
    why, why_not = (page.locator(canvas).evaluate(COLOURS) for canvas in ("#saliency-map", "#contrast-map"))
    assert why["for"][0] > 2 * why["for"][1]
    assert why_not["against"][0] > 2 * why_not["against"][1]


def test_the_digit_that_is_chosen_is_the_one_that_is_explained(visit):
    page = visit(**DESKTOP)
    draw(page, row("38"))
    expect(page.locator("#saliency-caption")).to_have_text("Why 3?")
    with page.expect_request("**/api/explain?digit=1"):
        page.locator("#reading-text [role=tab]").nth(1).click()
    expect(page.locator("#saliency-caption")).to_have_text("Why 8?")
    expect(page.locator("#logits .best th")).to_have_text("8")


def test_three_networks_read_the_same_drawing(visit):
    page = visit(**DESKTOP)
    write(page, "274")
    cards = page.locator("#comparison > li")
    expect(cards).to_have_count(3)
    for card, name in zip(cards.all(), ("Softmax", "Multilayer perceptron", "Convolutional network"), strict=True):
        assert card.locator("h3").inner_text() == name
        assert re.fullmatch(r"\d{3}", card.locator(".reading-text").inner_text())
        assert card.locator("ol li").count() == 10
        assert "numbers" in card.inner_text()
    expect(cards.last.locator(".reading-text")).to_have_text("274")
    expect(cards.first.locator(".template")).to_contain_text(
        f"template for {cards.first.locator('.reading-text').inner_text()[0]}"
    )
    assert cards.first.locator(".template canvas").evaluate(INKED) > 300
    page.locator("#reading-text [role=tab]").nth(2).click()
    expect(cards.last.locator("li.best")).to_contain_text("4")


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_tour_leads_through_five_steps_with_ones_own_digit_or_one_that_is_written(visit, options):
    page = visit(**options)
    page.locator("#tour-start").click()
    expect(page.locator("#reading-text")).to_have_text("3")  # the page wrote one
    titles = []
    for number, step in enumerate(("normalization", "conv1", "conv2", "fc1", "logits"), 1):
        expect(page.locator("#tour")).to_contain_text(f"Step {number} of 5")
        expect(page.locator(f"#step-{step}")).to_have_class("tour-step")
        until(page, f"document.getElementById('step-{step}').getBoundingClientRect().top < innerHeight / 2")
        expect(page.locator("#tour-title")).to_be_focused()
        titles.append(page.locator("#tour-title").inner_text())
        page.locator("#tour .primary").click()
    assert len(set(titles)) == 5
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator("#tour-start")).to_be_focused()
    draw(page, hand(3))
    page.locator("#tour-start").click()
    page.keyboard.press("Escape")  # ends the tour, and clears nothing
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator("#reading")).not_to_have_attribute("data-status", "blank")


@pytest.mark.parametrize(
    ("locale", "language", "title"), [("zh-CN", "zh", "写一个数字"), ("de-DE", "en", "Write a digit")]
)
def test_the_page_speaks_the_browsers_language(visit, locale, language, title):
    page = visit(**DESKTOP, locale=locale)
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("#language")).to_have_value(language)


def test_another_language_is_chosen_by_hand_changes_all_and_is_remembered(visit):
    page = visit(**DESKTOP)
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


def test_without_the_weights_of_convolutions_what_there_is_is_shown(visit):
    """The server may have been given weights of a simpler network."""
    page = visit(**DESKTOP)

    def simpler(route):
        answer = route.fetch().json()
        answer["layers"] = answer["layers"][-2:]
        route.fulfill(json=answer)

    page.route("**/api/explain*", simpler)
    write(page, "7")
    expect(page.locator("#step-conv1")).to_be_hidden()
    expect(page.locator("#step-conv2")).to_be_hidden()
    expect(page.locator("#step-fc1")).to_be_visible()
    page.unroute("**/api/explain*")
