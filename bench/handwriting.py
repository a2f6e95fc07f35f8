"""Measure how well people's handwriting is read: score a folder of pictures, yours too.

    python -m bench.handwriting FOLDER [--peers]

FOLDER has `single/`, `multi/` and `reject/`, with pictures named LABEL_WHO_NUMBER.png (or .jpg …). In `single` and
`multi` the label is the digits in reading order (`7_anna_1.png`, `2026_ben_3.jpg`); in `reject` it names the non-digit
(`letterA_anna_1.png`), and begins with `blank` where nothing is written. With --peers, RapidOCR and Tesseract read the
same pictures (bench/peers.py). The last line is one JSON object.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

import model
from bench import peers, recognition
from bench.peers import Peer
from bench.results import print_json
from bench.sample_images import encode_image
from digits import UserError, metrics
from digits.data import synthetic
from digits.recognition import image_decoding
from digits.recognition.formats import SUFFIXES
from digits.recognition.reader import Reader

PHOTO_SIZE = (4032, 3024)  # pixels: 12 megapixels, as phones take them


@dataclass(frozen=True)
class Outcome:
    """The reading of one picture; `text` is None if there is none."""

    path: Path
    label: str
    text: str | None
    probability: float
    certain: bool
    is_blank: bool

    @property
    def is_correct(self) -> bool:
        return self.text == self.label


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures in `folder`, in the order of their names."""
    return [path for path in sorted(folder.glob("*")) if path.suffix.lower() in SUFFIXES]


def read_folder(reader: Reader, folder: Path) -> list[Outcome]:
    """Read all pictures of `folder`."""
    return [read_file(reader, path) for path in list_pictures(folder)]


def read_file(reader: Reader, path: Path) -> Outcome:
    label = path.stem.split("_")[0]
    try:
        reading = reader.read(image_decoding.decode(path))
    except UserError:
        return Outcome(path, label, None, 0.0, False, False)
    text = None if reading.error else reading.text
    is_blank = reading.error is not None and reading.error.code == "blank"
    return Outcome(path, label, text, reading.probability, reading.certain, is_blank)


def auroc(positive: list[float], negative: list[float]) -> float:
    """The probability that a random one of `positive` exceeds a random one of `negative`; ties count half."""
    pairs = len(positive) * len(negative)
    return sum((p > n) + (p == n) / 2 for p in positive for n in negative) / pairs if pairs else float("nan")


def calibration_error(outcomes: list[Outcome]) -> float:
    """The expected calibration error, in percent."""
    probabilities = torch.tensor([outcome.probability for outcome in outcomes])
    return metrics.calibration_bins(probabilities, torch.tensor([outcome.is_correct for outcome in outcomes]))[1]


def draw_photo() -> bytes:
    """Draw a JPEG file of PHOTO_SIZE: a number on paper in uneven light, with noise."""
    generator = torch.Generator().manual_seed(1)
    intensity = np.zeros((756, 1008), np.float32)
    for position, digit in enumerate("2026"):
        strokes = synthetic.digit_strokes(int(digit), generator)
        left = 24 + 240 * position
        intensity[258:498, left : left + 240] = synthetic.rasterize(strokes, 240, 12).numpy()
    light = 1 - 0.4 * np.linspace(0, 1, 1008, dtype=np.float32)
    small = (np.array((222, 216, 204)) * (1 - 0.75 * intensity[..., None]) * light[None, :, None]).astype(np.uint8)
    image = Image.fromarray(small).resize(PHOTO_SIZE, Image.Resampling.BICUBIC)
    noise = np.random.default_rng(1).normal(0, 3, (PHOTO_SIZE[1], PHOTO_SIZE[0], 1))
    return encode_image((np.asarray(image) + noise).clip(0, 255).astype(np.uint8), "JPEG", quality=88)


def print_share(name: str, hits: list[bool], target: str, figures: dict[str, float]) -> None:
    """Print one line of the table and store its figure, in percent."""
    if hits:
        figures[name] = round(100 * sum(hits) / len(hits), 2)
        print(f"{name:42} {sum(hits):4} of {len(hits):4}  {figures[name]:6.2f} %   {target}")


