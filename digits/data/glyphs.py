"""Stroke shapes of non-digits: letters, signs, scribbles and doodles.

Every drawing function returns strokes (P, 2) of points x, y in any units, with y downwards.
"""

import math

import numpy as np

from digits.data.foreign_characters import FOREIGN_TEMPLATES
from digits.data.synthetic import Stroke, ellipse_arc

Strokes = list[np.ndarray]

DIGIT_LIKE_CHARACTERS = "BDIOQSZbgijloqsyz"  # many people write them like a digit, so they are not outliers

# The variants of letters and signs, as strokes, because fonts lack the shapes of handwriting. Control points lie in a
# box about 0.6 wide and 1 high, as in `digits/data/synthetic.py`. DIGIT_LIKE_CHARACTERS are left out.
CHARACTER_TEMPLATES: dict[str, list[list[Stroke]]] = {
    "A": [
        [[(0, 1), (0.3, 0), (0.3, 0), (0.6, 1)], [(0.12, 0.65), (0.5, 0.62)]],
        [[(0.3, 0), (0, 1)], [(0.3, 0), (0.6, 1)], [(0.08, 0.6), (0.52, 0.6)]],
        [[(0, 1), (0.05, 0.3), (0.3, 0), (0.55, 0.3), (0.6, 1)], [(0.02, 0.55), (0.58, 0.55)]],
    ],
    "C": [[ellipse_arc(0.35, 0.5, 0.35, 0.5, -50, -260)]],
    "E": [
        [[(0.55, 0), (0, 0), (0, 0), (0, 1), (0, 1), (0.55, 1)], [(0, 0.5), (0.45, 0.5)]],
        [[(0.55, 0.1), (0.3, -0.02), (0.05, 0.2), (0.3, 0.48), (0.3, 0.48), (0, 0.8), (0.3, 1.02), (0.58, 0.9)]],
    ],
    "F": [[[(0.6, 0), (0, 0), (0, 0), (0, 1)], [(0, 0.5), (0.45, 0.48)]]],
    "G": [
        [[(0.55, 0.1), (0.3, -0.02), (0, 0.5), (0.3, 1.02), (0.6, 0.9), (0.6, 0.9), (0.6, 0.55), (0.6, 0.55),
          (0.3, 0.55)]],
        [[(0.6, 0.05), (0.1, 0), (0, 0.1), (0, 0.9), (0.1, 1), (0.6, 1), (0.6, 1), (0.6, 0.5), (0.6, 0.5),
          (0.35, 0.5)]],
    ],
    "H": [[[(0, 0), (0, 1)], [(0.6, 0), (0.6, 1)], [(0, 0.5), (0.6, 0.5)]]],
    "J": [[[(0.5, 0), (0.5, 0.8), (0.25, 1.05), (0, 0.8)], [(0.2, 0), (0.75, 0)]]],
    "K": [[[(0, 0), (0, 1)], [(0.55, 0), (0, 0.55), (0, 0.55), (0.55, 1)]]],
    "L": [[[(0, 0), (0, 1), (0, 1), (0.55, 1)]], [[(0.1, 0), (0.02, 0.9), (0.1, 1), (0.6, 0.97)]]],
    "M": [[[(0, 1), (0.05, 0), (0.05, 0), (0.35, 0.6), (0.35, 0.6), (0.65, 0), (0.65, 0), (0.7, 1)]]],
    "N": [[[(0, 1), (0, 0), (0, 0), (0.55, 1), (0.55, 1), (0.55, 0)]]],
    "P": [[[(0, 1), (0, 0), (0, 0), (0.5, 0), (0.6, 0.25), (0.5, 0.5), (0, 0.52)]]],
    "R": [[[(0, 1), (0, 0), (0, 0), (0.5, 0), (0.55, 0.25), (0.45, 0.5), (0, 0.5), (0.2, 0.5), (0.58, 1)]]],
    "T": [[[(0, 0), (0.7, 0)], [(0.35, 0), (0.35, 1)]], [[(-0.05, 0.05), (0.75, -0.03)], [(0.32, 0.05), (0.38, 1)]]],
    "U": [[[(0, 0), (0, 0.8), (0.3, 1.05), (0.6, 0.8), (0.6, 0)]]],
    "V": [[[(0, 0), (0.3, 1), (0.3, 1), (0.6, 0)]]],
    "W": [[[(0, 0), (0.2, 1), (0.2, 1), (0.4, 0.4), (0.4, 0.4), (0.6, 1), (0.6, 1), (0.8, 0)]]],
    "X": [[[(0, 0), (0.6, 1)], [(0.6, 0), (0, 1)]]],
    "Y": [
        [[(0, 0), (0.3, 0.5)], [(0.6, 0), (0.3, 0.5), (0.3, 1)]],
        [[(0, 0), (0.05, 0.3), (0.3, 0.5), (0.3, 0.5), (0.6, 0)], [(0.3, 0.5), (0.3, 1)]],
        [[(0, 0), (0.32, 0.45)], [(0.65, 0), (0.1, 1)]],
    ],
    "a": [
        [ellipse_arc(0.3, 0.65, 0.3, 0.35, -30, -320), [(0.6, 0.35), (0.6, 0.85), (0.75, 1)]],
        [[(0.1, 0.4), (0.35, 0.25), (0.58, 0.45), (0.58, 1)], ellipse_arc(0.3, 0.78, 0.28, 0.22, -40, -300)],
    ],
    "d": [[ellipse_arc(0.28, 0.7, 0.28, 0.3, -30, -320), [(0.58, 0), (0.58, 1)]]],
    "e": [[[(0.05, 0.6), (0.6, 0.55), (0.55, 0.25), (0.25, 0.2), (0, 0.6), (0.2, 1), (0.6, 0.9)]]],
    "f": [[[(0.6, 0.1), (0.45, -0.02), (0.28, 0.15), (0.28, 1)], [(0, 0.42), (0.6, 0.42)]]],
    "h": [[[(0, 0), (0, 1)], [(0, 0.65), (0.25, 0.45), (0.5, 0.6), (0.5, 1)]]],
    "k": [[[(0, 0), (0, 1)], [(0.45, 0.4), (0, 0.7), (0, 0.7), (0.5, 1)]]],
    "m": [[[(0, 0.4), (0, 1)], [(0, 0.55), (0.2, 0.38), (0.35, 0.55), (0.35, 1)],
           [(0.35, 0.55), (0.55, 0.38), (0.7, 0.55), (0.7, 1)]]],
    "n": [[[(0, 0.2), (0, 1)], [(0, 0.45), (0.3, 0.2), (0.55, 0.45), (0.55, 1)]]],
    "p": [[[(0, 0.1), (0, 1)], ellipse_arc(0.28, 0.35, 0.28, 0.27, 180, 340)]],
    "r": [[[(0, 0.2), (0, 1)], [(0, 0.5), (0.2, 0.22), (0.5, 0.25)]]],
    "t": [[[(0.25, 0), (0.25, 0.85), (0.4, 1), (0.6, 0.9)], [(0, 0.32), (0.55, 0.3)]]],
    "u": [[[(0, 0.2), (0, 0.8), (0.25, 1), (0.55, 0.8)], [(0.55, 0.2), (0.55, 0.85), (0.7, 1)]]],
    "w": [[[(0, 0.2), (0.1, 0.8), (0.25, 0.95), (0.4, 0.5), (0.55, 0.95), (0.7, 0.8), (0.8, 0.2)]]],
    "x": [[[(0, 0.2), (0.2, 0.3), (0.35, 0.85), (0.6, 1)], [(0.6, 0.2), (0, 1)]]],
    "alpha": [[[(0.9, 0.15), (0.6, 0.75), (0.25, 1), (0, 0.6), (0.25, 0.2), (0.6, 0.6), (0.9, 1)]]],
    "beta": [[[(-0.1, 1.2), (0.05, 0.2), (0.35, 0), (0.55, 0.2), (0.25, 0.45), (0.25, 0.45), (0.6, 0.6), (0.5, 0.9),
               (0.2, 0.95), (0.02, 0.8)]]],
    "gamma": [[[(0, 0.1), (0.15, 0), (0.3, 0.45), (0.35, 0.65), (0.2, 1), (0.15, 0.85), (0.35, 0.5), (0.6, 0)]],
              [[(0, 0.15), (0.18, 0), (0.32, 0.5)], [(0.65, 0), (0.32, 0.5), (0.2, 1)]]],
    "theta": [[ellipse_arc(0.35, 0.5, 0.35, 0.5, -90, -370), [(0.08, 0.5), (0.62, 0.5)]]],
    "lambda": [[[(0.05, 0), (0.2, 0.05), (0.6, 1)], [(0.32, 0.4), (0, 1)]]],
    "mu": [[[(0.1, 0.1), (0, 1)], [(0.08, 0.4), (0.1, 0.68), (0.35, 0.65), (0.5, 0.1)], [(0.5, 0.1), (0.5, 0.7)]]],
    "pi": [[[(0, 0.1), (0.8, 0.05)], [(0.25, 0.1), (0.15, 1)], [(0.55, 0.08), (0.6, 0.85), (0.75, 1)]]],
    "phi": [[ellipse_arc(0.35, 0.5, 0.35, 0.28, -90, -370), [(0.38, 0), (0.32, 1)]]],
    "psi": [[[(0, 0.1), (0.05, 0.5), (0.35, 0.62), (0.65, 0.5), (0.7, 0.1)], [(0.36, 0), (0.34, 1)]]],
    "omega": [[[(0.1, 0.2), (0, 0.7), (0.2, 0.95), (0.4, 0.6), (0.6, 0.95), (0.8, 0.7), (0.7, 0.2)]],
              [[(0, 1), (0.22, 1), (0.22, 1), (0, 0.4), (0.35, 0), (0.7, 0.4), (0.48, 1), (0.48, 1), (0.7, 1)]]],
    "sigma": [[[(0.6, 0), (0, 0), (0, 0), (0.35, 0.5), (0.35, 0.5), (0, 1), (0, 1), (0.62, 1)]]],
    "delta": [[[(0.35, 0), (0, 1), (0, 1), (0.75, 1), (0.75, 1), (0.35, 0)]]],
    "plus": [[[(0, 0.5), (1, 0.5)], [(0.5, 0), (0.5, 1)]]],
    "question": [[[(0, 0.2), (0.25, -0.02), (0.55, 0.15), (0.45, 0.4), (0.27, 0.55), (0.27, 0.75)],
                  [(0.27, 0.97), (0.28, 1)]]],
    "ampersand": [[[(0.75, 0.95), (0.15, 0.2), (0.35, 0), (0.5, 0.2), (0.05, 0.65), (0.2, 1), (0.55, 0.95),
                    (0.75, 0.55)]]],
    "hash": [[[(0.25, 0), (0.15, 1)], [(0.6, 0), (0.5, 1)], [(0, 0.33), (0.75, 0.3)], [(0, 0.68), (0.75, 0.66)]]],
    "check": [[[(0, 0.6), (0.3, 1), (0.3, 1), (0.9, 0)]]],
    "arrow": [[[(0, 0.5), (1, 0.5)], [(0.65, 0.2), (1, 0.5), (1, 0.5), (0.65, 0.8)]],
              [[(0.5, 1), (0.5, 0)], [(0.2, 0.35), (0.5, 0), (0.5, 0), (0.8, 0.35)]]],
    "heart": [[[(0.5, 1), (0, 0.45), (0.1, 0.05), (0.4, 0.05), (0.5, 0.3), (0.6, 0.05), (0.9, 0.05), (1, 0.45),
                (0.5, 1)]]],
    "note": [[ellipse_arc(0.2, 0.85, 0.2, 0.14, 0, 360), [(0.4, 0.85), (0.4, 0), (0.4, 0), (0.7, 0.3)]]],
    "at": [[ellipse_arc(0.5, 0.5, 0.18, 0.2, 0, 360), [(0.68, 0.3), (0.7, 0.65), (0.95, 0.6), (0.9, 0.1), (0.5, -0.02),
            (0, 0.3), (0.05, 0.85), (0.5, 1.02), (0.85, 0.9)]]],
    "euro": [[ellipse_arc(0.45, 0.5, 0.4, 0.5, -50, -260), [(-0.1, 0.4), (0.5, 0.4)], [(-0.1, 0.58), (0.45, 0.58)]]],
}  # fmt: skip
ALL_TEMPLATES = CHARACTER_TEMPLATES | FOREIGN_TEMPLATES
CHARACTERS = tuple(ALL_TEMPLATES)


