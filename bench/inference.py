"""How well and how fast pictures are read: the 10,000 test images as PNG files against the same as tensors.

One picture at a time on one thread, from the bytes of the file to the reading; the median of
several rounds after a warm-up, and their spread. The last line is one JSON object.
"""

import argparse
import io
import json
import statistics
import sys
import time

import cv2
import torch
from PIL import Image

import model
from digits import UserError, device, metrics
from digits.data import mnist
from digits.probabilities import class_probabilities, predict_logits
from digits.recognition import decoding
from digits.recognition.reader import Reader
from digits.recognition.results import CONFIDENCE_THRESHOLD

ROUNDS = 5


def png_bytes(image: torch.Tensor) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image[0].numpy()).save(stream, "PNG")
    return stream.getvalue()


def measure(network: torch.nn.Module) -> dict[str, float]:
    """Accuracy as PNG files and as tensors, calibration error (percent) and time (milliseconds) on the test images."""
    reader, test = Reader(network), mnist.load("test")
    files = [png_bytes(image) for image in test.images]
    milliseconds = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for content in files[:1000]:
            reader.read(decoding.decode(content))
        milliseconds.append(time.perf_counter() - began)  # of 1000 pictures in s: of one in ms
    milliseconds = sorted(milliseconds[1:])
    readings = [reader.read(decoding.decode(content)) for content in files]
    right = [reading.text == str(label) for reading, label in zip(readings, test.labels.tolist(), strict=True)]
    said = torch.tensor([reading.probability for reading in readings])
    figures = {
        "png_accuracy": 100 * sum(right) / len(right),
        "tensor_accuracy": metrics.accuracy(network, test),
        "ece": metrics.calibration_bins(said, torch.tensor(right))[1],
        "certain": 100 * sum(reading.certain for reading in readings) / len(readings),
        "png_ms": statistics.median(milliseconds),
        "png_ms_spread": milliseconds[-1] - milliseconds[0],
    }
    return {name: round(value, 3) for name, value in figures.items()}


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = model.load(args.weights)
    figures = measure(network)
    environment = device.environment(torch.device("cpu"))
    print("{hardware}; Python {versions[python]}, torch {versions[torch]}".format(**environment))
    print("10,000 test images: {png_accuracy:.2f} % as PNG files, {tensor_accuracy:.2f} % as tensors".format(**figures))
    print("their calibration error (ECE): {ece:.2f} %; read for certain: {certain:.1f} %".format(**figures))
    print("a 28x28 PNG file: {png_ms:.2f} ms, spread {png_ms_spread:.2f} ms, of {0} rounds".format(ROUNDS, **figures))
    known = mnist.load("train")[-mnist.VALIDATION_SIZE :]
    probability, digit = class_probabilities(predict_logits(network, known.images)).max(1)
    doubted, wrong = probability < CONFIDENCE_THRESHOLD, digit != known.labels
    print(
        f"validation: {100 * doubted.double().mean():.1f} % below {CONFIDENCE_THRESHOLD}, "
        f"{(doubted & wrong).sum()} of the {wrong.sum()} misread among them"
    )
    print(json.dumps({"bench": "reading"} | figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Read the MNIST test images from PNG files.")
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(str(error))
