"""Training stops when its numbers go wrong, and says where that was."""

import math
from typing import Any

import torch

from digits import UserError


def sum_checked(losses: torch.Tensor, heights: list[float], epoch: int, last: int, settings: Any) -> float:
    """The sum of `losses` (N,), those of the batches up to number `last` of `epoch`.

    `heights` are the learning rates of these batches, as shares of the highest, which are `settings.lr` and
    `settings.lr_rest`. A GPU is asked for many losses at once, so that it need not wait for each.
    Errors: UserError naming the first that is NaN or infinite.
    """
    for number, (loss, height) in enumerate(zip(losses.tolist(), heights, strict=True), last + 1 - len(losses)):
        if not math.isfinite(loss):
            raise divergence_error(f"The loss is {loss}", epoch, number, height, settings)
    return losses.sum().item()


def check_weights(model: torch.nn.Module, epoch: int, last: int, height: float, settings: Any) -> None:
    """A loss is that of before a step: look at what the last step made of the weights.

    Errors: UserError when one of them is NaN or infinite.
    """
    if not all(weights.isfinite().all() for weights in model.parameters()):
        raise divergence_error("Weights are no longer finite", epoch, last, height, settings)


def divergence_error(what: str, epoch: int, batch: int, height: float, settings: Any) -> UserError:
    lr, rest = settings.lr, settings.lr_rest
    return UserError(
        f"{what} in epoch {epoch}, batch {batch}, at learning rates {lr * height:.3g} (--lr) and "
        f"{rest * height:.3g} (--lr-rest), so training stopped; the weights saved before are untouched. "
        f"Try lower ones than --lr {lr:g} --lr-rest {rest:g}.",
        "diverged",
    )
