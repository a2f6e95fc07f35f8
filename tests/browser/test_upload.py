"""Pictures that are picked, pasted or dropped, and drawn on."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from bench.chromium import DESKTOP, count_drawn_pixels, digit_strokes, draw
from bench.sample_images import encode_image

FIVE = Path("input/test-5.png").read_bytes()
ONE_AT_THE_RIGHT = [[[0.85, 0.3], [0.85, 0.5], [0.85, 0.7]]]
# Pastes or drops a file: called with "paste" or "drop", the content in base64, and the name.
SEND_FILE = """([event, content, name]) => {
    const bytes = Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, { type: "image/png" }));
    const options = { bubbles: true, cancelable: true };
    const target = document.getElementById("canvas");
    if (event === "paste")
        return target.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: files }));
    target.dispatchEvent(new DragEvent("dragover", { ...options, dataTransfer: files }));
    if (!document.getElementById("canvas-area").classList.contains("drag-over")) throw new Error("not highlighted");
    target.dispatchEvent(new DragEvent("drop", { ...options, dataTransfer: files }));
}"""


def pick_file(page, content: bytes, name: str = "five.png", mime_type: str = "image/png") -> None:
    page.locator("#file-input").set_input_files([{"name": name, "mimeType": mime_type, "buffer": content}])


def draw_seven(size: tuple[int, int], background: int, foreground: int, encoding: str = "PNG") -> bytes:
    """Encode a picture of a 7."""
    image = Image.new("L", size, background)
    width, height = size
    points = [(0.4, 0.3), (0.6, 0.3), (0.47, 0.7)]
    ImageDraw.Draw(image).line([(x * width, y * height) for x, y in points], foreground, height // 20, joint="curve")
    return encode_image(image, encoding)


@pytest.mark.parametrize("event", ["pick", "paste", "drop"])
def test_picked_pasted_and_dropped_pictures_are_read(open_page, event):
    page = open_page(**DESKTOP)
    if event == "pick":
        pick_file(page, FIVE)
    else:
        page.evaluate(SEND_FILE, [event, base64.b64encode(FIVE).decode(), "five.png"])
    expect(page.locator("#reading-text")).to_have_text("5")
    expect(page.locator("#file-name")).to_have_text("Picture: five.png")
    expect(page.locator(".box")).to_have_count(1)
    expect(page.locator("#saliency-caption")).to_have_text("Why 5?")


def test_markup_in_a_file_name_is_not_executed(page_with_errors):
    page = page_with_errors
    name = "<img src=x onerror=document.title='run'>.png"
    pick_file(page, FIVE, name)
    expect(page.locator("#file-name")).to_have_text(f"Picture: {name}")
    assert page.locator("#file-name *").count() == 0
    pick_file(page, b"not a picture", name)
    expect(page.locator("#file-name")).to_contain_text(f"{name} cannot be shown here")
    assert page.title() != "run"


def test_file_that_is_not_a_picture_leaves_the_drawing_unchanged(page_with_errors):
    page = page_with_errors
    draw(page, digit_strokes(7))
    drawn = count_drawn_pixels(page)
    pick_file(page, b"hello", "letter.txt", "text/plain")
    expect(page.locator("#file-name")).to_contain_text("letter.txt cannot be shown here. The picture is not")
    expect(page.locator("#reading-text")).to_have_text("7")
    assert count_drawn_pixels(page) == drawn


def test_undo_restores_the_drawing_that_a_picture_replaced(open_page):
    page = open_page(**DESKTOP)
    draw(page, digit_strokes(7))
    drawn = count_drawn_pixels(page)
    pick_file(page, FIVE)
    expect(page.locator("#reading-text")).to_have_text("5")
    page.keyboard.press("Control+z")
    expect(page.locator("#reading-text")).to_have_text("7")
    expect(page.locator("#file-name")).to_be_hidden()
    assert count_drawn_pixels(page) == drawn


def test_large_picture_is_sent_unchanged_and_its_box_covers_the_digit(open_page):
    page = open_page(**DESKTOP)
    content = draw_seven((2400, 1800), 230, 40, "JPEG")
    requests = []

    def record(route):
        requests.append((route.request.headers["content-type"], route.request.post_data_buffer))
        route.continue_()

    page.route("**/api", record)
    pick_file(page, content, "photo.jpg", "image/jpeg")
    expect(page.locator("#reading-text")).to_have_text("7")
    assert requests == [("image/jpeg", content)]
    canvas, box = page.locator("#canvas").bounding_box(), page.locator(".box").bounding_box()
    middle = (box["x"] + box["width"] / 2 - canvas["x"]) / canvas["width"]
    assert middle == pytest.approx(0.5, abs=0.02)
    assert (box["y"] - canvas["y"]) / canvas["height"] == pytest.approx(0.28, abs=0.02)


@pytest.mark.parametrize(("background", "foreground"), [(255, 0), (0, 255)], ids=["light", "dark"])
def test_strokes_on_a_picture_are_read_and_the_eraser_spares_the_picture(open_page, background, foreground):
    page = open_page(**DESKTOP)
    pick_file(page, draw_seven((800, 600), background, foreground))
    expect(page.locator("#reading-text")).to_have_text("7")
    draw(page, ONE_AT_THE_RIGHT)
    expect(page.locator("#reading-text")).to_have_text("71")
    page.locator("#erase").click()
    draw(page, [[[0.85, y] for y in (0.1, 0.3, 0.5, 0.7, 0.9)], [[0.3, 0.3], [0.5, 0.3], [0.7, 0.3]]])
    expect(page.locator("#reading-text")).to_have_text("7")


@pytest.mark.parametrize("side", [28, 600])
def test_strokes_next_to_a_picture_are_read_with_it(open_page, side):
    """Only the area of the picture was sent once; next to a square picture the canvas is empty on both sides."""
    page = open_page(**DESKTOP)
    pick_file(page, draw_seven((side, side), 255, 0))
    expect(page.locator("#reading-text")).to_have_text("7")
    draw(page, [[[1.08, 0.25], [1.08, 0.5], [1.08, 0.75]]])
    expect(page.locator("#reading-text")).to_have_text("71")
    expect(page.locator(".box")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("foreground", [0, 255], ids=["black", "white"])
def test_transparent_picture_is_visible_and_can_be_drawn_on_in_any_theme(open_page, scheme, foreground):
    page = open_page(**DESKTOP, color_scheme=scheme)
    image = Image.new("RGBA", (800, 600))
    color = (foreground, foreground, foreground, 255)
    ImageDraw.Draw(image).line([(320, 180), (480, 180), (376, 420)], color, 30, joint="curve")
    pick_file(page, encode_image(image))
    expect(page.locator("#reading-text")).to_have_text("7")
    screenshot = Image.open(io.BytesIO(page.locator("#canvas-area").screenshot())).convert("L")
    on_stroke = (screenshot.width // 2, round(0.3 * screenshot.height))
    off_stroke = (screenshot.width // 4, round(0.6 * screenshot.height))
    assert abs(screenshot.getpixel(on_stroke) - screenshot.getpixel(off_stroke)) > 90
    draw(page, ONE_AT_THE_RIGHT)
    expect(page.locator("#reading-text")).to_have_text("71")


def test_rejection_of_a_file_is_translated(page_with_errors):
    page = page_with_errors
    pick_file(page, b"hello", "letter.txt", "text/plain")
    expect(page.locator("#file-name")).to_contain_text("cannot be shown")
    page.locator("#language").select_option("zh")
    expect(page.locator("#file-name")).to_have_text("无法显示 letter.txt。这种图片格式无法识别：请换成 PNG 或 JPEG。")


def test_slowly_decoded_picture_does_not_replace_a_later_one(open_page):
    page = open_page(**DESKTOP)
    page.evaluate("""() => {
        const decode = createImageBitmap;
        let isFirst = true;
        window.createImageBitmap = async (file) => {
            if (isFirst) { isFirst = false; await new Promise((resolve) => (window.continueFirst = resolve)); }
            return decode(file);
        };
    }""")
    pick_file(page, draw_seven((800, 600), 255, 0), "first.png")
    pick_file(page, FIVE, "second.png")
    expect(page.locator("#reading-text")).to_have_text("5")
    page.evaluate("continueFirst(), new Promise(requestAnimationFrame)")
    draw(page, [[[0.5, 0.5]]])  # after this stroke the first picture would have been shown
    expect(page.locator("#file-name")).to_have_text("Picture: second.png")
