"""Random characters composed of strokes, as scripts compose theirs: outliers that no list of letters could cover.

Four ways of composing: kana (a few straight or bent strokes on a lattice), hanging (a head line, stems and curves
below it, as in Devanagari), the same around the shape of a digit, and dense (two parts of several strokes, as in
Chinese); and open curves, which resemble a part of a digit. All functions return strokes (P, 2) of points x, y in a
box of about 1 by 1, y downwards.
"""

import numpy as np

from digits.data.glyphs import Strokes
from digits.data.synthetic import STROKE_TEMPLATES, ellipse_arc

LATTICE = np.linspace(0, 1, 4)  # the bars and parts of a character stand at a few heights and depths
# Digits that a line above makes a non-digit. A 1 with one is a 7, and some people write the bar of a 5 apart.
BODIES = (0, 2, 3, 4, 6, 7, 8, 9)


def draw_composition(rng: np.random.Generator) -> Strokes:
    """Draw a character composed in a random way, slanted and with jittered points."""
    compose = COMPOSITIONS[rng.choice(len(COMPOSITIONS), p=(0.34, 0.14, 0.14, 0.14, 0.24))]
    shear, jitter = rng.normal(0.05, 0.12), rng.uniform(0.01, 0.035)
    jittered = [stroke + rng.normal(0, jitter, stroke.shape) for stroke in compose(rng)]
    return [stroke + (shear, 0) * (0.5 - stroke[:, 1:]) for stroke in jittered]


def compose_kana(rng: np.random.Generator) -> Strokes:
    """Compose two to five strokes, the first no stem; most touch an earlier one."""
    strokes = [_draw_long_stroke(rng)]
    for _ in range(rng.choice((1, 2, 3, 4), p=(0.3, 0.4, 0.2, 0.1))):
        stroke = STROKES[rng.integers(len(STROKES))](rng) * rng.uniform(0.35, 1.0)
        touched = strokes[rng.integers(len(strokes))]
        if rng.random() < 0.75:  # one of its points meets a point of the earlier stroke, or its middle
            meeting = touched.mean(0) if rng.random() < 0.3 else touched[rng.integers(len(touched))]
            stroke = stroke - stroke[rng.integers(len(stroke))] + meeting
        else:
            stroke = stroke + rng.choice(LATTICE, 2) * 0.7
        strokes.append(stroke)
    return strokes


def compose_hanging(rng: np.random.Generator) -> Strokes:
    """Compose a head line, up to two stems and one to three curves that hang from either."""
    width = rng.uniform(0.6, 1.1)
    strokes = [np.array([(0, 0), (width, 0)])] if rng.random() < 0.8 else [_draw_long_stroke(rng)]
    stems = [width * rng.uniform(0.35, 1.0) for _ in range(rng.choice((0, 1, 1, 2)))]
    strokes += [np.array([(x, -0.05), (x, rng.uniform(0.7, 1.1))]) for x in stems]
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0.1, width), rng.uniform(0.15, 0.75)
        rx, ry = rng.uniform(0.12, 0.35, 2)
        start, sweep = rng.uniform(0, 360), _random_sign(rng) * rng.uniform(120, 330)
        strokes.append(np.array(ellipse_arc(x, y, rx, ry, start, sweep)))
    return strokes


def compose_around_digit(rng: np.random.Generator) -> Strokes:
    """Compose the shape of a digit and a head line above it, half of the time with a stem or with a second line."""
    label = BODIES[rng.integers(len(BODIES))]
    templates = STROKE_TEMPLATES[label]
    height, shift = rng.uniform(0.55, 0.9), rng.uniform(0, 0.3)
    strokes = [np.array(stroke) * height + (shift, 0.1) for stroke in templates[rng.integers(len(templates))]]
    width = shift + rng.uniform(0.6, 1.1)
    strokes.append(np.array([(0, 0), (width, 0)]) - (0, rng.uniform(0, 0.15)))
    if rng.random() < 0.25:
        strokes.append(np.array([(width - 0.1, 0), (width - 0.1, rng.uniform(0.9, 1.1))]))
    elif rng.random() < 0.33:
        strokes.append(np.array([(0, 1.15), (width, 1.15)]) - (0, rng.choice((0, 1.4))))
    return strokes


def compose_dense(rng: np.random.Generator) -> Strokes:
    """Compose two parts of two to five strokes each, side by side or one above the other."""
    axis = int(rng.integers(2))
    scale, step = np.ones(2), np.zeros(2)
    scale[axis], step[axis] = 0.5, 0.55
    return [stroke * scale + part * step for part in range(2) for stroke in compose_kana(rng)]


def compose_open_curve(rng: np.random.Generator) -> Strokes:
    """Compose an open arc, a wave, a curve with bars across, a loop with two ends, or a long stroke with dots."""
    return OPEN_CURVES[rng.integers(len(OPEN_CURVES))](rng)


