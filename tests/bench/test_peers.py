"""`bench.peers`: other programs get pictures that they can read, and one that is missing is an error that names it."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bench import handwriting, peers
from bench.peers import Peer
from digits import UserError


def draw(size: tuple[int, int], ground: int, ink: int) -> Image.Image:
    """A vertical stroke in the middle, a fifth of the width wide."""
    pixels = np.full(size[::-1], ground, np.uint8)
    pixels[:, 2 * size[0] // 5 : 3 * size[0] // 5] = ink
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("ground", "ink"), [(230, 20), (25, 235)], ids=["dark on light", "light on dark"])
def test_picture_is_made_dark_on_light(ground, ink):
    gray = peers.to_dark_on_light(draw((30, 20), ground, ink))
    assert (gray.getpixel((0, 0)), gray.getpixel((15, 10))) == (230, 20)


@pytest.mark.parametrize(("size", "expected"), [((30, 20), (72, 48)), ((200, 800), (48, 192))])
def test_shorter_side_is_scaled(size, expected):
    assert peers.scale_to(draw(size, 255, 0), 48).size == expected


@pytest.mark.parametrize(("texts", "expected"), [(("l2 ", "x3\n"), "23"), ((), ""), (None, ""), (("٣",), "")])
def test_only_digits_are_kept(texts, expected):
    assert peers.keep_digits(texts) == expected


@pytest.fixture
def rapidocr(monkeypatch) -> None:
    """A fake of RapidOCR that reads 4Z2 in a line of text."""

    def recognize(pixels: np.ndarray) -> SimpleNamespace:
        assert pixels.shape == (peers.RAPIDOCR_MIN_SIDE, 1.5 * peers.RAPIDOCR_MIN_SIDE, 3)
        return SimpleNamespace(txts=("4Z2",))

    monkeypatch.setitem(sys.modules, "rapidocr", SimpleNamespace(RapidOCR=lambda params: recognize))
    monkeypatch.setattr(peers.metadata, "version", lambda _: "3.10.0")


@pytest.fixture
def pytesseract(monkeypatch) -> SimpleNamespace:
    """A fake of pytesseract that reads 42."""
    fake = SimpleNamespace(
        TesseractNotFoundError=type("TesseractNotFoundError", (OSError,), {}),
        get_tesseract_version=lambda: "5.3.0",
        image_to_string=lambda image, config: "4 2\n" if "whitelist=0123456789" in config else "A2",
    )
    monkeypatch.setitem(sys.modules, "pytesseract", fake)
    return fake


@pytest.mark.usefixtures("rapidocr", "pytesseract")
def test_peers_read_digits():
    loaded = peers.load_peers()
    assert [(peer.name, peer.read(draw((30, 20), 255, 0))) for peer in loaded] == [
        ("RapidOCR 3.10.0", "42"),
        ("Tesseract 5.3.0", "42"),
    ]


@pytest.mark.parametrize("missing", ["rapidocr", "pytesseract"])
def test_missing_package_names_the_extra(rapidocr, pytesseract, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=rf'{missing} is not installed: run pip install "\.\[peers\]"'):
        peers.load_peers()


def test_missing_program_is_named(rapidocr, pytesseract):
    def fail() -> None:
        raise pytesseract.TesseractNotFoundError

    pytesseract.get_tesseract_version = fail
    with pytest.raises(UserError, match=r"run apt-get install tesseract-ocr"):
        peers.load_peers()


def test_peers_and_our_reader_are_rows_for_the_same_pictures(tmp_path, reader, capsys):
    for folder, name in (("single", "7_anna_1"), ("single", "3_anna_2"), ("multi", "42_ben_1")):
        (tmp_path / folder).mkdir(exist_ok=True)
        draw((60, 80), 255, 0).save(tmp_path / folder / f"{name}.png")
    (tmp_path / "single" / "8_anna_3.png").write_bytes(b"damaged")
    programs = [peers.as_peer(reader), Peer("Other 1.0", lambda image: "42")]
    figures = handwriting.print_peers(programs, tmp_path)
    assert figures["Other 1.0: single digits"] == 0
    assert figures["Other 1.0: numbers"] == 100
    assert figures["Digits: single digits"] == figures["Digits: numbers"] == 0  # it reads a 1
    assert list(figures) == [
        f"{name}: {what}" for name in ("Digits", "Other 1.0") for what in ("single digits", "numbers", "ms a picture")
    ]
    assert "Other 1.0: single digits                      0 of    3" in capsys.readouterr().out
