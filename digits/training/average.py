"""Weights averaged over many steps, as those of a single one are noisy.

Source: Polyak & Juditsky 1992.
"""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def ema_model(model: nn.Module, reach: float) -> AveragedModel:
    """A copy of `model` whose weights are an exponential average over about its last `reach` steps.

    At first it reaches less far, or it would remember the random weights of the start for long.
    """

    def follow(averages: list[Tensor], weights: list[Tensor], seen: Tensor) -> None:
        share = 1 / (seen / 5).clamp(max=reach).clamp(min=1)  # a tensor: to read it would make a GPU wait
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, share)

    return AveragedModel(model, multi_avg_fn=follow)
