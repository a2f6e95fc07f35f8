"""`digits.data.fonts`: characters of many scripts that do not look like digits."""

import unicodedata

import numpy as np
import pytest

from digits.data import fonts


@pytest.mark.parametrize("font", fonts.REPERTOIRES)
def test_repertoire_has_many_characters_but_no_numbers(font):
    characters = fonts.repertoire(font)
    assert len(characters) > 700
    assert not any(unicodedata.category(character).startswith("N") for character in characters)
    assert not set(characters) & set("0123456789" + fonts.DIGIT_LIKE_CHARACTERS + fonts.SKIPPED_CHARACTERS)


@pytest.mark.parametrize(
    "character", ["\N{GREEK SMALL LETTER OMICRON}", "\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}", "."]
)
def test_characters_shaped_like_digits_and_dots_look_like_digits(character):
    assert fonts.looks_like_digit(character, "DejaVuSans")


@pytest.mark.parametrize(
    "character", "\N{CYRILLIC CAPITAL LETTER ZHE}\N{HEBREW LETTER SHIN}\N{GREEK SMALL LETTER OMEGA}WK"
)
def test_other_characters_do_not_look_like_digits(character):
    assert not fonts.looks_like_digit(character, "DejaVuSans")


@pytest.mark.parametrize("effect", fonts.EFFECTS)
def test_effects_keep_intensities_in_range_and_change_the_drawing(effect):
    drawing = fonts.crop(fonts.draw_text("R", "DejaVuSans-Bold"))
    changed = effect(np.pad(drawing, 14), np.random.default_rng(1))
    assert 0 <= changed.min() < 0.1
    assert 0.9 < changed.max() <= 1
    assert changed.shape != np.pad(drawing, 14).shape or not np.array_equal(changed, np.pad(drawing, 14))
