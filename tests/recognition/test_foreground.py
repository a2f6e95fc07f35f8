"""`digits.recognition.foreground`: what is written stands out, whatever the colors, the light and the paper."""

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.images import encode_image, to_image
from digits.recognition import decoding, foreground
from digits.recognition.reader import working_array
from tests.helpers.images import HEIGHT, SEVEN, WIDTH, find_lines, light_gradient, noise, paint


def found(colors: np.ndarray) -> np.ndarray:
    """Where ink is found in (H, W) or (H, W, C) of 0 to 255: (H, W) bool."""
    image = Image.fromarray(colors.clip(0, 255).round().astype(np.uint8))
    return foreground.extract_foreground(working_array(image)[0]).intensity > 0.5


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Of the pixels in either of two masks the share that is in both (Jaccard's index)."""
    return (a & b).sum() / (a | b).sum()


def shadow(depth: float) -> np.ndarray:
    """White paper, its right half in the shadow of something with a clear edge."""
    paper = np.full((HEIGHT, WIDTH, 3), 240.0)
    paper[:, WIDTH // 2 :] *= 1 - depth
    return cv2.GaussianBlur(paper, (0, 0), 4)


def ruled(color=(150, 180, 225), squared=False) -> np.ndarray:
    paper = np.full((HEIGHT, WIDTH, 3), 245.0)
    paper[15::30] = color
    if squared:
        paper[:, 15::30] = color
    return paper


def framed() -> np.ndarray:
    paper = np.full((HEIGHT, WIDTH, 3), 250.0)
    paper[:6], paper[-6:], paper[:, :6], paper[:, -6:] = 30, 30, 30, 30
    return paper


def on_a_table() -> np.ndarray:
    paper = np.full((HEIGHT, WIDTH, 3), 235.0)
    paper[:, -14:] = (70, 45, 30)
    return paper


PAPERS = {
    "white": np.full((HEIGHT, WIDTH, 3), 255.0),
    "uneven light": light_gradient(0.6),
    "a shadow's edge": shadow(0.4),
    "grain": noise(6),
    "ruled": ruled(),
    "squared": ruled(squared=True),
    "a frame": framed(),
    "the table beside it": on_a_table(),
}


@pytest.mark.parametrize("paper", PAPERS)
def test_the_same_ink_is_found_on_any_paper(paper):
    assert overlap(found(paint(PAPERS[paper])), SEVEN > 0.5) > 0.85


@pytest.mark.parametrize("paper", PAPERS)
def test_paper_with_nothing_on_it_is_blank(paper):
    assert find_lines(Image.fromarray(PAPERS[paper].round().astype(np.uint8))) == []


@pytest.mark.parametrize(
    ("paper", "color"),
    [((255, 255, 255), (0, 0, 0)), ((0, 0, 0), (255, 255, 255)), ((30, 90, 60), (250, 250, 240)),
     ((120, 120, 120), (160, 80, 120)), ((200, 60, 60), (60, 130, 60)), ((90, 90, 200), (200, 200, 60))],
)  # fmt: skip
def test_colours_do_not_matter_nor_which_is_lighter(paper, color):
    assert overlap(found(paint(np.ones((HEIGHT, WIDTH, 3)) * paper, color)), SEVEN > 0.5) > 0.95


def test_a_stroke_that_crosses_ruled_lines_is_not_cut():
    _, _, stats, _ = cv2.connectedComponentsWithStats(found(paint(ruled(squared=True))).astype(np.uint8))
    assert stats[1:, cv2.CC_STAT_AREA].max() > 0.95 * (SEVEN > 0.5).sum()


def test_the_long_base_of_a_2_is_no_ruled_line():
    """It once was: a drawn 2 whose base went across most of the picture lost it and became a 7."""
    two = np.zeros((200, 160))
    cv2.polylines(two, [np.array([(50, 60), (80, 30), (110, 60), (20, 170), (145, 170)])], False, 1.0, 3)
    assert overlap(found(255 * (1 - two)), two > 0.5) > 0.9


def test_mnists_images_are_their_own_ink(real_mnist):
    for image in real_mnist["train"].images[:100, 0].numpy():
        assert np.abs(foreground.extract_foreground(image[..., None]).intensity * image.max() - image).max() <= 1.01


def test_a_pencil_is_found_and_its_contrast_said():
    pencil = foreground.extract_foreground(paint(PAPERS["white"], (190, 190, 190)).astype(np.uint8))
    assert pencil.contrast == pytest.approx(65 / 255, abs=0.02)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (28, 28), 255),
        Image.new("RGB", (640, 480), "black"),
        Image.new("RGB", (50, 80), (200, 30, 90)),
        Image.new("RGBA", (100, 100), (0, 0, 0, 0)),
        Image.new("1", (1, 1)),
        Image.new("L", (1, 3000), 9),
        to_image(np.zeros((2, 2))),
    ],
    ids=["white", "black", "coloured", "transparent", "one pixel", "a line of pixels", "four pixels"],
)
def test_blank_pictures_have_no_ink(image):
    assert foreground.extract_foreground(working_array(decoding.decode(encode_image(image)))[0]) is None


def test_paper_is_what_is_around_where_light_changes_in_the_middle():
    """Half of a photo in the shadow of a hand was once called blank, as its edge was taken for the paper's grain."""
    found = foreground.extract_with_local_background(paint(shadow(0.5)).astype(np.uint8))
    assert overlap(found.intensity > 0.5, SEVEN > 0.5) > 0.8


def test_ink_without_what_is_pale_keeps_its_darkest():
    amount = np.array([[0.0, 0.3, foreground.STRONG_THRESHOLD, 0.7, 1.0]], np.float32)
    assert foreground.threshold_strong(foreground.Foreground(amount, 0.5)).intensity == pytest.approx(
        np.array([[0, 0, 0, 0.5, 1.0]])
    )


def test_what_is_mostly_pale_is_rather_shade():
    amount = np.zeros((40, 40), np.float32)
    amount[10:30, 5:35], amount[15:20, 10:15] = 0.25, 1
    assert foreground.is_mostly_pale(foreground.Foreground(amount, 0.5))
    assert not foreground.is_mostly_pale(foreground.extract_foreground(paint(PAPERS["white"]).astype(np.uint8)))
