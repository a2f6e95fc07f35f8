"""The dependency order of the packages: each imports from its own package and from earlier rows only."""

LAYERS = (
    ("digits.errors",),  # and what `digits` exports of it
    ("digits.device", "digits.files", "digits.im2col", "digits.probabilities"),
    ("digits.config", "digits.state_dicts"),
    ("digits.recognition",),
    ("digits.data",),  # restyled digits and outliers are normalized by the recognizer's code
    ("digits.metrics",),
    ("digits.training", "digits.explain"),
    ("digits.serving",),
    ("model",),  # after digits, which never imports it: a network is handed in
    ("train", "test", "app"),
    ("bench",),
    ("scripts",),
    ("tests",),
)
