"""From ink to the parts of digits, line by line, as people read.

A part is ink that hangs together. Specks and rims are left out; parts with less between them than a stroke is
wide are one, as thresholds break thin strokes; a small part joins what it is nearest to: the bar of a 5.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from digits import UserError
from digits.recognition.arrays import pad, rectangle_kernel
from digits.recognition.foreground import FOREGROUND_THRESHOLD, MIN_CONTRAST, Foreground
from digits.recognition.normalization import DIGIT_SIZE

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are outside

MIN_RELATIVE_SIZE = 0.08  # of the largest part: what is smaller is dust
MIN_SPARSE_RELATIVE_SIZE = 0.15  # the same, where it has hardly any ink
MIN_WRITING_SIZE = (
    0.015  # of the picture's sides' geometric mean: were the largest part as small, nothing would be written
)
MIN_DIGIT_HEIGHT = 0.4  # of the tallest part: what is lower is no digit of its own, as long as it is near one
MAX_ATTACH_DISTANCE = 0.35  # of a part's height, within which a small one belongs to it
MAX_COMPONENT_SIDE = (
    4_000  # pixels: what is longer is a line along a strip; a frame would lay a twentieth of that around it
)
MAX_BORDER_CONTACT = 0.5  # of a side of the picture: what touches as much of it is the edge of something
MAX_STACKED_GAP = 0.2  # of the height of both: lines of writing are further apart
MIN_VERTICAL_OVERLAP = 0.3  # of the lower of two parts: if they share as much height, they stand in one line
MAX_COMPONENTS = 200  # parts that are looked at; noise and pages of text have more


@dataclass(frozen=True, eq=False)
class Component:
    """Ink that belongs together: its box in the picture, and which of the pixels in it, (H, W) bool."""

    box: Box
    mask: np.ndarray

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    def crop(self, amount: np.ndarray) -> np.ndarray:
        """The part's own of `amount` (H, W), with the soft edge around it, but nothing of other parts."""
        edge = 2 + max(self.width, self.height) // DIGIT_SIZE
        left, top, right, bottom = self.box
        mask = pad(self.mask.view(np.uint8), edge)
        near = cv2.dilate(mask, rectangle_kernel(2 * edge + 1, 2 * edge + 1))
        around = amount[max(0, top - edge) : bottom + edge, max(0, left - edge) : right + edge]
        if around.shape != mask.shape:  # as the part is near the border of the picture
            down, across = edge - min(top, edge), edge - min(left, edge)
            rest = (mask.shape[0] - around.shape[0] - down, mask.shape[1] - around.shape[1] - across)
            around = cv2.copyMakeBorder(around, down, rest[0], across, rest[1], cv2.BORDER_CONSTANT)
        return around * (mask | (near & (around <= FOREGROUND_THRESHOLD)))


def merge(parts: list[Component]) -> Component:
    """All of `parts` as one."""
    if len(parts) == 1:
        return parts[0]
    lefts, tops, rights, bottoms = zip(*(part.box for part in parts), strict=True)
    left, top, right, bottom = min(lefts), min(tops), max(rights), max(bottoms)
    mask = np.zeros((bottom - top, right - left), bool)
    for part in parts:
        x, y, _, _ = part.box
        mask[y - top : y - top + part.height, x - left : x - left + part.width] |= part.mask
    return Component((left, top, right, bottom), mask)


def find_text_lines(ink: Foreground) -> list[list[Component]]:
    """The parts of digits in `ink`, line by line, each from left to right; none where nothing is written.

    Errors: UserError with code "crowded" when there are more than MOST.
    """
    return _group_into_lines(_merge_close(connected_components(ink), ink.intensity.shape))


