"""Training of the line reader: batches of composed strings, the CTC loss, and how many strings are read right."""

import torch
import torch.nn.functional as F

from digits.data.glyph_bank import GlyphBank, make_glyph_bank
from digits.data.line_composition import STRING_SIZES, StringBatch, batch_size, compose_strings
from digits.data.splits import DataSplits
from digits.recognition.line_reader import BLANK
from digits.training.distributed import DistributedContext

STEPS_PER_EPOCH = 500  # strings are composed without end: an epoch is the time between two validations
LINE_WIDTH = 176  # pixels: `--batch-size` counts lines of this width; a batch of longer ones has fewer
SCORED_BATCHES = 2  # of each size, for the accuracy
SCORED_BATCH_SIZE = 100  # strings: with five sizes, 1,000 in all, so the accuracy has a standard error of 1.4 points
OTHER_FRACTION = 0.05  # other characters than digits, relative to the digits
MIN_OTHER_COUNT = 100  # where there are few digits, as some kinds of characters would be missing
EPOCH_SEED_STEP = 1_000_003  # a prime far above the number of processes: no two get the same seed
BANK_SEED = 11  # of the marks and other characters; the next two for validation and test


def make_banks(data: DataSplits, dist: DistributedContext) -> dict[str, GlyphBank]:
    """Make the glyphs of the training, validation and test strings, which share no digit.

    Returns: by "train", "validation" and "test".
    """
    banks = {}
    for number, (name, digits) in enumerate(
        (("train", data.train), ("validation", data.validation), ("test", data.test))
    ):
        other_count = max(MIN_OTHER_COUNT, round(OTHER_FRACTION * len(digits)))
        banks[name] = make_glyph_bank(digits, other_count, BANK_SEED + number, dist.disable_progress)
    return banks


def process_seed(seed: int, epoch: int, dist: DistributedContext) -> int:
    """Return the seed of the strings that a process other than the main one draws in an `epoch`."""
    return (seed + EPOCH_SEED_STEP * epoch + dist.rank) % 2**63


@torch.no_grad()
def compose_batch(
    bank: GlyphBank, step: int, lines: int, generator: torch.Generator, dist: DistributedContext
) -> StringBatch:
    """Compose this process's share of the batch of a `step`; strings of all sizes take turns.

    lines: the size of the batch over all processes, counted in lines of LINE_WIDTH pixels.
    """
    sizes = STRING_SIZES[step % len(STRING_SIZES)]
    count = max(1, batch_size(sizes, lines * LINE_WIDTH) // dist.world_size)
    return compose_strings(bank, sizes, count, generator)


def ctc_loss(logits: torch.Tensor, batch: StringBatch) -> torch.Tensor:
    """Compute the mean CTC loss per symbol of logits (B, T, 18), a scalar.

    A string that has more symbols than the frames can show counts as 0.
    """
    frames = torch.full_like(batch.lengths, logits.shape[1])
    log_probabilities = logits.float().log_softmax(2).transpose(0, 1)
    losses = F.ctc_loss(log_probabilities, batch.symbols, frames, batch.lengths, BLANK, "none", zero_infinity=True)
    return losses.sum() / batch.lengths.sum()


@torch.no_grad()
def string_accuracy(network: torch.nn.Module, bank: GlyphBank, seed: int = 1) -> float:
    """Compute how many of the strings of all sizes that `seed` gives are read right as a whole, in percent."""
    generator = torch.Generator(bank.device).manual_seed(seed)
    network.eval()
    correct = total = 0
    for sizes in STRING_SIZES:
        for _ in range(SCORED_BATCHES):
            batch = compose_strings(bank, sizes, SCORED_BATCH_SIZE, generator)
            texts = greedy_decode(network(batch.images))
            expected = (symbols[:length] for symbols, length in zip(batch.symbols.tolist(), batch.lengths, strict=True))
            correct += sum(text == symbols for text, symbols in zip(texts, expected, strict=True))
            total += len(texts)
    return 100 * correct / total


def greedy_decode(logits: torch.Tensor) -> list[list[int]]:
    """Read the symbols of the most probable path from logits (B, T, 18): for each string their indices in SYMBOLS."""
    classes = logits.argmax(2)
    is_new = F.pad(classes[:, 1:] != classes[:, :-1], (1, 0), value=True) & (classes != BLANK)
    return [row[new].tolist() for row, new in zip(classes, is_new, strict=True)]
