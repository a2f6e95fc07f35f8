"""Non-digits made of digits: joined from halves of which one is upside down, crossed out, or one over another.

They have the pen of the training digits, so a network cannot tell them by their strokes' width and softness, as it may
those of other outliers.
"""

import cv2
import numpy as np

SIZE = 28  # pixels: side of the digits
MAX_OVERLAP = 0.55  # of joined halves with either digit: two halves of a 1, a 3 or a 0 make a digit again


def draw(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Draw a non-digit from `digits` (N, 28, 28) uint8 in a random way: (H, W) in [0, 1]."""
    make = (join_halves, join_halves, cross_out, repeat_turned)[rng.integers(4)]
    return make(rng, digits).astype(np.float32) / 255


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Return the cosine similarity of two images (28, 28) uint8: 1 where they are equal."""
    first, second = first.astype(np.float32), second.astype(np.float32)
    return float((first * second).sum() / np.sqrt((first * first).sum() * (second * second).sum()))


def join_halves(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Join the left half of one digit and the right half of another, one of the halves upside down."""
    while True:
        left, right = digits[rng.integers(len(digits), size=2)]
        joined = np.concatenate([left[:, : SIZE // 2], right[::-1, SIZE // 2 :]], 1)
        if max(overlap(joined, left), overlap(joined, right)) < MAX_OVERLAP:
            return joined if rng.random() < 0.5 else joined[::-1]


def cross_out(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Draw three to five long lines through a digit: one would make a zero a slashed one."""
    crossed = digits[rng.integers(len(digits))].copy()
    for _ in range(rng.integers(3, 6)):
        start, end = rng.integers((1, 4), (7, 24)), rng.integers((21, 4), (27, 24))
        points = (start, end) if rng.random() < 0.7 else (start[::-1], end[::-1])
        cv2.line(crossed, *(tuple(map(int, point)) for point in points), 255, int(rng.integers(1, 4)), cv2.LINE_AA)
    return crossed


def repeat_turned(rng: np.random.Generator, digits: np.ndarray) -> np.ndarray:
    """Draw a digit over another that lies on its side."""
    upright, lying = digits[rng.integers(len(digits), size=2)]
    return np.maximum(upright, np.rot90(lying, rng.choice((1, 3))))
