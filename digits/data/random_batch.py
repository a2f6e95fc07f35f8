"""Random numbers for a batch: one or several for each of its items, from one explicit generator."""

import torch


class RandomBatch:
    """Draws random numbers for `count` items, on the device of `generator`."""

    def __init__(self, count: int, generator: torch.Generator):
        self.count, self.generator, self.device = count, generator, generator.device

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """Draw from [low, high): (count, *shape)."""
        numbers = torch.rand(self.count, *shape, generator=self.generator, device=self.device)
        return low + (high - low) * numbers

    def normal(self, sigma: float, *shape: int) -> torch.Tensor:
        """Draw from a normal distribution around 0: (count, *shape)."""
        return sigma * torch.randn(self.count, *shape, generator=self.generator, device=self.device)

    def chance(self, probability: float, *shape: int) -> torch.Tensor:
        """Draw booleans that are true with a probability: (count, *shape)."""
        return torch.rand(self.count, *shape, generator=self.generator, device=self.device) < probability

    def integers(self, least: int, most: int) -> torch.Tensor:
        """Draw from least to most, both included: (count,) int64."""
        return torch.randint(least, most + 1, (self.count,), generator=self.generator, device=self.device)

    def subset(self, count: int) -> "RandomBatch":
        """Return a source of random numbers for `count` of the items, from the same generator."""
        return RandomBatch(count, self.generator)
