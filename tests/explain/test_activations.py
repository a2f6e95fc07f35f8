"""`digits.explain.activations`: the outputs of the layers, and the center of mass in the frame."""

from pathlib import Path

import numpy as np

from digits.explain.activations import center_of_mass, layer_outputs
from digits.recognition import image_decoding


def test_last_layer_output_is_the_logits_of_the_digit(reader, network):
    (digit,) = reader.read(image_decoding.decode(Path("input/test-7.png"))).digits
    outputs = layer_outputs(digit.pixels, network)
    assert list(outputs) == ["conv1", "conv2", "fc1", "fc2"]
    assert outputs["fc2"].shape == (10,)
    assert outputs["fc2"].argmax() == 7
    assert not outputs["fc2"].requires_grad


def test_center_of_mass_is_in_pixels_of_the_frame():
    pixels = np.zeros((28, 28), np.uint8)
    pixels[3, 10] = pixels[3, 12] = 255
    assert center_of_mass(pixels) == (11.5, 3.5)
