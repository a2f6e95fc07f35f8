"""Text lines: groups connected components into lines in reading order.

One digit may consist of several components: thresholds break thin strokes, and the bar of a 5 may not touch it. So
components closer than a stroke width are merged, and a small component joins its nearest neighbor.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from digits.recognition.arrays import mask_stroke_width
from digits.recognition.component_search import find_components
from digits.recognition.components import MAX_COMPONENTS, Component, merge
from digits.recognition.foreground import Foreground
from digits.recognition.geometry import IDENTITY, AxisTransform, Box, enclosing_box

MIN_DIGIT_HEIGHT = 0.4  # of the tallest component's height: a lower one is a stroke of a digit, if there is one nearby
MIN_DASH_SIZE = MIN_DIGIT_HEIGHT / 2  # of the same: a smaller component far from all others is dropped
MAX_ATTACH_DISTANCE = 0.35  # of a component's height: a small one within this distance joins it
MAX_STACKED_GAP = 0.2  # of the height of both components: text lines are further apart
MIN_VERTICAL_OVERLAP = 0.3  # of the lower component's height: with more in common, two stand in one line


def find_text_lines(foreground: Foreground, to_picture: AxisTransform = IDENTITY) -> list[list[Component]] | None:
    """Find the text lines of the writing, as `group_into_lines` returns them.

    to_picture: transform from pixels of the foreground to pixels of the picture.

    Returns: None if there are more than MAX_COMPONENTS components, too many to be read.
    """
    components = find_components(foreground, to_picture)
    return None if len(components) > MAX_COMPONENTS else group_into_lines(components, foreground.intensity.shape)


def group_into_lines(components: Sequence[Component], shape: tuple[int, int]) -> list[list[Component]]:
    """Group components into text lines in reading order, and merge the strokes that belong together.

    shape: (H, W) of the intensity array in which the components were found.

    Returns: text lines from top to bottom; in each the components from left to right, at least one.
    """
    return order_in_lines(_merge_close(components, shape))


def order_in_lines(components: list[Component]) -> list[list[Component]]:
    """Group components into text lines as `group_into_lines` does, but do not merge those that are close."""
    if len(components) < 2:
        return [components] if components else []
    tallest = max(component.height for component in components)
    large = [component for component in components if component.height >= MIN_DIGIT_HEIGHT * tallest]
    small = [component for component in components if component.height < MIN_DIGIT_HEIGHT * tallest]
    lines = _find_lines(_merge_nested(large))
    for component in sorted(small, key=lambda c: -c.width):
        _attach(component, lines, MIN_DASH_SIZE * tallest)
    return sorted(lines, key=lambda line: np.mean([component.box.top + component.box.bottom for component in line]))


def _merge_close(components: Sequence[Component], shape: tuple[int, int]) -> list[Component]:
    """Merge components that are less than a stroke width apart in an array of `shape` (H, W)."""
    if len(components) < 2:
        return list(components)
    mask = np.zeros(shape, np.uint8)
    for component in components:
        mask[component.box.slices] |= component.mask
    # Around each component; one pixel less, so that strokes of two or three pixels are not merged.
    reach = 0.5 * mask_stroke_width(mask) - 1
    if reach < 0:
        return list(components)
    near = (cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3) <= reach).astype(np.uint8)
    _, labels = cv2.connectedComponents(near)
    groups: dict[int, list[Component]] = {}
    for component in components:
        y, x = (indices[0] for indices in component.mask.nonzero())
        groups.setdefault(int(labels[component.box.top + y, component.box.left + x]), []).append(component)
    return [merge(group) for group in groups.values()]


def _merge_nested(components: list[Component]) -> list[Component]:
    """Merge components that lie in the box of another one into that one."""
    merged: list[Component] = []
    for component in sorted(components, key=lambda c: -c.width * c.height):
        outer = next((i for i, other in enumerate(merged) if other.box.contains(component.box)), None)
        if outer is None:
            merged.append(component)
        else:
            merged[outer] = merge([merged[outer], component])
    return merged


def _find_lines(components: list[Component]) -> list[list[Component]]:
    """Append each component, from left to right, to the line whose last two components it overlaps most vertically.

    Only the last two are compared because lines may slope.
    """
    lines: list[list[Component]] = []
    for component in sorted(components, key=_doubled_center_x):
        overlaps = [max(_vertical_overlap(last.box, component.box) for last in line[-2:]) for line in lines]
        if overlaps and max(overlaps) > MIN_VERTICAL_OVERLAP:
            lines[int(np.argmax(overlaps))].append(component)
        else:
            lines.append([component])
    return lines


def _attach(component: Component, lines: list[list[Component]], min_size: float) -> None:
    """Merge a small component, in place, into the nearest one in `lines`.

    Without a near one, it is inserted as a component of its own, a dash for example, which makes the reading uncertain;
    if its size is below `min_size` pixels, it is dropped.
    """
    distance, row, column = min(
        (_distance(component.box, other.box), row, column)
        for row, line in enumerate(lines)
        for column, other in enumerate(line)
    )
    if distance <= MAX_ATTACH_DISTANCE * lines[row][column].height:
        lines[row][column] = merge([lines[row][column], component])
    elif component.size >= min_size:
        lines[row] = sorted([*lines[row], component], key=_doubled_center_x)


def _doubled_center_x(component: Component) -> int:
    return component.box.left + component.box.right


def _vertical_overlap(a: Box, b: Box) -> float:
    """Return the height that two boxes have in common over the height of the lower one, at most 1."""
    return a.overlap_y(b) / min(a.height, b.height)


def are_stacked(upper: Box, lower: Box) -> bool:
    """Whether `lower` is so close below `upper` that both may be one broken digit."""
    is_close = lower.top - upper.bottom <= MAX_STACKED_GAP * enclosing_box([upper, lower]).height
    return is_close and upper.overlap_x(lower) > 0


def _distance(a: Box, b: Box) -> float:
    """Return the distance in pixels between two boxes; 0 where they overlap."""
    return float(np.hypot(max(0, -a.overlap_x(b)), max(0, -a.overlap_y(b))))
