"""Search for the components of the writing: without drawn frames, objects at the border and specks."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from digits.recognition.arrays import mask_stroke_width
from digits.recognition.components import MAX_COMPONENT_SIDE, MAX_COMPONENTS, Component
from digits.recognition.foreground import FOREGROUND_THRESHOLD, MIN_CONTRAST, MIN_PAGE_SIDE, Foreground
from digits.recognition.geometry import IDENTITY, AxisTransform, Box, vertical_iou

MIN_RELATIVE_SIZE = 0.08  # of the largest component's size: smaller ones are specks
MIN_SPARSE_RELATIVE_SIZE = 0.15  # of the same: smaller ones are specks, too, if their area is less than
MIN_SPARSE_AREA = 0.5  # of the area of a square of the size MIN_RELATIVE_SIZE
MIN_WRITING_SIZE = 0.015  # of the geometric mean of the picture's sides: if the largest is smaller, nothing is written
# Of the picture's shorter side: if a component inside has this size, those at the border may come from outside.
MIN_INNER_SIZE = 0.12
MIN_BORDER_SIZE = 0.5  # of the largest inner component's size: smaller components at the border are no digits
MAX_BORDER_CONTACT = 0.5  # of a side of the picture: a component that touches more is the edge of an object
MAX_OBJECT_DEPTH = 1 / 3  # of the picture: without writing, a component along a side is an object if it is flatter
MAX_STROKE_RATIO = 2.0  # of the widest inner strokes: a wider component at the border is an object
MAX_FLUSH_FRACTION = 0.6  # of its own side: a component that touches the border with more of it lies along it
MIN_COMMON_HEIGHT = 0.5  # of the height of both: two components stand in the same rows
MAX_SLIVER_DEPTH = 0.08  # of the picture: few digits are so narrow, or pictures of several lines so wide
MIN_DRAWN_FRAME_PICTURE_SIDE = 48  # pixels: a smaller picture has no drawn frame
MIN_DRAWN_FRAME_SIZE = 0.8  # of the picture's width and height
MAX_DRAWN_FRAME_DEPTH = 0.1  # of the picture's shorter side, from the border
MIN_DRAWN_FRAME_FRACTION = 0.9  # of the component's pixels lie within MAX_DRAWN_FRAME_DEPTH


def find_components(foreground: Foreground, to_picture: AxisTransform = IDENTITY) -> list[Component]:
    """Find the connected components that may be digits or strokes of digits, the largest area first.

    to_picture: transform from pixels of the foreground to pixels of the picture.

    Returns: no component where nothing is written; more than MAX_COMPONENTS where the picture cannot be read.
    """
    shape = foreground.intensity.shape
    components = _remove_border_components(_label_components(foreground, to_picture), shape)
    largest = max((component.size for component in components), default=0)
    if largest < MIN_WRITING_SIZE * (shape[0] * shape[1]) ** 0.5:
        return []
    return [component for component in components if not _is_speck(component, largest)]


def _label_components(foreground: Foreground, to_picture: AxisTransform) -> list[Component]:
    """Label the connected components, except drawn frames, lines along a strip and components as pale as noise."""
    intensity, contrast = foreground.intensity, foreground.contrast
    mask = (intensity > FOREGROUND_THRESHOLD).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    components = []
    # Label 0 is the background. Of more components than three times the limit, enough usually remain to exceed it.
    largest_first = (-stats[1:, cv2.CC_STAT_AREA]).argsort(kind="stable")[: 3 * MAX_COMPONENTS] + 1
    for label in largest_first.tolist():
        box = Box.from_size(*stats[label, : cv2.CC_STAT_AREA].tolist())
        component = Component(box, labels[box.slices] == label, to_picture)
        if contrast < 2 * MIN_CONTRAST and intensity[box.slices][component.mask].max() * contrast < MIN_CONTRAST:
            continue
        if component.size <= MAX_COMPONENT_SIDE and not _is_drawn_frame(component, mask.shape):
            components.append(component)
    return components


def _is_drawn_frame(component: Component, shape: tuple[int, int]) -> bool:
    """Whether a component runs around a picture of `shape` (H, W) near its border: a drawn frame."""
    height, width = shape
    if min(shape) < MIN_DRAWN_FRAME_PICTURE_SIDE:
        return False
    if component.width < MIN_DRAWN_FRAME_SIZE * width or component.height < MIN_DRAWN_FRAME_SIZE * height:
        return False
    y, x = component.mask.nonzero()
    y, x = y + component.box.top, x + component.box.left
    depth = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    return (depth < MAX_DRAWN_FRAME_DEPTH * min(shape)).mean() > MIN_DRAWN_FRAME_FRACTION


class BorderContact(NamedTuple):
    """How a component touches a side of the picture.

    side_fraction: the touched part of the side.
    own_fraction: the touching part of the component's own height or width, along that side.
    extent: the same from the first to the last pixel that touches, also where some between do not.
    depth: how far the component reaches into the picture, as a fraction of its width or height.
    is_vertical: whether the side is the left or the right one.
    """

    side_fraction: float
    own_fraction: float
    extent: float
    depth: float
    is_vertical: bool


def _remove_border_components(components: list[Component], shape: tuple[int, int]) -> list[Component]:
    """Remove components that enter a picture of `shape` (H, W) from outside."""
    touching = [(component, _border_contacts(component, shape)) for component in components]
    if not any(contacts for _, contacts in touching):
        return components
    largest_inner = max((component.size for component, contacts in touching if not contacts), default=0)
    if largest_inner < MIN_INNER_SIZE * min(shape):
        return [c for c, contacts in touching if not _is_object_without_writing(c, contacts, components, shape)]
    min_size = MIN_BORDER_SIZE * largest_inner
    large = [(component, contacts) for component, contacts in touching if component.size >= min_size]
    stroke_width = max(mask_stroke_width(c.mask.view(np.uint8)) for c, contacts in large if not contacts)
    writing = [component for component, contacts in large if not _is_flush(contacts)]
    return [
        component
        for component, contacts in touching
        if not contacts or (component.size >= min_size and not _is_object(component, contacts, writing, stroke_width))
    ]


def _is_object_without_writing(
    component: Component, contacts: Sequence[BorderContact], components: Sequence[Component], shape: tuple[int, int]
) -> bool:
    """Whether a component in a picture of `shape` (H, W) that shows no writing inside is a table or the edge of a page.

    A digit that was cut out tightly fills the picture in the other direction as well, or others stand in its rows.
    """
    if min(shape) < MIN_PAGE_SIDE or _has_neighbor(component, components):
        return False
    is_along_side = any(c.side_fraction >= MAX_BORDER_CONTACT and c.depth < MAX_OBJECT_DEPTH for c in contacts)
    return is_along_side or (_is_in_corner(contacts) and _is_sliver(contacts))


def _is_object(
    component: Component, contacts: Sequence[BorderContact], writing: Sequence[Component], stroke_width: float
) -> bool:
    """Whether a component at the border of a picture with `writing` is a finger, a table or a sliver of one.

    It is, if it touches most of a side, is much wider than the strokes of the writing, or lies flush along a side where
    no other component stands in its rows.

    stroke_width: of the writing, in pixels.
    """
    if max(contact.side_fraction for contact in contacts) >= MAX_BORDER_CONTACT:
        return True
    if mask_stroke_width(component.mask.view(np.uint8)) > MAX_STROKE_RATIO * stroke_width:
        return True
    return _is_flush(contacts) and not _has_neighbor(component, writing)


def _is_flush(contacts: Sequence[BorderContact]) -> bool:
    """Whether a component with these contacts lies flush along a side."""
    return _is_sliver(contacts) or any(contact.own_fraction > MAX_FLUSH_FRACTION for contact in contacts)


def _is_sliver(contacts: Sequence[BorderContact]) -> bool:
    """Whether a component with these contacts is a thin strip along a side, or in a corner.

    Relative to a local background a sliver is hollow, so pixels between those that touch the side may be missing.
    """
    is_along = _is_in_corner(contacts) or any(contact.extent > MAX_FLUSH_FRACTION for contact in contacts)
    return is_along and min(contact.depth for contact in contacts) < MAX_SLIVER_DEPTH


def _is_in_corner(contacts: Sequence[BorderContact]) -> bool:
    return len({contact.is_vertical for contact in contacts}) == 2


def _has_neighbor(component: Component, components: Sequence[Component]) -> bool:
    """Whether one of `components` stands in the rows of `component`, as the digits of a number do."""
    others = (other for other in components if other is not component)
    return any(vertical_iou(component.box, other.box) >= MIN_COMMON_HEIGHT for other in others)


def _border_contacts(component: Component, shape: tuple[int, int]) -> list[BorderContact]:
    """Find the sides of the picture, of `shape` (H, W), that a component touches."""
    (height, width), box, mask = shape, component.box, component.mask
    touched = [(mask[:, 0], True)] * (box.left == 0) + [(mask[:, -1], True)] * (box.right == width)
    touched += [(mask[0], False)] * (box.top == 0) + [(mask[-1], False)] * (box.bottom == height)
    contacts = []
    for edge, is_vertical in touched:
        side, depth = (height, box.width / width) if is_vertical else (width, box.height / height)
        indices = edge.nonzero()[0]
        extent = (indices[-1] - indices[0] + 1) / len(edge)
        contacts.append(BorderContact(len(indices) / side, len(indices) / len(edge), extent, depth, is_vertical))
    return contacts


def _is_speck(component: Component, largest: int) -> bool:
    """Whether a component is a speck next to another one of the size `largest`, in pixels."""
    min_size = MIN_RELATIVE_SIZE * largest
    if component.size < min_size:
        return True
    return component.size < MIN_SPARSE_RELATIVE_SIZE * largest and component.area < MIN_SPARSE_AREA * min_size**2
