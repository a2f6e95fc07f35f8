"""The symbols that the line reader recognizes: digits, the marks that stand in numbers, and all other characters."""

DIGITS = "0123456789"
MARKS = ".,-/:+"  # decimal point, comma, minus or dash, slash, colon, plus
OTHER = "?"  # a letter, or another sign
SYMBOLS = DIGITS + MARKS + OTHER  # in the order of the network's outputs; the blank of CTC follows
