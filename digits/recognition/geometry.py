"""Boxes and axis-aligned transforms, in pixels from the upper left corner of an array."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

Coordinate = TypeVar("Coordinate")  # a number or an array of numbers


class Box(NamedTuple):
    """A rectangle of pixels; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

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

    def apply(self, x: Coordinate, y: Coordinate) -> tuple[Coordinate, Coordinate]:
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
