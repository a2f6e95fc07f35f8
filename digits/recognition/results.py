"""Results of reading a picture: the digits, the reading that they form, and the trace of how they were read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from digits import UserError
from digits.recognition.components import MAX_COMPONENTS
from digits.recognition.foreground import Foreground
from digits.recognition.geometry import AxisTransform, Box, enclosing_box

# Least probability of a reading that needs no check by a person. Of the 5,000 validation images 0.9 % are below it,
# among them 8 of the 17 misread ones (bench/recognition.py); so are 6 of 230 people's single digits, and all of 21
# pictures of non-digits (bench/handwriting.py).
CONFIDENCE_THRESHOLD = 0.9
MAX_RESULT_DIGITS = 15  # digits: JSON readers that keep numbers as doubles round longer integers


@dataclass(frozen=True)
class Digit:
    """One digit of a reading.

    result: the most probable class, 0 to 9.
    probability: of `result`, calibrated, in [0, 1]; above 0.5 where the line reader outvoted the classifier.
    probabilities: of the ten classes.
    box: in pixels of the picture.
    pixels: the normalized digit, (28, 28) uint8.
    """

    result: int
    probability: float
    probabilities: tuple[float, ...]
    box: Box
    pixels: np.ndarray = field(repr=False, compare=False)

    @classmethod
    def from_probabilities(cls, probabilities: Sequence[float], box: Box, pixels: np.ndarray) -> "Digit":
        """Make the digit that is the most probable of the ten classes."""
        probability = max(probabilities)
        return cls(probabilities.index(probability), probability, tuple(probabilities), box, pixels)

    @property
    def certain(self) -> bool:
        """Whether the digit needs no check by a person."""
        return self.probability >= CONFIDENCE_THRESHOLD


@dataclass(frozen=True)
class Mark:
    """A mark or another character in a text line, which is not part of its text.

    symbol: one of `line_symbols.MARKS`, such as "." or "-"; None for another character.
    box: in pixels of the picture.
    is_inside: whether it stands between two digits of its line.
    """

    symbol: str | None
    box: Box
    is_inside: bool


@dataclass(frozen=True)
class TextLine:
    """A line of digits.

    digits: from left to right, at least one.
    probability: the calibrated probability that `text` is right, in [0, 1].
    marks: from left to right.
    """

    digits: tuple[Digit, ...]
    probability: float
    marks: tuple[Mark, ...] = ()

    @property
    def text(self) -> str:
        """All digits, with leading zeros."""
        return "".join(str(digit.result) for digit in self.digits)

    @property
    def box(self) -> Box:
        """The box around the digits, in pixels of the picture."""
        return enclosing_box([digit.box for digit in self.digits])


@dataclass(frozen=True)
class Reading:
    """The digits in a picture, in reading order: line by line, from left to right.

    lines: empty for a picture that is blank or crowded.
    is_crowded: whether the picture has too many components to be read.
    min_digit_height: in pixels of a large picture without digits: lower ones are not found in it. Else 0.
    page: of the picture's file, from 1.
    pages: the number of pages in the file.
    """

    lines: tuple[TextLine, ...]
    is_crowded: bool = False
    min_digit_height: int = 0
    page: int = 1
    pages: int = 1

    @property
    def digits(self) -> tuple[Digit, ...]:
        """The digits of all lines."""
        return tuple(digit for line in self.lines for digit in line.digits)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks of all lines."""
        return tuple(mark for line in self.lines for mark in line.marks)

    @property
    def text(self) -> str:
        """All digits, with leading zeros."""
        return "".join(line.text for line in self.lines)

    @property
    def result(self) -> int | None:
        """The integer that `text` denotes; None without digits and beyond MAX_RESULT_DIGITS."""
        return int(self.text) if 1 <= len(self.digits) <= MAX_RESULT_DIGITS else None

    @property
    def probability(self) -> float:
        """The probability that the whole `text` is right; 0 without digits."""
        return math.prod(line.probability for line in self.lines) if self.lines else 0.0

    @property
    def certain(self) -> bool:
        """Whether the reading needs no check by a person.

        It needs one where a mark stands inside a number, as in 3.14, or a character anywhere, as in B7.
        """
        is_whole = not any(mark.is_inside or mark.symbol is None for mark in self.marks)
        return is_whole and self.probability >= CONFIDENCE_THRESHOLD

    @property
    def error(self) -> UserError | None:
        """The error to show to the user, with code "blank" or "crowded"; None if there are digits."""
        if self.digits:
            return None
        place = "in the picture" if self.pages == 1 else f"on page {self.page} of {self.pages}"
        if self.is_crowded:
            return UserError(
                f"There are more than {MAX_COMPONENTS} separate marks {place}: "
                "send the part of it that shows the number.",
                "crowded",
            )
        message = f"Nothing is written {place}: draw or photograph a digit."
        if self.min_digit_height:
            message += f" If there is one less than {self.min_digit_height} pixels high, send the part that shows it."
        return UserError(message, "blank")


@dataclass(frozen=True)
class DigitTrace:
    """How one digit was read.

    box: of the digit, in pixels of the normalized digit; it may begin before 0.
    to_picture: transform from pixels of the normalized digit to pixels of the picture.
    """

    box: Box
    to_picture: AxisTransform


@dataclass(frozen=True)
class Trace:
    """A reading and how it came about.

    foreground: the foreground that was read; None where nothing stands out from the background.
    to_picture: transform from pixels of the foreground to pixels of the picture.
    digits: the trace of each digit of `reading`.
    """

    reading: Reading
    foreground: Foreground | None
    to_picture: AxisTransform
    digits: tuple[DigitTrace, ...] = ()
