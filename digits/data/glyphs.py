"""What people doodle, as strokes: each shape a little different every time.

Strokes are (P, 2) of x and y in any units, y downwards.
"""

import math

import numpy as np


def ring(random: np.random.Generator, count: int, turns: float = 1.0) -> np.ndarray:
    """`count` points around a circle of radius 1, from a random one on: (count, 2)."""
    start = random.uniform(0, 2 * math.pi)
    angles = np.linspace(start, start + turns * 2 * math.pi, count)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def polygon(random: np.random.Generator) -> list[np.ndarray]:
    return [ring(random, random.integers(4, 6))]  # with more corners it would be a 0


def star(random: np.random.Generator) -> list[np.ndarray]:
    corners = ring(random, 2 * random.integers(4, 8) + 1)
    corners[1::2] *= random.uniform(0.3, 0.6)
    return [corners]


def spiral(random: np.random.Generator) -> list[np.ndarray]:
    return [ring(random, 40, random.uniform(1.6, 3.5)) * np.linspace(0.1, 1, 40)[:, None]]


def zigzag(random: np.random.Generator) -> list[np.ndarray]:
    count = random.integers(5, 10)
    return [np.stack([np.arange(count) * random.uniform(0.2, 0.5), np.arange(count) % 2], 1)]


def filled_ring(random: np.random.Generator) -> list[np.ndarray]:
    inside = [random.uniform(-0.7, 0.7, (random.integers(3, 6), 2)) for _ in range(random.integers(1, 4))]
    return [ring(random, 30), *inside]


def lines(random: np.random.Generator) -> list[np.ndarray]:
    return [random.uniform(-1, 1, (2, 2)) for _ in range(random.integers(3, 7))]


def house(random: np.random.Generator) -> list[np.ndarray]:
    walls = [(-1, 1), (-1, -0.2), (0, -1), (1, -0.2), (1, 1), (-1, 1)]
    return [np.array(walls, float), np.array([(-1, -0.2), (1, -0.2)])]


def face(random: np.random.Generator) -> list[np.ndarray]:
    eyes = [np.array([(x, -0.3), (x, -0.15)]) for x in (-0.35, 0.35)]
    mouth = np.array([(-0.5, 0.3), (0, 0.6), (0.5, 0.3)]) * (1, random.choice((1, -1)))
    ears = [np.array([(0.9 * side, -0.4), (0.8 * side, -1.4), (0.3 * side, -0.95)]) for side in (-1, 1)]
    return [ring(random, 30), *eyes, mouth, *(ears if random.random() < 0.4 else [])]


def sun(random: np.random.Generator) -> list[np.ndarray]:
    rays = ring(random, random.integers(6, 13))
    return [ring(random, 30) * 0.5, *(np.stack([ray * 0.65, ray]) for ray in rays)]


def tree(random: np.random.Generator) -> list[np.ndarray]:
    crown = np.array([(-0.7, 0.3), (0, -1), (0.7, 0.3), (-0.7, 0.3)])  # a round one would make it a 9
    return [crown, np.array([(-0.12, 0.3), (-0.12, 1)]), np.array([(0.12, 0.3), (0.12, 1)])]


def fish(random: np.random.Generator) -> list[np.ndarray]:
    tail = np.array([(0.8, 0), (1.4, 0.4), (1.4, -0.4), (0.8, 0)])
    return [ring(random, 30) * (0.9, 0.5), tail, np.array([(-0.5, -0.15), (-0.45, -0.1)])]


DRAWINGS = (polygon, star, spiral, zigzag, filled_ring, lines, house, face, sun, tree, fish)
