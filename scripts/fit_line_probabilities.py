"""Fit the weights by which the scores on a text line become probabilities (digits/recognition/line_probabilities.py).

    python -m scripts.fit_line_probabilities

The lines are those of the pictures of bench.numbers with another seed, and of pictures of single digits, letters and
signs, on which no network was trained. Prints the weights, and how often texts of some probability are right.
"""

import argparse
import math
from typing import NamedTuple

import cv2
import torch
import torch.nn.functional as F
from tqdm import tqdm

import model
from bench.numbers import LENGTHS, REJECT_FRACTION, Sources, draw_pictures, load_sources
from digits.metrics import calibration_bins
from digits.recognition import image_decoding
from digits.recognition.line_decision import Proposals, TextLineReader
from digits.recognition.line_graph import Graph
from digits.recognition.line_probabilities import SCORE_WEIGHTS, ScoreWeights, TextScores, log_odds
from digits.recognition.line_reader import VIEWS, LineReading
from digits.recognition.line_symbols import DIGITS
from digits.recognition.reader import Reader

SEED = 242  # another one than that of bench.numbers
MAX_TEXTS = 1 + len(VIEWS)  # proposed for a line: one by the graph, one by each view
# The second half of the pictures: most numbers have one digit, and there the classifier decides as well.
SINGLE_LENGTHS = (1, 1, 1, 2)
# From 0.3 to 0.5 the fit is equally good: its cross entropy differs by 0.001. Composed digits are worse than people's,
# of which 95.7 % are certain with 0.35, and 97.0 % with 0.45.
SINGLE_DIGIT_WEIGHT = 0.45
ABSENT = -1e4  # log-odds of a text that was not proposed
L2 = 1e-4  # keeps weights finite where a score says nothing


class Example(NamedTuple):
    """The scores on the texts proposed for a line, and which of these is right; MAX_TEXTS if none is."""

    scores: list[TextScores]
    symbol_count: int
    target: int


class RecordingLineReader(TextLineReader):
    """Keeps what was proposed for the lines of a picture: of its most probable foreground first."""

    proposals: list[tuple[Proposals, int]]

    def propose(self, graph: Graph, reading: LineReading) -> Proposals:
        proposals = super().propose(graph, reading)
        self.proposals.append((proposals, len(reading.indices)))
        return proposals


def collect_examples(
    sources: Sources, count: int, seed: int, lengths: tuple[int, ...], rejects: float
) -> list[Example]:
    """Read `count` pictures, and take the first line of each.

    lengths, rejects: of numbers, and the fraction of letters and signs, as for `draw_pictures`.
    """
    reader = Reader(model.load())
    recorder = reader.line_reader = RecordingLineReader(reader.classifier, model.load_line_reader())
    examples = []
    pictures = draw_pictures(sources, count, seed, lengths, rejects)
    for picture in tqdm(pictures, "pictures", count, leave=False, disable=None):
        recorder.proposals = []
        reader.read(image_decoding.decode(picture.content))
        if recorder.proposals:
            proposals, symbol_count = recorder.proposals[0]
            digits = ["".join(DIGITS[symbol] for symbol in text if symbol < len(DIGITS)) for text in proposals.texts]
            target = digits.index(picture.text) if picture.text in digits else MAX_TEXTS
            examples.append(Example(proposals.scores, symbol_count, target))
    return examples


def fit(examples: list[Example]) -> tuple[ScoreWeights, torch.Tensor]:
    """Fit the weights by maximum likelihood, but for SINGLE_DIGIT_WEIGHT.

    Returns: these, and the probabilities (N, MAX_TEXTS + 1).
    """
    features = torch.zeros(len(examples), MAX_TEXTS, 5, dtype=torch.double)
    is_proposed = torch.zeros(len(examples), MAX_TEXTS, dtype=torch.bool)
    for row, example in enumerate(examples):
        for column, scores in enumerate(example.scores):
            features[row, column] = torch.tensor(score_features(scores))
            is_proposed[row, column] = True
    counts = torch.tensor([example.symbol_count for example in examples]).double()
    targets = torch.tensor([example.target for example in examples])
    free = torch.tensor(SCORE_WEIGHTS, dtype=torch.double)[[0, 1, 2, 3, 4, 6]].requires_grad_()

    def logits() -> torch.Tensor:
        line, uncut, other, other_per_symbol, line_alone, alone = free
        of_features = torch.stack(
            [line, uncut, line_alone, torch.tensor(SINGLE_DIGIT_WEIGHT, dtype=torch.double), alone]
        )
        proposed = (features @ of_features).masked_fill(~is_proposed, ABSENT)
        return torch.cat([proposed, (other + other_per_symbol * counts)[:, None]], 1)

    optimizer = torch.optim.LBFGS([free], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(logits(), targets) + L2 * free.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    line, uncut, other, other_per_symbol, line_alone, alone = free.tolist()
    weights = ScoreWeights(line, uncut, other, other_per_symbol, line_alone, SINGLE_DIGIT_WEIGHT, alone)
    return weights, logits().softmax(1).detach()


def score_features(scores: TextScores) -> tuple[float, float, float, float, float]:
    """Return what the weights `line`, `uncut`, `line_alone`, `digit_alone` and `alone` multiply."""
    line = log_odds(scores.line)
    if scores.digit is None:
        return line, scores.uncut, 0.0, 0.0, 0.0
    return 0.0, 0.0, line, log_odds(math.log(max(scores.digit, 1e-9))), 1.0


def main(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    sources = load_sources(args.writers)
    examples = collect_examples(sources, args.count // 2, SEED, LENGTHS, REJECT_FRACTION)
    examples += collect_examples(sources, args.count - args.count // 2, SEED + 1, SINGLE_LENGTHS, REJECT_FRACTION)
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
