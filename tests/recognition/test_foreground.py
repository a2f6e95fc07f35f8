"""`digits.recognition.foreground`: the writing is extracted for any colors, lighting and background."""

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.sample_images import encode_image, to_image
from digits.recognition import image_decoding
from digits.recognition.foreground import (
    FOREGROUND_THRESHOLD,
    MAX_DUST_FRACTION,
    MAX_DUST_PIXELS,
    STRONG_THRESHOLD,
    Foreground,
    _peak,
    extract_foreground,
    extract_with_local_background,
    is_mostly_pale,
    threshold_strong,
)
from digits.recognition.reader import to_working_array
from tests.helpers.backgrounds import BACKGROUNDS, HEIGHT, SEVEN, WIDTH, paint, round_shadow, ruled, shadow
from tests.helpers.images import find_lines


def extract_mask(colors: np.ndarray) -> np.ndarray:
    """Return where (H, W) or (H, W, C), from 0 to 255, has foreground: (H, W) bool."""
    image = Image.fromarray(colors.clip(0, 255).round().astype(np.uint8))
    return extract_foreground(to_working_array(image)[0]).intensity > 0.5


def jaccard_index(a: np.ndarray, b: np.ndarray) -> float:
    """Compute the intersection of two masks over their union."""
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_same_foreground_is_extracted_from_any_background(background):
    assert jaccard_index(extract_mask(paint(BACKGROUNDS[background])), SEVEN > 0.5) > 0.85


@pytest.mark.parametrize("diameter", [0.45, 0.7])
def test_shadow_wider_than_strokes_is_not_foreground(diameter):
    intensity = extract_foreground(paint(round_shadow(diameter)).astype(np.uint8)).intensity
    outside = cv2.dilate(SEVEN, np.ones((9, 9))) == 0
    assert (intensity[outside] > FOREGROUND_THRESHOLD).mean() < 0.002  # of the shadow, which fills 0.12 or more


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_background_without_writing_has_no_components(background):
    assert find_lines(Image.fromarray(BACKGROUNDS[background].round().astype(np.uint8))) == []


@pytest.mark.parametrize(
    ("background", "color"),
    [((255, 255, 255), (0, 0, 0)), ((0, 0, 0), (255, 255, 255)), ((30, 90, 60), (250, 250, 240)),
     ((120, 120, 120), (160, 80, 120)), ((200, 60, 60), (60, 130, 60)), ((90, 90, 200), (200, 200, 60))],
)  # fmt: skip
def test_foreground_is_extracted_for_any_two_colors(background, color):
    picture = paint(np.ones((HEIGHT, WIDTH, 3)) * background, color)
    assert jaccard_index(extract_mask(picture), SEVEN > 0.5) > 0.95


def test_stroke_across_ruled_lines_is_not_cut():
    mask = extract_mask(paint(ruled(squared=True)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    assert stats[1:, cv2.CC_STAT_AREA].max() > 0.95 * (SEVEN > 0.5).sum()


def test_long_base_of_a_2_is_not_a_ruled_line():
    """A drawn 2 whose base crossed most of the picture once lost it and was read as a 7."""
    two = np.zeros((200, 160))
    cv2.polylines(two, [np.array([(50, 60), (80, 30), (110, 60), (20, 170), (145, 170)])], False, 1.0, 3)
    assert jaccard_index(extract_mask(255 * (1 - two)), two > 0.5) > 0.9


def test_intensity_of_mnist_images_is_their_gray_level(real_mnist):
    for image in real_mnist["train"].images[:100, 0].numpy():
        intensity = extract_foreground(image[..., None]).intensity
        assert np.abs(intensity * image.max() - image).max() <= 1.01


@pytest.mark.parametrize("extract", [extract_foreground, extract_with_local_background])
@pytest.mark.parametrize("gray", [0, 190], ids=["ink", "pencil"])
def test_contrast_of_strokes_is_measured(extract, gray):
    picture = paint(BACKGROUNDS["white"], (gray, gray, gray)).astype(np.uint8)
    assert extract(picture).contrast == pytest.approx((255 - gray) / 255, abs=1e-3)


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
    ids=["white", "black", "colored", "transparent", "one pixel", "a line of pixels", "four pixels"],
)
def test_blank_pictures_have_no_foreground(image):
    assert extract_foreground(to_working_array(image_decoding.decode(encode_image(image)))[0]) is None


def test_local_background_follows_the_edge_of_a_shadow():
    """A photo whose half was in the shadow of a hand was once called blank: the shadow's edge was taken for noise."""
    extracted = extract_with_local_background(paint(shadow(0.5)).astype(np.uint8))
    assert jaccard_index(extracted.intensity > 0.5, SEVEN > 0.5) > 0.8


def test_threshold_strong_removes_pale_pixels_and_keeps_the_peak():
    intensity = np.array([[0.0, 0.3, STRONG_THRESHOLD, 0.7, 1.0]], np.float32)
    strong = threshold_strong(Foreground(intensity, 0.5))
    assert strong.intensity == pytest.approx(np.array([[0, 0, 0, 0.5, 1.0]]))


def test_wide_pale_region_is_mostly_pale_and_writing_is_not():
    intensity = np.zeros((40, 40), np.float32)
    intensity[10:30, 5:35], intensity[15:20, 10:15] = 0.25, 1
    assert is_mostly_pale(Foreground(intensity, 0.5))
    writing = extract_foreground(paint(BACKGROUNDS["white"]).astype(np.uint8))
    assert not is_mostly_pale(writing)


def test_pad_to_places_the_foreground_in_a_larger_empty_one():
    padded = Foreground(np.ones((2, 3), np.float32), 0.5).pad_to((5, 6), 1, 2)
    assert padded.contrast == 0.5
    assert padded.intensity.shape == (5, 6)
    assert padded.intensity[1:3, 2:5].all()
    assert padded.intensity.sum() == 6


@pytest.mark.parametrize("shape", [(40, 300), (300, 40), (500, 500), (900, 700)])
def test_peak_leaves_out_the_strongest_pixels(shape):
    generator = np.random.default_rng(1)
    for values in (generator.random(shape), generator.integers(0, 3, shape) / 2, np.zeros(shape)):
        intensity = values.astype(np.float32)
        dust = min(int(MAX_DUST_FRACTION * intensity.size), MAX_DUST_PIXELS)
        assert _peak(intensity) == np.sort(intensity, axis=None)[-dust - 1]