def connected_components(ink: Foreground) -> list[Component]:
    """What hangs together, but for specks, what is as pale as grain, and rims."""
    height, width = ink.intensity.shape
    mask = (ink.intensity > FOREGROUND_THRESHOLD).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    found, areas, rims = [], [], []
    largest_first = (-stats[1:, cv2.CC_STAT_AREA]).argsort(kind="stable")[: 3 * MAX_COMPONENTS] + 1  # 0 is the paper
    for number in largest_first.tolist():
        left, top, wide, tall, area = stats[number].tolist()
        inside = np.s_[top : top + tall, left : left + wide]
        part = Component((left, top, left + wide, top + tall), labels[inside] == number)
        if ink.contrast < 2 * MIN_CONTRAST and ink.intensity[inside][part.mask].max() * ink.contrast < MIN_CONTRAST:
            continue
        if not _around(part, mask.shape) and max(part.width, part.height) <= MAX_COMPONENT_SIDE:
            found.append(part)
            areas.append(area)
            rims.append(_border_contact(part, mask.shape))
    if len(found) == 1:  # with nothing beside it that would make it a rim or dust
        return found if max(found[0].width, found[0].height) >= MIN_WRITING_SIZE * (width * height) ** 0.5 else []
    inner = max((max(p.width, p.height) for p, rim in zip(found, rims, strict=True) if rim == 0), default=0)
    if inner >= 0.12 * min(width, height):  # something is written inside: what comes in from the border is none
        inside = [
            rim == 0 or (rim < MAX_BORDER_CONTACT and max(p.width, p.height) >= 0.5 * inner)
            for p, rim in zip(found, rims, strict=True)
        ]
        found = [p for p, here in zip(found, inside, strict=True) if here]
        areas = [area for area, here in zip(areas, inside, strict=True) if here]
    largest = max((max(p.width, p.height) for p in found), default=0)
    if largest < MIN_WRITING_SIZE * (width * height) ** 0.5:
        return []

    def dust(part: Component, area: int) -> bool:
        size = max(part.width, part.height)
        return size < MIN_RELATIVE_SIZE * largest or (
            size < MIN_SPARSE_RELATIVE_SIZE * largest and area < (MIN_RELATIVE_SIZE * largest) ** 2 / 2
        )

    found = [part for part, area in zip(found, areas, strict=True) if not dust(part, area)]
    if len(found) > MAX_COMPONENTS:
        raise UserError(
            f"There are more than {MAX_COMPONENTS} separate marks in the picture: send the part of it that shows the number.",
            "crowded",
        )
    return found


def _border_contact(part: Component, shape: tuple[int, int]) -> float:
    """The largest share of a side of the picture that a part touches; 0 where it touches none."""
    height, width = shape
    left, top, right, bottom = part.box
    touched = [(part.mask[:, 0], height)] if left == 0 else []
    touched += [(part.mask[:, -1], height)] if right == width else []
    touched += [(part.mask[0], width)] if top == 0 else []
    touched += [(part.mask[-1], width)] if bottom == height else []
    return max((edge.sum() / length for edge, length in touched), default=0.0)


def _around(part: Component, shape: tuple[int, int]) -> bool:
    """Whether a part runs around the picture near its border: a drawn frame."""
    height, width = shape
    if min(shape) < 48 or part.width < 0.8 * width or part.height < 0.8 * height:
        return False
    y, x = part.mask.nonzero()
    y, x = y + part.box[1], x + part.box[0]
    depth = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    return (depth < 0.1 * min(shape)).mean() > 0.9


def _merge_close(parts: list[Component], shape: tuple[int, int]) -> list[Component]:
    """Parts with less between them than a stroke is wide made one."""
    if len(parts) < 2:
        return parts
    mask = np.zeros(shape, np.uint8)
    for part in parts:
        left, top, right, bottom = part.box
        mask[top:bottom, left:right] |= part.mask
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    pen = 2 * mask.sum() / max(1.0, sum(cv2.arcLength(outline, True) for outline in outlines))
    reach = 0.5 * pen - 1  # on each side, so that nothing is joined where strokes are of two or three pixels
    if reach < 0:
        return parts
    near = (cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3) <= reach).astype(np.uint8)
    _, labels = cv2.connectedComponents(near)
    together: dict[int, list[Component]] = {}
    for part in parts:
        y, x = (numbers[0] for numbers in part.mask.nonzero())
        together.setdefault(int(labels[part.box[1] + y, part.box[0] + x]), []).append(part)
    return [merge(group) for group in together.values()]


