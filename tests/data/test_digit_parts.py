"""`digits.data.digit_parts`: non-digits made of digits."""

import numpy as np
import torch

from digits.data import digit_parts, synthetic

DIGITS = synthetic.synthetic_digits(100, torch.Generator().manual_seed(2)).images[:, 0].numpy()


def test_joined_halves_do_not_make_one_of_their_digits_again():
    rng = np.random.default_rng(1)
    joined = [digit_parts.join_halves(rng, DIGITS) for _ in range(50)]
    assert max(digit_parts.overlap(image, digit) for image in joined for digit in DIGITS) < 0.97


def test_lines_and_turned_digits_add_to_a_digit_and_leave_the_training_digits_unchanged():
    rng, before = np.random.default_rng(1), DIGITS.copy()
    for make in (digit_parts.cross_out, digit_parts.repeat_turned):
        images = [make(rng, DIGITS) for _ in range(20)]
        assert all(any((image >= digit).all() for digit in DIGITS) for image in images)
        assert not any(np.array_equal(image, digit) for image in images for digit in DIGITS)
    assert np.array_equal(DIGITS, before)


def test_overlap_is_one_for_equal_images_and_zero_for_disjoint_ones():
    left, right = np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    left[5:20, 5] = right[5:20, 9] = 200
    assert digit_parts.overlap(left, left) == 1
    assert digit_parts.overlap(left, right) == 0
