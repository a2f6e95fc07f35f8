"""Weights averaged over many steps read better than those of the last one.

Source: Polyak & Juditsky 1992.
"""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def following(model: nn.Module, reach: float) -> AveragedModel:
    """A copy of `model` whose weights are an exponential average over about its last `reach` steps.

    At first it reaches less far, or it would remember the random weights of the start for long.
    """

    def follow(averages: list[Tensor], weights: list[Tensor], seen: Tensor) -> None:
        torch._foreach_lerp_(averages, weights, 1 / max(1.0, min(reach, int(seen) / 5)))

    return AveragedModel(model, multi_avg_fn=follow)
