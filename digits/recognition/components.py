"""Connected components of the foreground."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from digits.recognition.arrays import block_average, crop_padded, pad, rectangle_kernel
from digits.recognition.foreground import FOREGROUND_THRESHOLD
from digits.recognition.geometry import IDENTITY, AxisTransform, Box, enclosing_box
from digits.recognition.normalization import DIGIT_SIZE

# Pixels: a longer component is a line along a strip. Normalization adds a margin of a twentieth of the length on all
# sides, so a line of 400,000 pixels once took 16 GB.
MAX_COMPONENT_SIDE = 4_000
MAX_COMPONENTS = 200  # per picture: noise and pages of text have more


@dataclass(frozen=True, eq=False)
class Component:
    """A group of connected foreground pixels.

    box: in pixels of the intensity array in which the component was found.
    mask: the component's pixels in the box, (height, width) bool.
    to_picture: transform from pixels of that array to pixels of the picture.
    stroke_indices: of a drawing, the strokes that its pixels belong to; other components may cross them.
    """

    box: Box
    mask: np.ndarray
    to_picture: AxisTransform = IDENTITY
    stroke_indices: frozenset[int] = frozenset()

    @property
    def width(self) -> int:
        return self.box.width

    @property
    def height(self) -> int:
        return self.box.height

    @property
    def size(self) -> int:
        """The longer side of the box in pixels."""
        return max(self.box.width, self.box.height)

    @property
    def area(self) -> int:
        """The number of pixels."""
        return int(np.count_nonzero(self.mask))

    @property
    def margin(self) -> int:
        """The width in pixels of the soft edge that `crop` keeps around the box."""
        return 2 + self.size // DIGIT_SIZE

    def crop(self, intensity: np.ndarray) -> np.ndarray:
        """Return the component's intensity with its soft edge, without other components.

        intensity: the array (H, W) in which the component was found.

        Returns: (height + 2 * margin, width + 2 * margin).
        """
        margin = self.margin
        mask = pad(self.mask.view(np.uint8), margin)
        near = cv2.dilate(mask, rectangle_kernel(2 * margin + 1, 2 * margin + 1)).view(bool)
        crop = crop_padded(intensity, self.box.expand(margin))
        return crop * (mask | (near & (crop <= FOREGROUND_THRESHOLD)))


def merge(components: Sequence[Component]) -> Component:
    """Merge components of one array into one."""
    if len(components) == 1:
        return components[0]
    box = enclosing_box([component.box for component in components])
    mask = np.zeros((box.height, box.width), bool)
    for component in components:
        mask[component.box.shift(-box.left, -box.top).slices] |= component.mask
    stroke_indices = frozenset().union(*(component.stroke_indices for component in components))
    return Component(box, mask, components[0].to_picture, stroke_indices)


def downscale_components(
    components: Sequence[Component], intensity: np.ndarray, factor: int
) -> tuple[list[Component], np.ndarray]:
    """Downscale components and the `intensity` (H, W) in which they were found by an integer `factor`.

    The intensity is averaged over factor × factor pixels; a mask has a pixel where it had any of these.
    """
    downscaled = []
    for component in components:
        left, top, right, bottom = component.box
        box = Box(left // factor, top // factor, -(-right // factor), -(-bottom // factor))
        mask = np.zeros((box.height * factor, box.width * factor), bool)
        mask[component.box.shift(-box.left * factor, -box.top * factor).slices] = component.mask
        mask = np.logical_or.reduce(mask.reshape(box.height, factor, box.width, factor), axis=(1, 3))
        to_picture = AxisTransform(factor, factor).then(component.to_picture)
        downscaled.append(Component(box, mask, to_picture, component.stroke_indices))
    return downscaled, block_average(intensity, factor)
