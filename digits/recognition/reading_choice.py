"""Whether a later reading of a picture, from another foreground hypothesis, is to be believed rather than the first."""

from digits.recognition.results import CONFIDENCE_THRESHOLD, Reading
from digits.recognition.slashed_zeros import looks_like_slashed_zero

# How many times higher the odds must be that the reading of a later foreground hypothesis is right. With a ratio of the
# probabilities of 1, 17 of MNIST's training images 40,000 to 49,999 were read differently as PNGs than as tensors,
# because paler strokes are lost; with 2 it was 3. Of 70 sheets on a table, 87 % were read with a ratio of probabilities
# of 2, 97 % with one of odds: calibrated probabilities of a wrong reading may be above a half.
REPLACEMENT_ODDS_RATIO = 2.0


def may_replace(first: Reading, later: Reading) -> bool:
    """Whether the reading of a later foreground hypothesis may replace that of the first one.

    It may if it has the same text, or a more probable one. It may never replace a certain one, nor, with fewer marks,
    one of which only the marks are doubtful: the point of 3.14 is pale. Nor may it replace a zero with a stroke through
    it by more digits: relative to the local background, its two halves were read as 11, with certainty.
    """
    if not first.digits:
        return True
    if first.text == later.text:
        return first.probability < CONFIDENCE_THRESHOLD or len(later.marks) >= len(first.marks)
    if first.certain:
        return False
    if len(later.digits) > len(first.digits) and not may_have_more_digits(first):
        return False
    return _odds(later.probability) > REPLACEMENT_ODDS_RATIO * _odds(first.probability)


def may_have_more_digits(reading: Reading) -> bool:
    """Whether none of the digits is a zero with a stroke through it, whose halves may be read as two digits."""
    return not any(looks_like_slashed_zero(digit.pixels) for digit in reading.digits)


def has_lost_digits(first: Reading, later: Reading) -> bool:
    """Whether the text of a later foreground hypothesis is a part of that of the first one: pale strokes are lost."""
    return len(later.digits) < len(first.digits) and later.text in first.text


def _odds(probability: float) -> float:
    return probability / max(1 - probability, 1e-9)
