"""Files that the browser cannot show, files with several pages, and animations: the server shows them."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect

from bench.chromium import DESKTOP, PHONE, digit_strokes, draw
from bench.sample_images import draw_number, encode_image, to_image

BUSY = {"error": {"code": "busy", "message": "Come back."}}
SUFFIXES = {
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/tiff": "tif",
    "image/heic": "heic",
    "application/pdf": "pdf",
}
MIN_TOUCH_TARGET = 44  # CSS pixels


def draw_page(text: str, size: tuple[int, int] = (600, 450)) -> Image.Image:
    """Draw a page with a number in the middle of its upper half, or a blank one."""
    page = Image.new("L", size, 255)
    if text:
        number = to_image(draw_number(text, seed=2))
        page.paste(number, ((size[0] - number.width) // 2, 20))
    return page


def encode_pages(format_name: str, *texts: str) -> bytes:
    first, *others = map(draw_page, texts)
    return encode_image(first, format_name, save_all=True, append_images=others)


def encode_heic(image: Image.Image) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    pillow_heif.from_pillow(image.convert("RGB")).save(stream)
    return stream.getvalue()


def pick_file(page: Page, content: bytes, mime_type: str) -> None:
    name = f"scan.{SUFFIXES[mime_type]}"
    page.locator("#file-input").set_input_files([{"name": name, "mimeType": mime_type, "buffer": content}])


def record_requests(page: Page) -> list[str]:
    """Return a list to which the path and query of each request to the API is added."""
    paths: list[str] = []

    def record(request: Request) -> None:
        if "/api" in request.url:
            paths.append(request.url.partition("/api")[2])

    page.on("request", record)
    return paths


def expect_shown(page: Page, name: str, text: str) -> None:
    expect(page.locator("#file-name")).to_have_text(name)
    expect(page.locator("#reading-text")).to_have_text(text)


def test_picture_that_the_browser_cannot_show_is_shown_read_and_explained(open_page):
    page = open_page(**DESKTOP)
    pick_file(page, encode_heic(draw_page("47")), "image/heic")
    expect_shown(page, "Picture: scan.heic", "47")
    expect(page.locator("#page-picker")).to_be_hidden()
    expect(page.locator(".box")).to_have_count(2)
    expect(page.locator("#saliency-caption")).to_have_text("Why 4?")
    expect(page.locator("#compare")).to_have_attribute("aria-busy", "false")
    draw(page, [[[1.0, 0.08], [1.0, 0.25], [1.0, 0.42]]])
    expect(page.locator("#reading-text")).to_have_text("471")


def test_picture_that_the_browser_shows_is_not_requested_from_the_server(open_page):
    page = open_page(**DESKTOP)
    paths = record_requests(page)
    pick_file(page, encode_image(draw_page("7")), "image/png")
    expect_shown(page, "Picture: scan.png", "7")
    assert paths[0] == ""
    assert "/picture" not in paths


@pytest.mark.parametrize(
    ("format_name", "mime_type", "package"),
    [("TIFF", "image/tiff", "PIL"), ("PDF", "application/pdf", "pypdfium2")],
    ids=["TIFF", "PDF"],
)
def test_pages_are_chosen_and_read(page_with_errors, format_name, mime_type, package):
    """The server answers with an error for the blank page, which the browser logs."""
    pytest.importorskip(package)
    page = page_with_errors
    name = f"scan.{SUFFIXES[mime_type]}"
    paths = record_requests(page)
    pick_file(page, encode_pages(format_name, "", "20", "6"), mime_type)
    expect_shown(page, f"{name}, page 2 of 3", "20")  # the first with writing
    page.locator("#next-page").click()
    expect_shown(page, f"{name}, page 3 of 3", "6")
    expect(page.locator("#next-page")).to_be_disabled()
    expect(page.locator("#previous-page")).to_be_enabled()
    page.keyboard.press("Control+z")
    expect_shown(page, f"{name}, page 2 of 3", "20")
    page.locator("#previous-page").click()
    expect(page.locator("#file-name")).to_have_text(f"{name}, page 1 of 3")
    expect(page.locator("#previous-page")).to_be_disabled()
    expect(page.locator("#detail")).to_contain_text("Write as you would on paper")
    assert [path for path in paths if "picture" in path] == ["/picture", "/picture?page=3", "/picture?page=1"]


def test_keyboard_turns_the_pages_and_keeps_the_focus_at_the_last_one(open_page):
    page = open_page(**DESKTOP)
    pick_file(page, encode_pages("TIFF", "3", "4"), "image/tiff")
    expect_shown(page, "scan.tif, page 1 of 2", "3")
    page.locator("#canvas").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Next page")).to_be_focused()
    page.keyboard.press("Enter")
    expect_shown(page, "scan.tif, page 2 of 2", "4")
    expect(page.get_by_role("button", name="Previous page")).to_be_focused()


def test_buttons_for_pages_are_large_enough_for_fingers_and_inside_the_canvas(open_page):
    page = open_page(**PHONE)
    pick_file(page, encode_pages("TIFF", "3", "4"), "image/tiff")
    expect_shown(page, "scan.tif, page 1 of 2", "3")
    canvas = page.locator("#canvas").bounding_box()
    for button in (page.locator("#previous-page").bounding_box(), page.locator("#next-page").bounding_box()):
        assert min(button["width"], button["height"]) >= MIN_TOUCH_TARGET
        assert button["x"] >= canvas["x"]
        assert button["y"] + button["height"] <= canvas["y"] + canvas["height"]
    page.locator("#next-page").tap()
    expect_shown(page, "scan.tif, page 2 of 2", "4")


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG"])
def test_first_frame_with_writing_is_shown_of_an_animation(open_page, format_name):
    page = open_page(**DESKTOP)
    name = format_name.lower()
    pick_file(page, encode_pages(format_name, "", "5"), f"image/{name}")
    expect_shown(page, f"Picture: scan.{name}", "5")
    top, bottom = page.evaluate("""() => [0, 1].map((half) => {
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, (half * height) / 2, width, height / 2);
        return data.filter((value, i) => i % 4 === 0 && value < 128).length;
    })""")
    assert top > 100
    assert bottom == 0


def test_animation_is_shown_by_the_browser_while_the_server_is_gone(page_with_errors):
    page = page_with_errors
    page.route("**/api/picture", lambda route: route.abort("connectionrefused"))
    pick_file(page, encode_pages("GIF", "5", "6"), "image/gif")
    expect_shown(page, "Picture: scan.gif", "5")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda route: route.abort("connectionrefused"), "The server does not answer."),
        (lambda route: route.fulfill(status=503, json=BUSY), "The server is busy."),
    ],
    ids=["gone", "busy"],
)
def test_file_is_opened_as_soon_as_the_server_answers(page_with_errors, answer, sentence):
    page = page_with_errors
    page.route("**/api/picture", answer)
    pick_file(page, encode_pages("TIFF", "5"), "image/tiff")
    expect(page.locator("#file-name")).to_have_text(f"Opening scan.tif … {sentence}")
    page.unroute("**/api/picture")
    expect_shown(page, "Picture: scan.tif", "5")


def test_error_of_the_server_is_shown_and_the_drawing_is_kept(page_with_errors):
    page = page_with_errors
    draw(page, digit_strokes(7))
    pick_file(page, encode_pages("TIFF", "5")[:-200], "image/tiff")
    expect(page.locator("#file-name")).to_contain_text("scan.tif cannot be shown here. The picture is damaged")
    expect(page.locator("#reading-text")).to_have_text("7")
    page.locator("#language").select_option("zh")
    expect(page.locator("#file-name")).to_have_text("无法显示 scan.tif。图片已损坏：请重新保存或发送。")


def test_page_after_one_that_cannot_be_shown_can_be_chosen(page_with_errors):
    page = page_with_errors
    error = {"error": {"code": "damaged", "message": "It is damaged."}}
    page.route("**/api/picture?page=2", lambda route: route.fulfill(status=400, json=error))
    pick_file(page, encode_pages("TIFF", "5", "6", "7"), "image/tiff")
    expect_shown(page, "scan.tif, page 1 of 3", "5")
    page.locator("#next-page").click()
    expect_shown(page, "scan.tif, page 2 of 3 cannot be shown here. It is damaged.", "5")
    page.locator("#next-page").click()
    expect_shown(page, "scan.tif, page 3 of 3", "7")


@pytest.mark.parametrize("action", ["draw", "clear", "open another file"])
def test_drawing_clearing_or_another_file_cancels_the_opening(open_page, action):
    page = open_page(**DESKTOP)
    page.route("**/api/picture", lambda route: None)  # is never answered
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/api/picture")):  # aborted
        pick_file(page, encode_pages("TIFF", "5"), "image/tiff")
        expect(page.locator("#file-name")).to_have_text("Opening scan.tif …")
        if action == "draw":
            draw(page, digit_strokes(7))
        elif action == "clear":
            page.locator("#clear").click()
        else:
            pick_file(page, encode_image(draw_page("7")), "image/png")
    if action == "clear":
        expect(page.locator("#file-name")).to_be_hidden()
        expect(page.locator("#clear")).to_be_disabled()
    else:
        expect(page.locator("#reading-text")).to_have_text("7")
        expect(page.locator("#file-name")).not_to_contain_text("scan.tif")
