"""`digits.training.line_training`: batches of strings, their loss, and how many are read right."""

import itertools
import math

import pytest
import torch

import model
from digits.data.line_composition import STRING_SIZES, StringBatch
from digits.data.mnist import ImageDataset
from digits.data.splits import DataSplits
from digits.recognition.line_reader import BLANK
from digits.recognition.line_symbols import DIGITS
from digits.training import line_training
from digits.training.distributed import DistributedContext
from digits.training.line_training import (
    compose_batch,
    ctc_loss,
    greedy_decode,
    make_banks,
    process_seed,
    string_accuracy,
)
from tests.helpers.line_strings import small_bank
from tests.helpers.training import LINE_CONSTANTS

CPU = torch.device("cpu")
ALONE = DistributedContext(0, 1, CPU)


@pytest.fixture(scope="module")
def bank():
    return small_bank()


@pytest.fixture
def _small(monkeypatch):
    for constant in LINE_CONSTANTS:
        monkeypatch.setattr(*constant)


def slow_text(classes: list[int]) -> list[int]:
    """The text of a path of classes: repeated classes count once, blanks not at all."""
    return [symbol for symbol, _ in itertools.groupby(classes) if symbol != BLANK]


def test_greedy_texts_are_those_of_the_most_probable_paths(generator):
    classes = torch.tensor([1, 3, BLANK])[torch.randint(3, (50, 12), generator=generator)]
    logits = torch.nn.functional.one_hot(classes, BLANK + 1).float()
    assert greedy_decode(logits) == [slow_text(row) for row in classes.tolist()]
    assert greedy_decode(torch.nn.functional.one_hot(torch.tensor([[BLANK] * 4]), BLANK + 1).float()) == [[]]


def make_batch(*texts: list[int]) -> StringBatch:
    longest = max(map(len, texts))
    symbols = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    return StringBatch(torch.zeros(len(texts), 1, 32, 8), symbols, torch.tensor([len(text) for text in texts]))


def test_loss_is_that_of_all_alignments_per_symbol(generator):
    """Against the sum over all paths through three frames, of classes that occur; the others are impossible."""
    used, texts = [2, 7, BLANK], [[2], [2, 7], [7, 2, 7]]
    logits = torch.full((3, 3, BLANK + 1), -50.0)
    logits[..., used] = torch.randn(3, 3, 3, generator=generator)
    losses = []
    for row, text in zip(logits.log_softmax(2).tolist(), texts, strict=True):
        paths = (path for path in itertools.product(used, repeat=3) if slow_text(path) == text)
        losses.append(-math.log(sum(math.exp(sum(row[t][c] for t, c in enumerate(path))) for path in paths)))
    loss = ctc_loss(logits, make_batch(*texts))
    assert loss.item() == pytest.approx(sum(losses) / 6, rel=1e-4)


def test_string_that_does_not_fit_its_frames_has_no_loss_and_no_gradient():
    logits = torch.zeros(1, 2, BLANK + 1, requires_grad=True)
    loss = ctc_loss(logits, make_batch([1, 2, 3]))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


def test_loss_falls_within_a_few_steps_on_tiny_strings(bank):
    torch.manual_seed(0)
    network = model.build("line", 0, CPU, batch_norm=True)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=2e-3)
    batch = compose_batch(bank, 0, 2, torch.Generator().manual_seed(2), ALONE)
    losses = []
    for _ in range(10):
        loss = ctc_loss(network(batch.images), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_sizes_of_strings_take_turns(bank, generator):
    widths = [compose_batch(bank, step, 2, generator, ALONE).images.shape[3] for step in range(6)]
    assert widths == [sizes.width for sizes in (*STRING_SIZES, STRING_SIZES[0])]


def test_processes_share_the_strings_of_a_batch(bank, generator):
    counts = [
        len(compose_batch(bank, 0, 12, generator, DistributedContext(0, size, CPU)).images) for size in (1, 2, 99)
    ]
    assert counts == [12 * 176 // 96, 12 * 176 // 96 // 2, 1]


def test_each_process_draws_other_strings_in_each_epoch():
    contexts = [DistributedContext(rank, 4, CPU) for rank in (1, 2, 3)]
    seeds = {process_seed(seed, epoch, dist) for seed in (0, 1) for epoch in (1, 2, 3) for dist in contexts}
    assert len(seeds & {0, 1}) == 0  # those of the main process
    for seed in (0, 2**63 - 1):
        own = [process_seed(seed, epoch, dist) for epoch in (1, 2, 3) for dist in contexts]
        assert len(set(own)) == 9
        for value in own:
            torch.Generator().manual_seed(value)  # within its range


class Oracle(torch.nn.Module):
    """Reads the strings that it is told, and a part of them wrong."""

    def __init__(self, batches: list[StringBatch], wrong: int):
        super().__init__()
        self.batches, self.wrong = iter(batches), wrong

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        batch = next(self.batches)
        assert torch.equal(batch.images, images)
        assert not self.training
        logits = torch.zeros(len(images), images.shape[3] // 2, BLANK + 1)
        logits[..., BLANK] = 1
        for row, (text, length) in enumerate(zip(batch.symbols.tolist(), batch.lengths.tolist(), strict=True)):
            for k, symbol in enumerate(text[:length]):
                logits[row, 2 * k, (symbol + (row < self.wrong)) % BLANK] = 2
        return logits


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("wrong", [0, 1, 3])
def test_accuracy_is_the_share_of_strings_that_are_right_as_a_whole(bank, monkeypatch, wrong):
    composed = []
    original = line_training.compose_strings

    def remember(*args):
        composed.append(original(*args))
        return composed[-1]

    monkeypatch.setattr(line_training, "compose_strings", remember)
    string_accuracy(model.LineReader(), bank)
    strings = composed.copy()
    assert len(strings) == len(STRING_SIZES)
    accuracy = string_accuracy(Oracle(strings, wrong).train(), bank)
    assert accuracy == pytest.approx(100 - 100 * wrong / 3)


@pytest.mark.usefixtures("_small")
def test_banks_of_training_validation_and_test_share_no_digit(generator):
    def digits(count: int) -> ImageDataset:
        images = torch.randint(0, 256, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)
        return ImageDataset(images, torch.arange(count) % 10)

    data = DataSplits(digits(30), digits(20), digits(10), "random")
    banks = make_banks(data, ALONE)
    assert {name: bank.digit_count for name, bank in banks.items()} == {"train": 30, "validation": 20, "test": 10}
    glyphs = [image.numpy().tobytes() for bank in banks.values() for image in bank.images[: bank.digit_count]]
    assert len(set(glyphs)) == 60
    for bank in banks.values():
        assert bank.symbols[: bank.digit_count].max() < len(DIGITS)
        assert bank.other_count == line_training.MIN_OTHER_COUNT
    marks = [bank.images[bank.digit_count :][: bank.mark_count] for bank in banks.values()]
    assert not torch.equal(marks[0], marks[1])
