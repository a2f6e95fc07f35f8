"""How well real handwriting is read: score a folder of pictures, yours too.

    python bench/handwriting.py FOLDER

FOLDER has `single/`, `multi/` and `reject/`, with pictures named LABEL_WHO_NUMBER.png (or .jpg …): in
`single` and `multi` the label is the digits in reading order (`7_anna_1.png`, `2026_ben_3.jpg`), in `reject`
it says what else it is (`letterA_anna_1.png`), and begins with `blank` where nothing is written.
The last line is one JSON object.
"""

import argparse
import io
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # also as `python bench/handwriting.py`

import model
from bench import inference
from digits import UserError, metrics
from digits.data import synthetic
from digits.recognition import decoding
from digits.recognition.decoding import SUFFIXES
from digits.recognition.reader import Reader

ROUNDS = 5


@dataclass(frozen=True)
class Outcome:
    """What was read in one picture; `text` is None where nothing was."""

    path: Path
    label: str
    text: str | None
    probability: float
    certain: bool
    blank: bool

    @property
    def right(self) -> bool:
        return self.text == self.label


def read(reader: Reader, folder: Path) -> list[Outcome]:
    """All pictures of `folder`, in the order of their names."""
    outcomes = []
    for path in sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES):
        label = path.stem.split("_")[0]
        try:
            reading = reader.read(decoding.decode(path))
            if reading.error:
                raise reading.error
            outcomes.append(Outcome(path, label, reading.text, reading.probability, reading.certain, False))
        except UserError as error:
            outcomes.append(Outcome(path, label, None, 0.0, False, error.code == "blank"))
    return outcomes


def auroc(positive: list[float], negative: list[float]) -> float:
    """The chance that a random one of `positive` is above a random one of `negative`; ties count half."""
    pairs = len(positive) * len(negative)
    return sum((p > n) + (p == n) / 2 for p in positive for n in negative) / pairs if pairs else float("nan")


def calibration_error(outcomes: list[Outcome]) -> float:
    """The expected calibration error of what was read, in percent."""
    said = torch.tensor([outcome.probability for outcome in outcomes])
    return metrics.calibration_bins(said, torch.tensor([outcome.right for outcome in outcomes]))[1]


def share(kind: str, hits: list[bool], target: str, figures: dict[str, float]) -> None:
    """Print one line of the table and keep its figure, in percent."""
    if hits:
        figures[kind] = round(100 * sum(hits) / len(hits), 2)
        print(f"{kind:42} {sum(hits):4} of {len(hits):4}  {figures[kind]:6.2f} %   {target}")


def photo(side: tuple[int, int] = (4032, 3024)) -> bytes:
    """A 12-megapixel JPEG of a number on paper in uneven light, made here."""
    random = torch.Generator().manual_seed(1)
    sheet = np.zeros((756, 1008), np.float32)
    for place, digit in enumerate("2026"):
        one = synthetic.rasterize(synthetic.digit_strokes(int(digit), random), 240, 12).numpy()
        sheet[258:498, 24 + 240 * place : 264 + 240 * place] = one
    light = 1 - 0.4 * np.linspace(0, 1, 1008, dtype=np.float32)
    small = (np.array((222, 216, 204)) * (1 - 0.75 * sheet[..., None]) * light[None, :, None]).astype(np.uint8)
    image = Image.fromarray(small).resize(side, Image.Resampling.BICUBIC)
    grain = np.random.default_rng(1).normal(0, 3, (side[1], side[0], 1))
    stream = io.BytesIO()
    Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def milliseconds(reader: Reader, contents: list[bytes], rounds: int = ROUNDS) -> tuple[float, float]:
    """How long one of `contents` takes from bytes to reading: the median of rounds after a first, their spread."""
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        for content in contents:
            reader.read(decoding.decode(content))
        taken.append(1000 * (time.perf_counter() - began) / len(contents))
    return statistics.median(taken[1:]), max(taken[1:]) - min(taken[1:])


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader = Reader(model.load(args.weights))
    single, multi, reject = (read(reader, args.folder / kind) for kind in ("single", "multi", "reject"))
    blank = [outcome for outcome in reject if outcome.label.startswith("blank")]
    other = [outcome for outcome in reject if not outcome.label.startswith("blank")]
    if not single + multi + reject:
        raise UserError(
            f"{args.folder} has no pictures in single/, multi/ or reject/: see the top of bench/handwriting.py."
        )
    figures: dict[str, float] = {}
    print(f"{'what':42} {'measured':>25}   target")
    share("single digits read right", [o.right for o in single], "99 %", figures)
    share("single digits read for certain", [o.certain for o in single], "97 %", figures)
    share("numbers read right", [o.right for o in multi], "11 of 12", figures)
    share("blank pictures said to be blank", [o.blank for o in blank], "all", figures)
    share("what is no digit not read for certain", [not o.certain for o in other], "80 %", figures)
    everything = single + multi + other  # without blank ones, which are too easy
    right, rest = [o.probability for o in everything if o.right], [o.probability for o in everything if not o.right]
    if right and rest:
        figures["AUROC"] = round(auroc(right, rest), 4)
        print(f"{'probability: right above all else (AUROC)':42} {figures['AUROC']:25.4f}   0.97")
    if single:
        figures["ECE of single digits"] = round(calibration_error(single), 2)
        print(f"{'calibration error (ECE) of single digits':42} {figures['ECE of single digits']:23.2f} %   3 %")
    median, spread = milliseconds(reader, [photo()])
    figures["12-megapixel photo, ms"] = round(median, 1)
    print(f"{'a 12-megapixel photo, one thread':42} {f'{median:.0f} ms, spread {spread:.0f} ms':>25}   400 ms")
    for outcome in everything:
        if outcome.label.isdigit() and not outcome.right:
            print(f"misread: {outcome.path} as {outcome.text} ({outcome.probability:.0%})")
        if not outcome.label.isdigit() and outcome.certain:
            print(f"taken for certain: {outcome.path} as {outcome.text} ({outcome.probability:.0%})")
    try:
        on_mnist = inference.measure(reader.model)
    except UserError as error:
        print(f"the 10,000 test images: not measured ({error})")
    else:
        figures |= on_mnist
        accuracy = "{png_accuracy:.2f} %, {tensor_accuracy:.2f} %".format(**on_mnist)
        print(f"{'MNIST test images as PNG, as tensors':42} {accuracy:>25}   within 0.1")
        print(f"{'their calibration error (ECE)':42} {on_mnist['ece']:23.2f} %   0.5 %")
        taken = "{png_ms:.2f} ms, spread {png_ms_spread:.2f}".format(**on_mnist)
        print(f"{'a 28x28 PNG file, one thread':42} {taken:>25}   1.5 ms")
    print(json.dumps({"bench": "pictures"} | figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Score a folder of people's pictures.")
    parser.add_argument("folder", type=Path, help="has single/, multi/ and reject/, pictures named LABEL_WHO_NUMBER")
    parser.add_argument("--weights", default="mnist.pth", help="default: %(default)s")
    try:
        main(parser.parse_args())
    except UserError as error:
        sys.exit(f"bench/handwriting.py: {error}")