def _draw_open_arc(rng: np.random.Generator) -> Strokes:
    """An arc that opens to the left, above, below or, as a C does, to the right."""
    gap, opening = rng.uniform(90, 170), rng.choice((180, 180, -90, 90, 0))
    rx, ry = rng.uniform(0.3, 0.5, 2)
    return [np.array(ellipse_arc(0.5, 0.5, rx, ry, opening + gap / 2, 360 - gap))]


def _draw_wave(rng: np.random.Generator) -> Strokes:
    """One or two waves, lying or upright."""
    count = rng.integers(5, 9)
    wave = np.stack([np.arange(count) / 4, np.arange(count) % 2 * rng.uniform(0.25, 0.6)], 1)
    if rng.random() < 0.3:
        return [wave[:, ::-1] * (-1, 1)]
    return [wave] if rng.random() < 0.6 else [wave, wave + np.array((0, rng.uniform(0.4, 0.7)))]


def _draw_barred_curve(rng: np.random.Generator) -> Strokes:
    """A curve with one to three bars across."""
    arc = np.array(ellipse_arc(0.5, 0.5, 0.4, 0.5, rng.uniform(0, 360), _random_sign(rng) * rng.uniform(200, 280)))
    heights = rng.choice(LATTICE, rng.integers(1, 4), replace=False)
    return [arc, *(np.array([(-0.1, y), (1.1, y + rng.normal(0, 0.1))]) for y in heights)]


def _draw_loop_with_ends(rng: np.random.Generator) -> Strokes:
    """A loop whose two ends cross and go on, as those of an alpha."""
    rx, ry = rng.uniform(0.2, 0.4, 2)
    loop = np.array(ellipse_arc(0, 0, rx, ry, rng.uniform(0, 360), 290))
    start = loop[0] + rng.uniform(3, 7) * (loop[0] - loop[1])
    end = loop[-1] + rng.uniform(3, 7) * (loop[-1] - loop[-2])
    return [np.concatenate([[start], loop, [end]])]


def _draw_dotted_stroke(rng: np.random.Generator) -> Strokes:
    """A long stroke with one to three dots near it."""
    return [_draw_long_stroke(rng), *(_draw_dot(rng) + rng.uniform(0, 1, 2) for _ in range(rng.integers(1, 4)))]


def _draw_bar(rng: np.random.Generator) -> np.ndarray:
    return np.array([(0, 0), (1, rng.normal(-0.05, 0.08))])


def _draw_stem(rng: np.random.Generator) -> np.ndarray:
    return np.array([(0, 0), (rng.normal(0, 0.05), 1)])


def _draw_falling(rng: np.random.Generator) -> np.ndarray:
    """A stroke that falls to the left or to the right, straight or bent."""
    side = _random_sign(rng)
    return np.array([(0, 0), (side * rng.uniform(0, 0.3), 0.5), (side * rng.uniform(0.5, 1), 1)])


def _draw_corner(rng: np.random.Generator) -> np.ndarray:
    """A bar with a stem at its left or right end, upwards or downwards; the doubled point keeps the corner sharp."""
    bar = _random_sign(rng) * rng.uniform(0.5, 1)
    return np.array([(0, 0), (bar, 0), (bar, 0), (bar + rng.normal(0, 0.15), _random_sign(rng) * rng.uniform(0.4, 1))])


def _draw_hook(rng: np.random.Generator) -> np.ndarray:
    """A stem with a hook at its foot."""
    tip = _random_sign(rng) * rng.uniform(0.15, 0.4), rng.uniform(0.7, 1)
    return np.array([(0, 0), (0, 0.9), (0, 0.9), tip])


def _draw_dot(rng: np.random.Generator) -> np.ndarray:
    return np.array([(0, 0), rng.normal((0.05, 0.15), 0.15)])


def _draw_arc(rng: np.random.Generator) -> np.ndarray:
    rx, ry = rng.uniform(0.2, 0.5, 2)
    return np.array(ellipse_arc(0, 0, rx, ry, rng.uniform(0, 360), rng.uniform(120, 300)))


def _draw_long_stroke(rng: np.random.Generator) -> np.ndarray:
    """The first stroke of a character: no stem, as that alone would be a 1."""
    return (_draw_bar, _draw_falling, _draw_corner, _draw_corner, _draw_arc)[rng.integers(5)](rng)


def _random_sign(rng: np.random.Generator) -> int:
    return int(rng.choice((-1, 1)))


STROKES = (_draw_bar, _draw_bar, _draw_stem, _draw_falling, _draw_corner, _draw_hook, _draw_dot, _draw_arc)
OPEN_CURVES = (_draw_open_arc, _draw_wave, _draw_barred_curve, _draw_loop_with_ends, _draw_dotted_stroke)
COMPOSITIONS = (compose_kana, compose_hanging, compose_around_digit, compose_dense, compose_open_curve)