def draw_character(rng: np.random.Generator) -> Strokes:
    """Draw a handwritten letter, foreign character or sign, sometimes two side by side as in a word."""
    strokes = []
    for position in range(1 + (rng.random() < 0.15)):
        variants = ALL_TEMPLATES[CHARACTERS[rng.integers(len(CHARACTERS))]]
        scale_x = math.exp(rng.normal(0, 0.2))
        for stroke in variants[rng.integers(len(variants))]:
            points = np.array(stroke) + rng.normal(0, 0.035, (len(stroke), 2)) + rng.normal(0, 0.02, (1, 2))
            strokes.append(points * (scale_x, 1) + (0.75 * position, 0))
    shear = rng.normal(0.1, 0.15)
    return [stroke + (shear, 0) * (0.5 - stroke[:, 1:]) for stroke in strokes]


def draw_scribble(rng: np.random.Generator) -> Strokes:
    """Draw one to three strokes of 4 to 15 random points, either independent or a random walk."""
    strokes = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        shape = (rng.integers(4, 16), 2)
        is_walk = rng.random() < 0.5
        strokes.append(rng.normal(0, 0.3, shape).cumsum(0) if is_walk else rng.uniform(0, 1, shape))
    return strokes


def draw_doodle(rng: np.random.Generator) -> Strokes:
    """Draw one of `DOODLES` with jittered points and a random aspect ratio."""
    strokes = DOODLES[rng.integers(len(DOODLES))](rng)
    scale_x = rng.uniform(0.6, 1.0)
    return [(stroke + rng.normal(0, 0.03, stroke.shape)) * (scale_x, 1) for stroke in strokes]


