"""Training stops when its numbers go wrong, and says where that was."""

import math

import torch

from digits import UserError


def total(losses: torch.Tensor, rates: list[float], epoch: int, last: int, lr: float) -> float:
    """The sum of `losses` (N,), those of the batches up to number `last` of `epoch`, made at `rates`.

    A GPU is asked for many at once, so that it need not wait for each.
    Errors: UserError naming the first that is NaN or infinite.
    """
    for number, (loss, rate) in enumerate(zip(losses.tolist(), rates, strict=True), last + 1 - len(losses)):
        if not math.isfinite(loss):
            raise diverged(f"The loss is {loss}", epoch, number, rate, lr)
    return losses.sum().item()


def check(model: torch.nn.Module, epoch: int, last: int, rate: float, lr: float) -> None:
    """A loss is that of before a step: look at what the last step made of the weights.

    Errors: UserError when one of them is NaN or infinite.
    """
    if not all(weights.isfinite().all() for weights in model.parameters()):
        raise diverged("Weights are no longer finite", epoch, last, rate, lr)


def diverged(what: str, epoch: int, batch: int, rate: float, lr: float) -> UserError:
    return UserError(
        f"{what} in epoch {epoch}, batch {batch}, at learning rate {rate:.3g}, so training stopped; "
        f"the weights saved before are untouched. Try a lower --lr than {lr:g}.",
        "diverged",
    )
