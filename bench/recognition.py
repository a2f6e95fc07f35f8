"""Measure accuracy and time of reading the 10,000 test images as PNG files, and compare with the same as tensors.

    python -m bench.recognition

One picture at a time on one thread, from the bytes of the file to the reading; the time is the median of several rounds
after a warm-up. The last line is one JSON object.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence

import cv2
import torch

import model
from bench.results import print_environment, print_json
from bench.sample_images import encode_image
from digits import UserError, metrics
from digits.data import mnist
from digits.probabilities import class_probabilities, predict_logits
from digits.recognition import image_decoding
from digits.recognition.reader import Reader
from digits.recognition.results import CONFIDENCE_THRESHOLD

ROUNDS = 5
TIMED_FILES = 1_000  # in each round


def measure(network: torch.nn.Module) -> dict[str, float]:
    """Measure on the test images: accuracies, calibration error and certain readings in percent, time in ms."""
    reader, test = Reader(network, line_network=model.load_line_reader()), mnist.load("test")
    files = [encode_image(image[0].numpy()) for image in test.images]
    milliseconds = time_readings(reader, files[:TIMED_FILES])
    readings = [reader.read(image_decoding.decode(content)) for content in files]
    correct = [reading.text == str(label) for reading, label in zip(readings, test.labels.tolist(), strict=True)]
    probabilities = torch.tensor([reading.probability for reading in readings])
    figures = {
        "png_accuracy": 100 * sum(correct) / len(correct),
        "tensor_accuracy": metrics.accuracy(network, test),
        "ece": metrics.calibration_bins(probabilities, torch.tensor(correct))[1],
        "certain": 100 * sum(reading.certain for reading in readings) / len(readings),
        "png_ms": statistics.median(milliseconds),
        "png_ms_spread": max(milliseconds) - min(milliseconds),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def time_readings(reader: Reader, files: Sequence[bytes]) -> list[float]:
    """Measure the time from bytes to reading, in milliseconds per file: one value per round, after a warm-up round."""
    milliseconds = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        for content in files:
            reader.read(image_decoding.decode(content))
        milliseconds.append(1000 * (time.perf_counter() - start) / len(files))
    return milliseconds[1:]


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = model.load(args.weights)
    figures = measure(network)
    print_environment()
    print("10,000 test images: {png_accuracy:.2f} % as PNG files, {tensor_accuracy:.2f} % as tensors".format(**figures))
    print("calibration error (ECE): {ece:.2f} %; certain readings: {certain:.1f} %".format(**figures))
    print("a 28x28 PNG file: {png_ms:.2f} ms, spread {png_ms_spread:.2f} ms, of {0} rounds".format(ROUNDS, **figures))
    validation = mnist.load("train")[-mnist.VALIDATION_SIZE :]
    probabilities, predictions = class_probabilities(predict_logits(network, validation.images)).max(1)
    is_uncertain, is_misread = probabilities < CONFIDENCE_THRESHOLD, predictions != validation.labels
    print(
        f"validation: {100 * is_uncertain.double().mean():.1f} % below {CONFIDENCE_THRESHOLD}, "
        f"{(is_uncertain & is_misread).sum()} of the {is_misread.sum()} misread among them"
    )
    print_json("recognition", figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
