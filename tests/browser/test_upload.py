"""Pictures instead of drawing: picked, pasted, dropped, drawn on."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from bench.chromium import DESKTOP, draw, hand, ink

FIVE = Path("input/test-5.png").read_bytes()
# Gives a file to the page, as (kind, base64, name) say.
GIVE = """([kind, content, name]) => {
    const bytes = Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, { type: "image/png" }));
    const more = { bubbles: true, cancelable: true };
    const target = document.getElementById("canvas");
    if (kind === "paste") return target.dispatchEvent(new ClipboardEvent("paste", { ...more, clipboardData: files }));
    target.dispatchEvent(new DragEvent("dragover", { ...more, dataTransfer: files }));
    if (!document.getElementById("canvas-area").classList.contains("drag-over")) throw new Error("not highlighted");
    target.dispatchEvent(new DragEvent("drop", { ...more, dataTransfer: files }));
}"""


def pick(page, content: bytes, name: str = "five.png", kind: str = "image/png") -> None:
    page.locator("#file-input").set_input_files([{"name": name, "mimeType": kind, "buffer": content}])


def digit(size: tuple[int, int], paper: int, pen: int, form: str = "PNG") -> bytes:
    """A picture of a 7."""
    image = Image.new("L", size, paper)
    width, height = size
    points = [(0.4, 0.3), (0.6, 0.3), (0.47, 0.7)]
    ImageDraw.Draw(image).line([(x * width, y * height) for x, y in points], pen, height // 20, joint="curve")
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


@pytest.mark.parametrize("way", ["pick", "paste", "drop"])
def test_a_picture_is_read_however_it_comes(visit, way):
    page = visit(**DESKTOP)
    if way == "pick":
        pick(page, FIVE)
    else:
        page.evaluate(GIVE, [way, base64.b64encode(FIVE).decode(), "five.png"])
    expect(page.locator("#reading-text")).to_have_text("5")
    expect(page.locator("#file-name")).to_have_text("Picture: five.png")
    expect(page.locator(".box")).to_have_count(1)
    expect(page.locator("#saliency-caption")).to_have_text("Why 5?")


def test_a_file_name_is_shown_and_not_run(visit):
    page = visit(**DESKTOP)
    name = "<img src=x onerror=document.title='run'>.png"
    pick(page, FIVE, name)
    expect(page.locator("#file-name")).to_have_text(f"Picture: {name}")
    assert page.locator("#file-name *").count() == 0
    pick(page, b"no picture", name)
    expect(page.locator("#file-name")).to_contain_text(f"{name} cannot be shown here")
    assert page.title() != "run"


def test_what_is_no_picture_leaves_what_was_drawn(visit):
    page = visit(**DESKTOP)
    draw(page, hand(7))
    drawn = ink(page)
    pick(page, b"hello", "letter.txt", "text/plain")
    expect(page.locator("#file-name")).to_contain_text("letter.txt cannot be shown here")
    expect(page.locator("#reading-text")).to_have_text("7")
    assert ink(page) == drawn


def test_undo_brings_back_what_a_picture_covered(visit):
    page = visit(**DESKTOP)
    draw(page, hand(7))
    drawn = ink(page)
    pick(page, FIVE)
    expect(page.locator("#reading-text")).to_have_text("5")
    page.keyboard.press("Control+z")
    expect(page.locator("#reading-text")).to_have_text("7")
    expect(page.locator("#file-name")).to_be_hidden()
    assert ink(page) == drawn


def test_a_large_picture_goes_as_it_is_and_its_box_lies_on_the_digit(visit):
    page = visit(**DESKTOP)
    content = digit((2400, 1800), 230, 40, "JPEG")
    bodies = []

    def seen(route):
        bodies.append((route.request.headers["content-type"], route.request.post_data_buffer))
        route.continue_()

    page.route("**/api", seen)
    pick(page, content, "photo.jpg", "image/jpeg")
    expect(page.locator("#reading-text")).to_have_text("7")
    assert bodies == [("image/jpeg", content)]
    paper, box = page.locator("#canvas").bounding_box(), page.locator(".box").bounding_box()
    middle = (box["x"] + box["width"] / 2 - paper["x"]) / paper["width"]
    assert middle == pytest.approx(0.5, abs=0.02)
    assert (box["y"] - paper["y"]) / paper["height"] == pytest.approx(0.28, abs=0.02)


@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (0, 255)], ids=["light", "dark"])
def test_a_picture_can_be_drawn_on_and_the_eraser_spares_it(visit, paper, pen):
    page = visit(**DESKTOP)
    pick(page, digit((800, 600), paper, pen))
    expect(page.locator("#reading-text")).to_have_text("7")
    draw(page, [[[0.85, 0.3], [0.85, 0.5], [0.85, 0.7]]])  # a 1 to the right of it
    expect(page.locator("#reading-text")).to_have_text("71")
    page.locator("#erase").click()
    draw(page, [[[0.85, y] for y in (0.1, 0.3, 0.5, 0.7, 0.9)], [[0.3, 0.3], [0.5, 0.3], [0.7, 0.3]]])
    expect(page.locator("#reading-text")).to_have_text("7")


@pytest.mark.parametrize("side", [28, 600])
def test_what_is_drawn_beside_a_picture_is_read_with_it(visit, side):
    """The picture alone was once sent, as far as it reaches: a square one leaves paper on both sides."""
    page = visit(**DESKTOP)
    pick(page, digit((side, side), 255, 0))
    expect(page.locator("#reading-text")).to_have_text("7")
    draw(page, [[[1.08, 0.25], [1.08, 0.5], [1.08, 0.75]]])
    expect(page.locator("#reading-text")).to_have_text("71")
    expect(page.locator(".box")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("pen", [0, 255], ids=["black", "white"])
def test_ink_on_nothing_is_seen_and_drawn_on_in_any_theme(visit, scheme, pen):
    page = visit(**DESKTOP, color_scheme=scheme)
    image = Image.new("RGBA", (800, 600))
    ImageDraw.Draw(image).line([(320, 180), (480, 180), (376, 420)], (pen, pen, pen, 255), 30, joint="curve")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    pick(page, stream.getvalue())
    expect(page.locator("#reading-text")).to_have_text("7")
    shot = Image.open(io.BytesIO(page.locator("#canvas-area").screenshot())).convert("L")
    on_ink, beside = ((shot.width // 2, round(0.3 * shot.height)), (shot.width // 4, round(0.6 * shot.height)))
    assert abs(shot.getpixel(on_ink) - shot.getpixel(beside)) > 90
    draw(page, [[[0.85, 0.3], [0.85, 0.5], [0.85, 0.7]]])
    expect(page.locator("#reading-text")).to_have_text("71")


def test_why_a_file_is_not_shown_is_said_in_another_language_too(visit):
    page = visit(**DESKTOP)
    pick(page, b"hello", "letter.txt", "text/plain")
    expect(page.locator("#file-name")).to_contain_text("cannot be shown")
    page.locator("#language").select_option("zh")
    expect(page.locator("#file-name")).to_contain_text("无法显示 letter.txt")


def test_a_picture_that_opens_slowly_does_not_replace_a_later_one(visit):
    page = visit(**DESKTOP)
    page.evaluate("""() => {
        const open = createImageBitmap;
        let first = true;
        window.createImageBitmap = async (file) => {
            if (first) { first = false; await new Promise((go) => (window.goOn = go)); }
            return open(file);
        };
    }""")
    pick(page, digit((800, 600), 255, 0), "first.png")
    pick(page, FIVE, "second.png")
    expect(page.locator("#reading-text")).to_have_text("5")
    page.evaluate("goOn(), new Promise(requestAnimationFrame)")
    draw(page, [[[0.5, 0.5]]])  # all that was to come has come
    expect(page.locator("#file-name")).to_have_text("Picture: second.png")
