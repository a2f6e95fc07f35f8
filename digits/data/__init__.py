"""Digits to train and test on: MNIST, synthetic and restyled digits, non-digits, augmentation."""
