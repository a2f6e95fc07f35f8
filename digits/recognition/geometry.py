"""Boxes and axis-aligned transforms, in pixels from the upper left corner of an array."""

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle of pixels; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def from_size(cls, left: int, top: int, width: int, height: int) -> "Box":
        """Make a box from its upper left corner and its size, as cv2 returns them."""
        return cls(left, top, left + width, top + height)

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """The index of the box in an array (H, W, …) that contains it."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def shift(self, x: int, y: int) -> "Box":
        """Return the box moved by `x` to the right and `y` down."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def expand(self, margin: int) -> "Box":
        """Return the box enlarged by `margin` on all sides."""
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)

    def overlap_x(self, other: "Box") -> int:
        """Return the width that both boxes have in common; minus their horizontal distance where they are apart."""
        return min(self.right, other.right) - max(self.left, other.left)

    def overlap_y(self, other: "Box") -> int:
        """Return the height that both boxes have in common; minus their vertical distance where they are apart."""
        return min(self.bottom, other.bottom) - max(self.top, other.top)

    def contains(self, other: "Box") -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )


def enclosing_box(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that contains all `boxes`."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


class AxisTransform(NamedTuple):
    """An affine transform without rotation or shear: (x, y) → (scale_x * x + offset_x, scale_y * y + offset_y)."""

    scale_x: float = 1
    scale_y: float = 1
    offset_x: float = 0
    offset_y: float = 0

    def apply(self, x: float, y: float) -> tuple[float, float]:
        """Transform the point (x, y)."""
        return self.scale_x * x + self.offset_x, self.scale_y * y + self.offset_y

    def apply_to_box(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        """Transform the corners of `box`: left, top, right, bottom."""
        left, top, right, bottom = box
        return *self.apply(left, top), *self.apply(right, bottom)

    def then(self, other: "AxisTransform") -> "AxisTransform":
        """Return the transform that applies this one first and `other` second."""
        offset_x, offset_y = other.apply(self.offset_x, self.offset_y)
        return AxisTransform(self.scale_x * other.scale_x, self.scale_y * other.scale_y, offset_x, offset_y)

    def inverse(self) -> "AxisTransform":
        return AxisTransform(
            1 / self.scale_x, 1 / self.scale_y, -self.offset_x / self.scale_x, -self.offset_y / self.scale_y
        )


IDENTITY = AxisTransform()


def vertical_iou(a: Box, b: Box) -> float:
    """Return the height that two boxes have in common over the height of their union, in [0, 1]."""
    return max(0, a.overlap_y(b)) / enclosing_box([a, b]).height
