"""`digits.picture`: any picture of a digit becomes the frame that MNIST's makers would have made."""

import contextlib
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from digits import UserError, picture, synthetic


def saved(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def framed(content: bytes) -> np.ndarray:
    ((frame, _),) = picture.find(picture.decode(content))
    return frame


def oracle(ink: np.ndarray) -> np.ndarray:
    """The MNIST frame as its description says it, pixel by pixel, for ink whose box is known: all of `ink`.

    Every pixel of the result is the mean of the ink under it, which is split 40 times each way.
    """
    height, width = ink.shape
    longer = max(height, width)
    rows, columns = max(1, round(20 * height / longer)), max(1, round(20 * width / longer))
    fine = ink.repeat(rows, 0).repeat(columns, 1)  # now each result pixel is `height` x `width` whole cells
    small = fine.reshape(rows, height, columns, width).mean((1, 3))
    small = small / small.max() * 255
    out = np.zeros((28, 28))
    mass = small.sum()
    top = round(14 - (small.sum(1) * np.arange(rows)).sum() / mass)
    left = round(14 - (small.sum(0) * np.arange(columns)).sum() / mass)
    out[top : top + rows, left : left + columns] = small
    return out


@pytest.fixture(scope="module")
def seven() -> np.ndarray:
    """A handwritten 7 on a sheet of 200 x 200: ink from 0 to 1."""
    hand = synthetic.strokes(7, torch.Generator().manual_seed(1))
    return synthetic.ink(hand, 200, 16).numpy()


@pytest.mark.parametrize("shape", [(40, 40), (60, 25), (33, 80), (100, 100), (20, 20), (20, 13)])
def test_the_frame_is_the_one_that_mnists_description_gives(shape):
    values = np.random.default_rng(shape).uniform(0.3, 1, shape).astype(np.float32)
    values[0, 0] = 1
    ours = picture.frame(values, (0, 0, shape[1], shape[0]))
    assert np.abs(ours - oracle(values)).max() <= 1


def test_mnist_images_come_back_as_they_were(real_mnist):
    images = real_mnist["train"].images[:2000, 0].numpy()
    off = [np.abs(framed(saved(Image.fromarray(image))).astype(int) - image).max() for image in images]
    assert np.mean(np.array(off) <= 1) > 0.99  # to 255 stretched from 254, a pixel is off by one


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (lambda i: 255 - i, 0.5),
        (lambda i: np.pad(255 - i, ((30, 2), (5, 60)), constant_values=255), 0.5),
        (lambda i: i.repeat(9, 0).repeat(9, 1), 0.5),
        (lambda i: np.stack([i // 2, i // 3, i // 4], -1) + 20, 2),
        (lambda i: (60 + 0.4 * i).round().astype(np.uint8), 1),
    ],
    ids=["inverted", "padded", "enlarged", "coloured", "pale"],
)
def test_a_changed_mnist_image_comes_back_to_nearly_itself(real_mnist, change, allowed):
    for image in _some(real_mnist):
        again = framed(saved(Image.fromarray(change(image)))).astype(float)
        assert np.abs(again - image).mean() <= allowed


def _some(real_mnist) -> np.ndarray:
    """100 training images whose longer side is exactly 20, as that of 99.98 % is."""
    images = real_mnist["train"].images[:110, 0].numpy()
    sides = [max(np.ptp(np.nonzero(i)[0]), np.ptp(np.nonzero(i)[1])) + 1 for i in images]
    return images[np.array(sides) == 20][:100]


def grey(ink: np.ndarray) -> Image.Image:
    return Image.fromarray((255 * (1 - ink)).round().astype(np.uint8))


def rgba(ink: np.ndarray, colour: int) -> Image.Image:
    alpha = (255 * ink).round().astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((*ink.shape, 3), colour, np.uint8), alpha]))


def rimmed(ink: np.ndarray) -> Image.Image:
    """A white sheet on transparency, as pictures of windows have it."""
    sheet = Image.new("RGBA", (240, 240), (0, 0, 0, 0))
    sheet.paste(grey(ink).convert("RGBA"), (20, 20))
    return sheet


def rotated_by_exif(ink: np.ndarray) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned 90° clockwise
    return saved(grey(ink).rotate(90), "JPEG", quality=95, exif=exif)


def animated(ink: np.ndarray) -> bytes:
    return saved(grey(ink), "GIF", save_all=True, append_images=[Image.new("L", ink.shape, 255)])


SAME_DIGIT = {
    "grey PNG": lambda ink: saved(grey(ink)),
    "1-bit PNG": lambda ink: saved(grey(ink).convert("1", dither=0)),
    "RGB PNG": lambda ink: saved(grey(ink).convert("RGB")),
    "palette PNG": lambda ink: saved(grey(ink).quantize(16)),
    "palette PNG with a transparent colour": lambda ink: saved(grey(ink).quantize(16), transparency=0),
    "grey PNG with a transparent grey": lambda ink: saved(grey(ink), transparency=255),
    "grey and alpha PNG": lambda ink: saved(rgba(ink, 0).convert("LA")),
    "black ink on transparency": lambda ink: saved(rgba(ink, 0)),
    "white ink on transparency": lambda ink: saved(rgba(ink, 255)),
    "opaque RGBA": lambda ink: saved(grey(ink).convert("RGBA")),
    "16-bit PNG": lambda ink: saved(Image.fromarray((65535 * (1 - ink)).astype(np.uint16))),
    "12 bits in a 16-bit PNG": lambda ink: saved(Image.fromarray((4095 * (1 - ink)).astype(np.uint16))),
    "float TIFF of shares": lambda ink: saved(Image.fromarray(1 - ink), "TIFF"),
    "sheet with a transparent rim": lambda ink: saved(rimmed(ink)),
    "16-bit PNG of bytes": lambda ink: saved(Image.fromarray((255 * (1 - ink)).astype(np.uint16))),
    "JPEG": lambda ink: saved(grey(ink), "JPEG", quality=90),
    "CMYK JPEG": lambda ink: saved(grey(ink).convert("CMYK"), "JPEG", quality=90),
    "turned JPEG with EXIF": rotated_by_exif,
    "WEBP": lambda ink: saved(grey(ink), "WEBP", quality=90),
    "lossless WEBP with alpha": lambda ink: saved(rgba(ink, 0), "WEBP", lossless=True),
    "GIF": lambda ink: saved(grey(ink), "GIF"),
    "animated GIF": animated,
    "BMP": lambda ink: saved(grey(ink), "BMP"),
    "float TIFF": lambda ink: saved(Image.fromarray(255 * (1 - ink)), "TIFF"),
    "white on black": lambda ink: saved(grey(1 - ink)),
    "yellow on blue": lambda ink: saved(Image.merge("RGB", [grey(1 - ink), grey(1 - ink), grey(ink)])),
}