def _group_into_lines(parts: list[Component]) -> list[list[Component]]:
    """Parts in the order in which they are read, small ones joined to what they belong to."""
    if len(parts) < 2:
        return [parts] if parts else []
    tallest = max(part.height for part in parts)
    rows: list[list[Component]] = []
    for part in sorted(_merge_nested([p for p in parts if p.height >= MIN_DIGIT_HEIGHT * tallest]), key=_middle):
        shares = [max(_shared(before, part) for before in row[-2:]) for row in rows]
        if shares and max(shares) > MIN_VERTICAL_OVERLAP:
            rows[int(np.argmax(shares))].append(part)
        else:
            rows.append([part])
    for part in sorted((p for p in parts if p.height < MIN_DIGIT_HEIGHT * tallest), key=lambda p: -p.width):
        gap, row, place = min((_gap(part.box, p.box), r, i) for r, row in enumerate(rows) for i, p in enumerate(row))
        if gap <= MAX_ATTACH_DISTANCE * rows[row][place].height:
            rows[row][place] = merge([rows[row][place], part])
        elif max(part.width, part.height) >= MIN_DIGIT_HEIGHT / 2 * tallest:  # a dash, say: seen, and doubted
            rows[row] = sorted([*rows[row], part], key=_middle)
    return sorted(rows, key=lambda row: np.mean([part.box[1] + part.box[3] for part in row]))


def _merge_nested(parts: list[Component]) -> list[Component]:
    """`parts` in which what lies inside the box of another is a part of it."""
    found: list[Component] = []
    for part in sorted(parts, key=lambda p: -p.width * p.height):
        left, top, right, bottom = part.box
        for number, other in enumerate(found):
            x, y, far, low = other.box
            if x <= left and y <= top and right <= far and bottom <= low:
                found[number] = merge([other, part])
                break
        else:
            found.append(part)
    return found


def _middle(part: Component) -> int:
    return part.box[0] + part.box[2]


def _shared(before: Component, part: Component) -> float:
    """The height that two parts have in common, as a share of the lower one's."""
    return _common(before, part) / min(before.height, part.height)


def _common(before: Component, part: Component) -> int:
    """The height that two parts have in common, in pixels; below 0 where one stands above the other."""
    return min(before.box[3], part.box[3]) - max(before.box[1], part.box[1])


def vertical_iou(before: Component, part: Component) -> float:
    """How much two parts stand on one level: the height that they have in common over that of both, 0 to 1."""
    both = max(before.box[3], part.box[3]) - min(before.box[1], part.box[1])
    return max(0, _common(before, part)) / both


def are_stacked(upper: Component, lower: Component) -> bool:
    """Whether two parts stand so close, one above the other, that they may be one broken digit."""
    both = max(upper.box[3], lower.box[3]) - min(upper.box[1], lower.box[1])
    common = min(upper.box[2], lower.box[2]) - max(upper.box[0], lower.box[0])
    return lower.box[1] - upper.box[3] <= MAX_STACKED_GAP * both and common > 0


def _gap(a: Box, b: Box) -> float:
    across, down = max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3])
    return float(np.hypot(max(0, across), max(0, down)))


def downscale_components(parts: list[Component], amount: np.ndarray, factor: int) -> tuple[list[Component], np.ndarray]:
    """`parts` and their ink `factor` times smaller, area-averaged."""
    height, width = (-(-length // factor) * factor for length in amount.shape)
    padded = np.pad(amount, ((0, height - amount.shape[0]), (0, width - amount.shape[1])))
    small = padded.reshape(height // factor, factor, width // factor, factor).mean((1, 3))
    reduced = []
    for part in parts:
        left, top, right, bottom = part.box
        x, y, far, low = left // factor, top // factor, -(-right // factor), -(-bottom // factor)
        mask = np.zeros(((low - y) * factor, (far - x) * factor), bool)
        mask[top - y * factor : bottom - y * factor, left - x * factor : right - x * factor] = part.mask
        mask = mask.reshape(low - y, factor, far - x, factor).any((1, 3))
        reduced.append(Component((x, y, far, low), mask))
    return reduced, small
