"""`digits.data.random_batch`: random numbers for a batch, from one explicit generator."""

import torch

from digits.data.random_batch import RandomBatch


def test_numbers_have_the_shape_and_range_that_are_asked_for(generator):
    rng = RandomBatch(500, generator)
    uniform, integers = rng.uniform(-2, 3, 4), rng.integers(1, 3)
    assert uniform.shape == (500, 4)
    assert -2 <= uniform.min() < -1.9 < 2.9 < uniform.max() < 3
    assert integers.shape == (500,)
    assert integers.unique().tolist() == [1, 2, 3]
    assert 1.8 < rng.normal(2.0, 20).std() < 2.2
    assert 0.2 < rng.chance(0.25, 20).float().mean() < 0.3


def test_subset_continues_with_the_same_generator():
    rng, other = (RandomBatch(3, torch.Generator().manual_seed(1)) for _ in range(2))
    first, second = rng.uniform(0, 1), rng.subset(2).uniform(0, 1)
    assert torch.equal(other.uniform(0, 1), first)
    assert second.shape == (2,)
    assert not torch.equal(second, first[:2])
    assert torch.equal(rng.normal(1.0), torch.randn(3, generator=_skipped(5)))


def _skipped(count: int) -> torch.Generator:
    """A generator that has drawn `count` numbers as 3 and then 2."""
    generator = torch.Generator().manual_seed(1)
    torch.rand(3, generator=generator)
    torch.rand(count - 3, generator=generator)
    return generator
