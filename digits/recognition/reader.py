"""The one way from a picture to a reading: the scripts, the server, the benchmarks and the tests use it.

Picture → ink → lines of parts → the likeliest way to divide each line into digits → frames → the network.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image

from digits import UserError
from digits.probabilities import BATCH_SIZE, class_probabilities
from digits.recognition import components, foreground, normalization, oversegmentation, page_detection, segmentation

# Below it a person should look. Of the 5,000 validation images 0.9 % are, 8 of the 17 misread ones among them
# (bench/inference.py); of 230 people's single digits 2, and all of 21 pictures of what is no digit (bench/handwriting.py).
CONFIDENCE_THRESHOLD = 0.9
# How many times likelier another look must be. With 1, of MNIST's training images 40,000 to 49,999 as PNG files 17 were
# read otherwise than as tensors, as paler strokes are lost; with 2 they were 3.
REPLACEMENT_RATIO = 2.0
MAX_RESULT_DIGITS = 15  # digits; longer integers are rounded by JSON readers that keep numbers as doubles
WORKING_SIDE = 1_000  # larger pictures are reduced to 1,000 to 1,999 pixels on the longer side; a frame has 28
MIN_SHORT_SIDE = 100  # pixels that the shorter side keeps all the same: a long strip may have a digit across it
MAX_WORKING_PIXELS = 4_000_000  # pixels that are worked on at most, however long a strip is
WORKING_LINE_HEIGHT = 128  # pixels of height on which a line is divided, up to twice that
MAX_CUT_COMPONENTS = 30  # parts in a line: of more none is cut
MAX_DIGIT_ASPECT = 1.5  # times its height: a part as wide may be two digits, however sure the network is
CUT_THRESHOLD = 0.9  # below it a part of at least half its height in width is looked at in pieces, too


@dataclass(frozen=True)
class Digit:
    """One digit: which it is, how likely each of the ten is, where it stands in the picture, what the network saw."""

    result: int
    probability: float
    probabilities: tuple[float, ...]
    box: components.Box
    normalized: np.ndarray = field(repr=False, compare=False)  # (28, 28) uint8
    # What it was made from: the part, its ink, and how many times smaller that is than the picture.
    source: tuple[components.Component, np.ndarray, int] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Reading:
    """What a picture says: digits in reading order, and the chance that they were told apart rightly."""

    digits: tuple[Digit, ...]
    segmentation_probability: float = 1.0
    found: foreground.Foreground | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        return "".join(str(digit.result) for digit in self.digits)

    @property
    def result(self) -> int | None:
        return int(self.text) if len(self.digits) <= MAX_RESULT_DIGITS else None

    @property
    def probability(self) -> float:
        """The chance that all of `text` is right."""
        return self.segmentation_probability * math.prod(digit.probability for digit in self.digits)

    @property
    def certain(self) -> bool:
        return self.probability >= CONFIDENCE_THRESHOLD

    def to_dict(self) -> dict:
        """As it stands in JSON, to 6 decimals: the answer of the API and a line of `test.py --json`."""
        return {
            "result": self.result,
            "probability": round(self.probability, 6),
            "text": self.text,
            "certain": self.certain,
            "digits": [
                {
                    "result": digit.result,
                    "probability": round(digit.probability, 6),
                    "probabilities": [round(p, 6) for p in digit.probabilities],
                    "box": list(digit.box),
                }
                for digit in self.digits
            ],
        }


class Reader:
    """Reads pictures with a network that takes (B, 1, 28, 28) in [0, 1] and answers logits (B, 10)."""

    def __init__(self, model: torch.nn.Module, device: str | torch.device = "cpu"):
        # Convolutions are faster so on a CPU: a small picture takes 0.1 ms less.
        self.model = model.to(device, memory_format=torch.channels_last).eval()
        self.device = device

    def read(self, image: Image.Image) -> Reading:
        """The reading of a picture from `picture.decode`.

        Errors: UserError with code "blank" when nothing is written in it, "crowded" when too much is.
        """
        colours, factor = working_array(image)
        first: Reading | UserError | None = None
        for found in foreground_hypotheses(colours):  # a person who cannot read something looks again, too
            try:
                reading = self._reading(found, factor, image.size)
            except UserError as error:
                first = first or error
                continue
            if reading.certain and may_replace(first, reading):
                return reading
            if first is None:
                first = best = reading
            elif isinstance(first, Reading) and reading.probability > best.probability and may_replace(first, reading):
                best = reading
        if isinstance(first, UserError):  # what is blank at first sight is not so only if it is read for certain
            raise first
        return best

    def _reading(self, found: foreground.Foreground | None, factor: int, size: tuple[int, int]) -> Reading:
        """What `found` says, of a picture of `size` (width, height) that was made `factor` times smaller."""
        rows = self._merge_stacked(components.find_text_lines(found), found.intensity) if found else []
        if not rows:
            raise UserError("Nothing is written in the picture: draw or photograph a digit.", "blank")
        digits, segmentation_probability = [], 1.0
        for row in rows:
            line, chance, shrink, amount = self._read_line(row, found.intensity)
            segmentation_probability *= chance
            for part, frame_, chances in line:
                left, top, right, bottom = part.box
                times = shrink * factor
                box = (left * times, top * times, min(right * times, size[0]), min(bottom * times, size[1]))
                probability = max(chances)
                source = (part, amount, times)
                digits.append(Digit(chances.index(probability), probability, tuple(chances), box, frame_, source))
        return Reading(tuple(digits), segmentation_probability, found)

    def _merge_stacked(
        self, rows: list[list[components.Component]], amount: np.ndarray
    ) -> list[list[components.Component]]:
        """`rows` in which one part close above another, each alone in its line, is one digit where that is surer."""
        joined: list[list[components.Component]] = []
        for row in rows:
            if joined and len(joined[-1]) == len(row) == 1 and components.are_stacked(joined[-1][0], row[0]):
                whole = components.merge([joined[-1][0], row[0]])
                looks = self._classify([whole, joined[-1][0], row[0]], amount)
                one, upper, lower = (max(chances) for _, chances in looks)
                if one > upper * lower:
                    joined[-1] = [whole]
                    continue
            joined.append(row)
        return joined

    def _read_line(
        self, row: list[components.Component], amount: np.ndarray
    ) -> tuple[list[tuple], float, int, np.ndarray]:
        """The digits of a line, each as its part, frame and ten chances; the chance that they are its digits.

        And how many times smaller than `amount` the parts' boxes are; `amount` so much smaller.
        """
        seen = dict(zip(row, self._classify(row, amount), strict=True))
        sure = [max(chances) for _, chances in seen.values()]
        height = max(part.height for part in row)
        if len(row) == 1 and not needs_oversegmentation(row[0], sure[0], height):
            return [(row[0], *seen[row[0]])], 1.0, 1, amount
        shrink = max(1, height // WORKING_LINE_HEIGHT)
        if shrink > 1:
            row, amount = components.downscale_components(row, amount, shrink)  # other parts than were seen
        pieces, gaps, known = [], [], {}
        for part, probability in zip(row, sure, strict=True):
            if pieces:
                gap_width = (part.box[0] - pieces[-1].box[2]) / (height / shrink)
                gaps.append(segmentation.Gap(gap_width, components.vertical_iou(pieces[-1], part)))
            cut = [part]
            if len(row) <= MAX_CUT_COMPONENTS and needs_oversegmentation(part, probability, height // shrink):
                cut = oversegmentation.oversegment(part, amount)
            gaps += [None] * (len(cut) - 1)
            known[len(pieces), len(pieces) + len(cut)] = part  # all of its pieces, which have been seen as one
            pieces += cut
        runs = segmentation.candidate_spans([piece.box for piece in pieces], gaps)
        wholes = [known.get(run) or components.merge(pieces[slice(*run)]) for run in runs]
        if new := [whole for whole in wholes if whole not in seen]:
            seen |= zip(new, self._classify(new, amount), strict=True)
        way = segmentation.best_path(gaps, runs, [max(seen[whole][1]) for whole in wholes])
        return [(wholes[i], *seen[wholes[i]]) for i in map(runs.index, way.spans)], way.posterior, shrink, amount

    def _classify(self, parts: list[components.Component], amount: np.ndarray) -> list[tuple[np.ndarray, list[float]]]:
        """Of each of `parts` its frame, (28, 28) uint8, and how likely each of the ten digits is in it."""
        frames = np.array([normalization.normalize(part.crop(amount)) for part in parts])
        return list(zip(frames, self.predict(frames).tolist(), strict=True))

    @torch.inference_mode()
    def predict(self, frames: np.ndarray) -> torch.Tensor:
        """How likely each of the ten digits is for each of `frames` (B, 28, 28) uint8: (B, 10)."""
        inputs = torch.from_numpy(frames[:, None] / np.float32(255)).to(self.device)  # (B, 1, 28, 28)
        if len(inputs) <= BATCH_SIZE:
            return class_probabilities(self.model(inputs)).cpu()
        return torch.cat([class_probabilities(self.model(batch)) for batch in inputs.split(BATCH_SIZE)]).cpu()


def may_replace(first: Reading | UserError | None, later: Reading) -> bool:
    """Whether a `later` look may replace the `first`: it says the same, or much more surely something else.

    Where the first was sure of each digit and only doubted how they divide, nothing else will do.
    """
    if not isinstance(first, Reading) or first.text == later.text:
        return True
    sure = all(digit.probability >= CONFIDENCE_THRESHOLD for digit in first.digits)
    return not sure and later.probability > REPLACEMENT_RATIO * first.probability


def foreground_hypotheses(colours: np.ndarray) -> Iterator[foreground.Foreground | None]:
    """What may be the ink of a picture (H, W, C) uint8, the likeliest first.

    All that stands out, unless most of it is pale; the darkest of it; that on a sheet; what stands out from what is
    around it.
    """
    first = foreground.extract_foreground(colours)
    if not first or not foreground.is_mostly_pale(first):
        yield first
    if first:
        yield foreground.threshold_strong(first)
    if min(colours.shape[:2]) >= foreground.MIN_PAGE_SIDE:
        if found := page_detection.find_page(colours):
            top, left, part = found
            inner = foreground.extract_foreground(part)
            yield inner and inner.pad_to(colours.shape[:2], top, left)
        yield foreground.extract_with_local_background(colours)


def needs_oversegmentation(part: components.Component, sure: float, height: int) -> bool:
    """Whether a part of a line of some `height`, read with probability `sure`, may be several digits that touch."""
    doubted = sure < CUT_THRESHOLD and part.width > 0.5 * part.height
    return part.height > 0.3 * height and (doubted or part.width > MAX_DIGIT_ASPECT * part.height)


def working_array(image: Image.Image) -> tuple[np.ndarray, int]:
    """A picture as it is worked on, (H, W, C) uint8, and how many times smaller than it was sent."""
    shorter, longer = sorted(image.size)
    factor = 1
    if longer >= WORKING_SIDE:
        factor = max(1, min(longer // WORKING_SIDE, shorter // MIN_SHORT_SIDE))
        factor = max(
            factor, math.ceil(longer / MAX_WORKING_PIXELS), math.ceil((longer * shorter / MAX_WORKING_PIXELS) ** 0.5)
        )
    small = image.reduce(factor) if factor > 1 else image
    width, height = small.size
    return np.frombuffer(small.tobytes(), np.uint8).reshape(height, width, -1), factor
