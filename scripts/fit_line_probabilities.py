"""Fit the weights by which the opinions on a text line become probabilities (digits/recognition/line_probabilities.py).

    python -m scripts.fit_line_probabilities

The lines are those of the pictures of bench.numbers with another seed, of validation digits and of letters and signs,
on which no network was trained. Prints the weights, and how often texts of some probability are right.
"""

import argparse
from typing import NamedTuple

import cv2
import torch
import torch.nn.functional as F
from tqdm import tqdm

import model
from bench.numbers import draw_pictures, load_sources
from digits.metrics import calibration_bins
from digits.recognition import image_decoding
from digits.recognition.line_decision import Graph, Proposals, TextLineReader
from digits.recognition.line_probabilities import MIN_OPINION, OPINION_WEIGHTS, Opinions, OpinionWeights
from digits.recognition.line_reader import LineReading
from digits.recognition.line_symbols import DIGITS
from digits.recognition.reader import Reader

SEED = 42  # another one than that of bench.numbers
MAX_TEXTS = 5  # proposed for a line: one by the graph, one by each view
ABSENT = -1e4  # logit of a text that was not proposed
L2 = 1e-4  # keeps weights finite where an opinion says nothing


class Example(NamedTuple):
    """The opinions on a line, and which of the proposed texts is right; MAX_TEXTS if none is."""

    opinions: list[Opinions]
    symbol_count: int
    target: int


class RecordingLineReader(TextLineReader):
    """Keeps what was proposed for the lines of a picture: of its most probable foreground first."""

    proposals: list[tuple[Proposals, int]]

    def propose(self, graph: Graph, reading: LineReading) -> Proposals:
        proposals = super().propose(graph, reading)
        self.proposals.append((proposals, len(reading.indices)))
        return proposals


def collect_examples(mirrors: list[str], count: int) -> list[Example]:
    """Read `count` pictures, and take the first line of each."""
    reader = Reader(model.load())
    recorder = reader.line_reader = RecordingLineReader(reader.classifier, model.load_line_reader())
    examples = []
    for picture in tqdm(
        draw_pictures(load_sources(mirrors), count, SEED), "pictures", count, leave=False, disable=None
    ):
        recorder.proposals = []
        reader.read(image_decoding.decode(picture.content))
        if recorder.proposals:
            proposals, symbol_count = recorder.proposals[0]
            digits = ["".join(DIGITS[symbol] for symbol in text if symbol < len(DIGITS)) for text in proposals.texts]
            is_right = bool(picture.text) and picture.text in digits
            target = digits.index(picture.text) if is_right else MAX_TEXTS
            examples.append(Example(proposals.opinions, symbol_count, target))
    return examples


def fit(examples: list[Example]) -> tuple[OpinionWeights, torch.Tensor]:
    """Fit the weights by maximum likelihood. Returns: these, and the probabilities (N, MAX_TEXTS + 1)."""
    features = torch.zeros(len(examples), MAX_TEXTS, 4, dtype=torch.double)
    is_proposed = torch.zeros(len(examples), MAX_TEXTS, dtype=torch.bool)
    for row, example in enumerate(examples):
        for column, opinions in enumerate(example.opinions):
            features[row, column] = torch.tensor(opinions).clamp(min=MIN_OPINION)
            is_proposed[row, column] = True
    counts = torch.tensor([example.symbol_count for example in examples]).double()
    targets = torch.tensor([example.target for example in examples])
    weights = torch.tensor(OPINION_WEIGHTS, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def logits() -> torch.Tensor:
        proposed = (features @ weights[:4]).masked_fill(~is_proposed, ABSENT)
        return torch.cat([proposed, (weights[4] + weights[5] * counts)[:, None]], 1)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(logits(), targets) + L2 * weights.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return OpinionWeights(*weights.tolist()), logits().softmax(1).detach()


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    examples = collect_examples(args.writers, args.count)
    weights, probabilities = fit(examples)
    confidences, texts = probabilities[:, :MAX_TEXTS].max(1)
    is_right = texts == torch.tensor([example.target for example in examples])
    print(f"{len(examples)} lines, {100 * is_right.double().mean():.1f} % right")
    for name, value in weights._asdict().items():
        print(f"{name:17} {value:.3f}")
    bins, error = calibration_bins(confidences, is_right)
    for predicted, observed, count in bins:
        print(f"predicted {predicted:.3f}  right {observed:.3f}  of {count}")
    print(f"calibration error {error:.2f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2_000, help="pictures (default: %(default)s)")
    parser.add_argument("--writers", action="append", default=[], metavar="URL_OR_DIR", help="has QMNIST's label files")
    main(parser.parse_args())