def circle_points(rng: np.random.Generator, count: int, turns: float = 1.0) -> np.ndarray:
    """Return `count` points around the unit circle, from a random angle on: (count, 2)."""
    start = rng.uniform(0, 2 * math.pi)
    angles = np.linspace(start, start + turns * 2 * math.pi, count)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def draw_polygon(rng: np.random.Generator) -> Strokes:
    return [circle_points(rng, int(rng.integers(4, 6)))]  # with more corners it would be a 0


def draw_star(rng: np.random.Generator) -> Strokes:
    corners = circle_points(rng, 2 * int(rng.integers(4, 8)) + 1)
    corners[1::2] *= rng.uniform(0.3, 0.6)
    return [corners]


def draw_spiral(rng: np.random.Generator) -> Strokes:
    return [circle_points(rng, 40, rng.uniform(1.6, 3.5)) * np.linspace(0.1, 1, 40)[:, None]]


def draw_zigzag(rng: np.random.Generator) -> Strokes:
    count = rng.integers(5, 10)
    return [np.stack([np.arange(count) * rng.uniform(0.2, 0.5), np.arange(count) % 2], 1)]


def draw_filled_circle(rng: np.random.Generator) -> Strokes:
    filling = [rng.uniform(-0.7, 0.7, (rng.integers(3, 6), 2)) for _ in range(rng.integers(1, 4))]
    return [circle_points(rng, 30), *filling]