@pytest.mark.parametrize("kind", SAME_DIGIT)
def test_one_digit_in_any_format_gives_one_frame(kind, seven):
    expected = framed(saved(grey(seven))).astype(float)
    assert np.abs(framed(SAME_DIGIT[kind](seven)) - expected).mean() < 3


def test_the_box_is_in_pixels_of_the_picture_as_sent(seven):
    rows, columns = (seven > 0.5).any(1).nonzero()[0], (seven > 0.5).any(0).nonzero()[0]
    small = picture.find(picture.decode(saved(grey(seven))))[0][1]
    assert small == pytest.approx((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), abs=1)
    huge = picture.decode(saved(grey(seven).resize((3000, 3000), Image.Resampling.BILINEAR)))
    assert picture.find(huge)[0][1] == pytest.approx([15 * x for x in small], abs=15)


def test_where_a_digit_stands_and_how_large_it_is_does_not_matter(seven):
    expected = framed(saved(grey(seven))).astype(float)
    for side, left, top in ((200, 0, 0), (90, 300, 7), (400, 11, 190)):
        sheet = Image.new("L", (600, 600), 255)
        sheet.paste(grey(seven).resize((side, side), Image.Resampling.BOX), (left, top))
        assert np.abs(framed(saved(sheet)) - expected).mean() < 6


@pytest.mark.parametrize("size", [(100, 30_000), (30_000, 100)])
def test_a_digit_on_a_long_strip_is_not_squashed(size, seven):
    small = grey(seven).resize((80, 80), Image.Resampling.BOX)
    strip = Image.new("L", size, 255)
    strip.paste(small, (10, 10))
    assert np.array_equal(framed(saved(strip)), framed(saved(small)))


def test_grain_of_the_paper_is_no_ink(seven):
    grain = np.random.default_rng(1).normal(0, 4, seven.shape)
    noisy = Image.fromarray((200 - 120 * seven + grain).clip(0, 255).astype(np.uint8))
    expected = framed(saved(grey(seven))).astype(float)
    assert np.abs(framed(saved(noisy)) - expected).mean() < 6


def paper(spread: float, size=(300, 200)) -> Image.Image:
    grain = np.random.default_rng(1).normal(0, spread, size)
    return Image.fromarray((190 + grain).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (28, 28), 255),
        Image.new("RGB", (640, 480), "black"),
        Image.new("RGB", (50, 80), (200, 30, 90)),
        Image.new("RGBA", (100, 100), (0, 0, 0, 0)),
        Image.new("1", (1, 1)),
        paper(3),
    ],
    ids=["white", "black", "coloured", "transparent", "one pixel", "grainy paper"],
)
def test_blank_pictures_have_no_digits(image):
    assert picture.find(picture.decode(saved(image))) == []


def claims(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels and brings next to none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


GOOD = saved(Image.new("L", (100, 100), 255))
BAD = {
    "empty": (b"", "empty", "0 bytes"),
    "text": (b"This is no picture at all.", "format", "PNG, JPEG"),
    "PDF": (b"%PDF-1.7 and more of it", "format", "convert"),
    "cut in the header": (GOOD[:20], "damaged", "damaged"),
    "cut in the pixels": (GOOD[:-30], "damaged", "damaged"),
    "cut JPEG": (saved(paper(30), "JPEG")[:2000], "damaged", "damaged"),
    "64.1 million pixels": (claims(8_010, 8_010), "pixels", "8010x8010"),
    "900 million pixels": (claims(30_000, 30_000), "pixels", "at most 64 million"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_readable_picture_is_refused_with_what_to_do(kind):
    content, code, words = BAD[kind]
    with pytest.raises(UserError, match=words) as caught:
        picture.decode(content)
    assert caught.value.code == code


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    for name, words in (("none.png", "does not exist"), ("empty.png", "is empty"), ("folder", "no pictures")):
        with pytest.raises(UserError, match=f"{name} .*{words}"):
            picture.decode(tmp_path / name)


def test_random_bytes_in_a_picture_never_raise_anything_but_the_one_error(seven):
    random = np.random.default_rng(4)
    originals = [saved(grey(seven), form) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")]
    for _ in range(40):
        for original in originals:
            broken = np.frombuffer(original, np.uint8).copy()
            broken[random.integers(0, min(300, len(broken)), 4)] = random.integers(0, 256, 4)
            with contextlib.suppress(UserError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Pillow remarks on broken metadata
                picture.find(picture.decode(broken.tobytes()))