def print_accuracy(single: list[Outcome], multi: list[Outcome], reject: list[Outcome]) -> dict[str, float]:
    """Print the table of accuracy and rejection, then each misread picture. Returns: the figures."""
    blank = [outcome for outcome in reject if outcome.label.startswith("blank")]
    non_digits = [outcome for outcome in reject if not outcome.label.startswith("blank")]
    figures: dict[str, float] = {}
    print(f"{'what':42} {'measured':>25}   target")
    print_share("single digits read right", [o.is_correct for o in single], "99 %", figures)
    print_share("single digits read with certainty", [o.certain for o in single], "97 %", figures)
    print_share("numbers read right", [o.is_correct for o in multi], "11 of 12", figures)
    print_share("blank pictures recognized as blank", [o.is_blank for o in blank], "all", figures)
    print_share("non-digits not read with certainty", [not o.certain for o in non_digits], "80 %", figures)
    outcomes = single + multi + non_digits  # without blank pictures, which are too easy
    correct = [o.probability for o in outcomes if o.is_correct]
    wrong = [o.probability for o in outcomes if not o.is_correct]
    if correct and wrong:
        figures["AUROC"] = round(auroc(correct, wrong), 4)
        print(f"{'probability: right above all else (AUROC)':42} {figures['AUROC']:25.4f}   0.97")
    if single:
        figures["ECE of single digits"] = round(calibration_error(single), 2)
        print(f"{'calibration error (ECE) of single digits':42} {figures['ECE of single digits']:23.2f} %   3 %")
    for outcome in outcomes:
        if outcome.label.isdigit() and not outcome.is_correct:
            print(f"misread: {outcome.path} as {outcome.text} ({outcome.probability:.0%})")
        if not outcome.label.isdigit() and outcome.certain:
            print(f"non-digit read with certainty: {outcome.path} as {outcome.text} ({outcome.probability:.0%})")
    return figures


def print_peers(programs: list[Peer], folder: Path) -> dict[str, float]:
    """Print of each program the shares of `single` and `multi` that it reads right, and its time.

    Returns: the figures.
    """
    figures: dict[str, float] = {}
    for peer in programs:
        single, multi = (peers.measure(peer, list_pictures(folder / name)) for name in ("single", "multi"))
        print_share(f"{peer.name}: single digits", single.correct, "", figures)
        print_share(f"{peer.name}: numbers", multi.correct, "", figures)
        time = figures[f"{peer.name}: ms a picture"] = round(statistics.median(single.ms + multi.ms), 2)
        print(f"{peer.name + ': median time of a picture':42} {time:22.2f} ms", flush=True)
    return figures


def print_mnist(reader: Reader) -> dict[str, float]:
    """Print the accuracy on MNIST and the times, as bench.recognition measures them. Returns: the figures."""
    milliseconds = recognition.time_readings(reader, [draw_photo()])
    median, spread = statistics.median(milliseconds), max(milliseconds) - min(milliseconds)
    print(f"{'a 12-megapixel photo, one thread':42} {f'{median:.0f} ms, spread {spread:.0f} ms':>25}   400 ms")
    figures = {"12-megapixel photo, ms": round(median, 1)}
    try:
        on_mnist = recognition.measure(reader.network)
    except UserError as error:
        print(f"the 10,000 test images: not measured ({error})")
        return figures
    accuracy = "{png_accuracy:.2f} %, {tensor_accuracy:.2f} %".format(**on_mnist)
    print(f"{'MNIST test images as PNG, as tensors':42} {accuracy:>25}   within 0.1")
    print(f"{'their calibration error (ECE)':42} {on_mnist['ece']:23.2f} %   0.5 %")
    time = "{png_ms:.2f} ms, spread {png_ms_spread:.2f}".format(**on_mnist)
    print(f"{'a 28x28 PNG file, one thread':42} {time:>25}   1.5 ms")
    return figures | on_mnist


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader = Reader(model.load(args.weights), line_network=model.load_line_reader())
    programs = [peers.as_peer(reader), *peers.load_peers()] if args.peers else []
    single, multi, reject = (read_folder(reader, args.folder / name) for name in ("single", "multi", "reject"))
    if not single + multi + reject:
        raise UserError(
            f"{args.folder} has no pictures in single/, multi/ or reject/: see the top of bench/handwriting.py."
        )
    figures = print_accuracy(single, multi, reject)
    print_json("handwriting", figures | print_peers(programs, args.folder) | print_mnist(reader))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="has single/, multi/ and reject/, pictures named LABEL_WHO_NUMBER")
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    parser.add_argument("--peers", action="store_true", help="compare with RapidOCR and Tesseract (extra peers)")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(f"bench.handwriting: {error}")
