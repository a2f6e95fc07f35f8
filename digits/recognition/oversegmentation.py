"""Over-segmentation: cuts a component that may be several touching digits into pieces.

Digits touch in few places, mostly where the pen passes once, so a cut between them crosses little foreground.
`segmentation` decides later which of the cuts separate digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from digits.recognition.components import Component
from digits.recognition.geometry import Box, vertical_iou

# These say which components are searched for cuts; any may be cut where the line reader sees two digits meet.
MIN_CUT_CONFIDENCE = 0.9  # of the classifier: with less, a component that is not narrow is searched
MIN_CUT_ASPECT = 0.5  # width over height: a narrower component is not searched
MAX_DIGIT_ASPECT = 1.5  # width over height: a wider component is searched, however confident the classifier is
MIN_CUT_HEIGHT = 0.3  # line heights: a lower component is not searched
MAX_CUT_COMPONENTS = 30  # per line: of a line with more, none is searched
# Of the narrower one's width: a stroke that overlaps another one horizontally by more is probably a part of a digit,
# such as a 4 without its stem. The classifier is unsure of it, but cut, the digit had too many pieces.
MAX_CUT_OVERLAP = 0.3
MIN_CUT_SIDE = 8  # pixels: a smaller component is never cut
CUT_SLOPES = (-0.3, 0.0, 0.3)  # horizontal pixels per pixel of height: the slants of cuts that are tried
MAX_CUTS = 5  # per component
MAX_CUT_PROFILE = 0.7  # of the projection profile's maximum: a cut that crosses more is not at a thin place
CUT_RANGE = (0.15, 0.85)  # of the component's width: there cuts may be
MIN_CUT_DISTANCE = 1 / 8  # of the component's height: two cuts are at least so far apart
MAX_CUT_SHIFT = 0.1  # of the component's height, from the column at which the line reader saw two digits meet
# Of the component's pixels, for each digit that the line reader saw: a smaller piece joins the next one.
MIN_PIECE_AREA = 0.03


@dataclass(frozen=True)
class Gap:
    """The gap between two neighboring pieces.

    width: in line heights; below 0 where the pieces overlap horizontally.
    vertical_iou: the height that both pieces share over the height of their union, in [0, 1].
    stroke_overlap: of two strokes, the width that they have in common over the width of the narrower one, in [0, 1];
        None where the pieces are not known to be strokes.
    """

    width: float
    vertical_iou: float
    stroke_overlap: float | None = None


def measure_gap(left: Component, right: Component, line_height: float) -> Gap:
    """Measure the gap between two neighboring pieces of a line of `line_height` pixels."""
    width, iou = (right.box.left - left.box.right) / line_height, vertical_iou(left.box, right.box)
    if not (left.stroke_indices and right.stroke_indices):
        return Gap(width, iou)
    return Gap(width, iou, _overlap_fraction(left, right))


def _overlap_fraction(a: Component, b: Component) -> float:
    """Return the width that two components have in common over the width of the narrower one, in [0, 1]."""
    return max(0, a.box.overlap_x(b.box)) / min(a.width, b.width)


class Pieces(NamedTuple):
    """The pieces of a text line.

    pieces: from left to right.
    gaps: between pieces k and k + 1; None where both were cut from one component.
    components: by their spans [start, end) of pieces.
    """

    pieces: list[Component]
    gaps: list[Gap | None]
    components: dict[tuple[int, int], Component]


def oversegment_line(
    line: Sequence[Component],
    confidences: Sequence[float],
    intensity: np.ndarray,
    line_height: float,
    columns: Sequence[float] = (),
) -> Pieces:
    """Cut the components of a text line that may be several digits into pieces.

    confidences: of each component, the probability of its most probable class, in [0, 1].
    intensity: the array (H, W) in which the components were found.
    line_height: in pixels of `intensity`.
    columns: at which the line reader saw one digit end and the next one begin; there components are cut as well.
    """
    pieces: list[Component] = []
    gaps: list[Gap | None] = []
    components = {}
    for component, confidence in zip(line, confidences, strict=True):
        if pieces:
            gaps.append(measure_gap(pieces[-1], component, line_height))
        cut = [component]
        if not _is_crossed_stroke(component, line, line_height):
            may_search = len(line) <= MAX_CUT_COMPONENTS
            is_searched = may_search and needs_oversegmentation(component, confidence, int(line_height))
            cut = oversegment(component, intensity, is_searched, columns)
        gaps += [None] * (len(cut) - 1)
        components[len(pieces), len(pieces) + len(cut)] = component
        pieces += cut
    return Pieces(pieces, gaps, components)


def _is_crossed_stroke(component: Component, line: Sequence[Component], line_height: float) -> bool:
    """Whether a component is probably one of several strokes of a digit, and not wide enough for two digits."""
    if not component.stroke_indices or component.width > line_height:
        return False
    return any(other is not component and _overlap_fraction(component, other) > MAX_CUT_OVERLAP for other in line)


def needs_oversegmentation(component: Component, confidence: float, line_height: int) -> bool:
    """Whether a component of a text line, classified with some `confidence`, may be several touching digits."""
    if component.height <= MIN_CUT_HEIGHT * line_height:
        return False
    is_uncertain = confidence < MIN_CUT_CONFIDENCE and component.width > MIN_CUT_ASPECT * component.height
    return is_uncertain or component.width > MAX_DIGIT_ASPECT * component.height


class Cut(NamedTuple):
    """A straight cut through a component: at column `x` in the middle of its height, `slope` columns more per row."""

    x: float
    slope: float


def oversegment(
    component: Component, intensity: np.ndarray, is_searched: bool = True, columns: Sequence[float] = ()
) -> list[Component]:
    """Cut a component where it is thinnest from top to bottom, and near `columns`.

    intensity: the array (H, W) in which the component was found.
    is_searched: whether thin places are searched, or cuts are made near `columns` only.

    Returns: the pieces from left to right; the component itself where there is no cut.
    """
    box = component.box
    near = [x - box.left for x in columns if box.left + 1 < x < box.right - 1]
    if min(component.width, component.height) < MIN_CUT_SIDE or not (is_searched or near):
        return [component]
    inside = np.where(component.mask, intensity[box.slices], 0)
    profiles = {slope: _projection_profile(inside, slope) for slope in CUT_SLOPES}
    cuts = [_thinnest_cut_near(x, profiles, MAX_CUT_SHIFT * component.height) for x in near]
    if is_searched:
        min_distance = MIN_CUT_DISTANCE * component.height
        found = _find_cuts(profiles, min_distance)
        cuts += [cut for cut in found if all(abs(cut.x - other.x) >= min_distance for other in cuts)]
    if not cuts:
        return [component]
    min_area = MIN_PIECE_AREA * component.area / (1 + len(near))
    pieces = _cut_component(component, _piece_numbers(cuts, inside.shape), min_area)
    if len(pieces) <= len(near):  # two of the cuts moved to the same thin place
        pieces = _cut_component(component, _piece_numbers([Cut(x, 0.0) for x in near], inside.shape), min_area)
    return pieces


def _find_cuts(profiles: dict[float, np.ndarray], min_distance: float) -> list[Cut]:
    """Find cuts at the thinnest places, all of the slope along which one of them crosses the least foreground."""
    candidates = []
    for slope, profile in profiles.items():
        if minima := _profile_minima(profile, min_distance):
            candidates.append((float(profile[minima[0]]), slope, sorted(minima)))
    if not candidates:
        return []
    _, slope, columns = min(candidates)
    return [Cut(x, slope) for x in columns]


def _thinnest_cut_near(x: float, profiles: dict[float, np.ndarray], max_shift: float) -> Cut:
    """Find the cut within `max_shift` columns of `x` that crosses the least foreground."""
    first = max(1, int(x - max_shift))
    last = max(first + 1, int(x + max_shift) + 1)
    best = {slope: first + int(profile[first:last].argmin()) for slope, profile in profiles.items()}
    slope = min(best, key=lambda slope: float(profiles[slope][best[slope]]))
    return Cut(best[slope], slope)


def _piece_numbers(cuts: Sequence[Cut], shape: tuple[int, int]) -> np.ndarray:
    """Number the pieces into which `cuts` divide an array of `shape` (H, W): (H, W) int, from 0 on the left."""
    numbers = np.zeros(shape, int)
    for cut in cuts:
        numbers += np.arange(shape[1]) - cut.slope * _centered_rows(shape[0]) >= cut.x
    return numbers


def _centered_rows(height: int) -> np.ndarray:
    """Return row indices (height, 1) relative to the middle of the height, where a slanted cut is at its column."""
    return np.arange(height)[:, None] - height / 2


def _projection_profile(intensity: np.ndarray, slope: float) -> np.ndarray:
    """Sum `intensity` (H, W) float32 along a line of a `slope` through each column, and smooth the sums.

    Returns: (W,) float32.
    """
    height, width = intensity.shape
    padded = cv2.copyMakeBorder(intensity, 0, 0, 1, 1, cv2.BORDER_CONSTANT)  # beyond the box is background
    columns = np.rint(np.arange(width) + slope * _centered_rows(height)).astype(int)
    indices = np.minimum(np.maximum(columns, -1), width) + (1 + np.arange(height)[:, None] * (width + 2))
    profile = padded.take(indices).sum(0).astype(np.float32, copy=False)
    return cv2.GaussianBlur(profile[None], (0, 0), max(0.5, 0.015 * width))[0]


def _profile_minima(profile: np.ndarray, min_distance: float) -> list[int]:
    """Return at most MAX_CUTS columns with the lowest `profile` (W,), `min_distance` apart, in ascending order."""
    width, values, limit = len(profile), profile.tolist(), float(MAX_CUT_PROFILE * profile.max())
    first, last = CUT_RANGE
    minima: list[int] = []
    for x in np.argsort(profile, kind="stable").tolist():
        if values[x] >= limit or len(minima) == MAX_CUTS:
            break
        if first * width <= x < last * width and all(abs(x - other) >= min_distance for other in minima):
            minima.append(x)
    return minima


def _cut_component(component: Component, piece_numbers: np.ndarray, min_area: float) -> list[Component]:
    """Divide a component by the number (H, W) of the piece to which each pixel belongs.

    Pieces of less than `min_area` pixels join the next piece.
    """
    pieces: list[Component] = []
    sliver, last = None, int(piece_numbers.max())
    for number in range(last + 1):
        mask = component.mask & (piece_numbers == number)
        if sliver is not None:
            mask |= sliver
        sliver = mask if number < last and np.count_nonzero(mask) < min_area else None
        if sliver is None and mask.any():
            pieces.append(_crop_to_mask(component, mask))
    return pieces


def _crop_to_mask(component: Component, mask: np.ndarray) -> Component:
    """Return the piece of `component` that `mask` (height, width) bool selects, in its own box."""
    inner = Box.from_size(*cv2.boundingRect(mask.view(np.uint8)))
    box = inner.shift(component.box.left, component.box.top)
    return Component(box, mask[inner.slices], component.to_picture, component.stroke_indices)