def draw_lines(rng: np.random.Generator) -> Strokes:
    return [rng.uniform(-1, 1, (2, 2)) for _ in range(rng.integers(3, 7))]


def draw_house(_rng: np.random.Generator) -> Strokes:
    walls = [(-1, 1), (-1, -0.2), (0, -1), (1, -0.2), (1, 1), (-1, 1)]
    return [np.array(walls, float), np.array([(-1, -0.2), (1, -0.2)])]


def draw_face(rng: np.random.Generator) -> Strokes:
    eyes = [np.array([(x, -0.3), (x, -0.15)]) for x in (-0.35, 0.35)]
    mouth = np.array([(-0.5, 0.3), (0, 0.6), (0.5, 0.3)]) * (1, rng.choice((1, -1)))
    ears = [np.array([(0.9 * side, -0.4), (0.8 * side, -1.4), (0.3 * side, -0.95)]) for side in (-1, 1)]
    return [circle_points(rng, 30), *eyes, mouth, *(ears if rng.random() < 0.4 else [])]


def draw_sun(rng: np.random.Generator) -> Strokes:
    rays = circle_points(rng, int(rng.integers(6, 13)))
    return [circle_points(rng, 30) * 0.5, *(np.stack([ray * 0.65, ray]) for ray in rays)]


def draw_tree(_rng: np.random.Generator) -> Strokes:
    crown = np.array([(-0.7, 0.3), (0, -1), (0.7, 0.3), (-0.7, 0.3)])  # a round one would make it a 9
    return [crown, np.array([(-0.12, 0.3), (-0.12, 1)]), np.array([(0.12, 0.3), (0.12, 1)])]


def draw_fish(rng: np.random.Generator) -> Strokes:
    tail = np.array([(0.8, 0), (1.4, 0.4), (1.4, -0.4), (0.8, 0)])
    return [circle_points(rng, 30) * (0.9, 0.5), tail, np.array([(-0.5, -0.15), (-0.45, -0.1)])]


DOODLES = (
    draw_polygon,
    draw_star,
    draw_spiral,
    draw_zigzag,
    draw_filled_circle,
    draw_lines,
    draw_house,
    draw_face,
    draw_sun,
    draw_tree,
    draw_fish,
)
