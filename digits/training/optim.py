"""Optimizers, learning rate schedule, moving average (EMA) of the weights, and the check for divergence.

Muon is an optimizer that changes a layer's weight matrix equally far in all directions. The gradient of a weight
matrix is dominated by few directions, so plain steps learn little in the others. Muon replaces the momentum of each
matrix by the nearest (semi-)orthogonal matrix, all of whose singular values are equal. Its gain on MNIST stands in
docs/results.md, Ablations. torch.optim.Muon takes no convolutions, which do most of this network's work.

Sources: Keller Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
https://kellerjordan.github.io/posts/muon/; averaging: Polyak & Juditsky 1992.
"""

import importlib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from digits import UserError

MOMENTUM = 0.9  # 0.8 was as accurate, 0.95 worse by 0.1 points on the validation split, after half an epoch
# Coefficients a, b, c of the polynomial a s + b s³ + c s⁵, applied repeatedly to the singular values: the source's,
# chosen to be steep at 0.
NEWTON_SCHULZ_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 3  # the source takes 5; 4 were no more accurate here, 2 worse by 0.06 points
FINITE_CHECK_INTERVAL = 50  # training steps; each check waits for the GPU


def import_compiler() -> None:
    """Import what PyTorch else imports with the first optimizer: it takes a second, which is not training.

    Raises: UserError: when there is no folder for temporary files.
    """
    try:
        importlib.import_module("torch._dynamo")
    except FileNotFoundError:
        hint = "mount one at /tmp, or name one in TMPDIR."
        raise UserError(f"PyTorch needs a folder for temporary files: {hint}") from None


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonalized updates, for weights of two and more dimensions, of which the first is the output.

    The last layer and all biases need another optimizer, for example AdamW (the source explains why).

    lr: about the change of the spectral norm of a layer's weights in one step.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:  # ty: ignore[incompatible-method-override] # no closure: no loss is evaluated again
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                momentum = state["momentum_buffer"].mul_(MOMENTUM).add_(weight.grad)
                nesterov_update = weight.grad + MOMENTUM * momentum
                update = orthogonalize(nesterov_update.flatten(1)).reshape(weight.shape)
                weight.add_(update, alpha=-group["lr"])


def orthogonalize(matrix: Tensor) -> Tensor:
    """Approximate the (semi-)orthogonal matrix nearest to `matrix` (R, C) by Newton-Schulz iteration.

    Singular values come to between 0.4 and 1.3; those below 1 % of the matrix's norm grow at most 40-fold and may stay
    below. The iteration consists of matrix products only, so it is fast on CPUs and GPUs.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T  # (r, c), r ≤ c
    wide = wide / (wide.norm() + 1e-7)  # all singular values at most 1
    a, b, c = NEWTON_SCHULZ_COEFFICIENTS
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = wide @ wide.T  # (r, r)
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide if wide.shape == matrix.shape else wide.T


def build_optimizers(
    network: nn.Module, lr: float, adamw_lr: float, weight_decay: float
) -> tuple[Muon, torch.optim.AdamW]:
    """Give the weights of all layers but the last to Muon, the last layer and the biases to AdamW."""
    *hidden, last = (weight for weight in network.parameters() if weight.ndim > 1)
    rest = [last, *(bias for bias in network.parameters() if bias.ndim == 1 and bias.requires_grad)]
    adamw = torch.optim.AdamW(rest, adamw_lr, weight_decay=weight_decay, fused=last.device.type != "mps")
    return Muon([{"params": hidden}], lr), adamw  # a group may be empty, as softmax regression has no hidden layer


def steps_per_epoch(image_count: int, batch_size: int) -> int:
    """Number of batches. A final batch of one is dropped: batch normalization needs at least two samples."""
    return max(1, math.ceil((image_count - 1) / batch_size))


def lr_schedule(step: int, total_steps: int, warmup: float) -> float:
    """Learning rate at `step` (1 … total_steps), relative to its peak: linear warmup, then linear decay.

    A short form of Smith's one-cycle policy (2018, arXiv 1803.09820).
    """
    return min(step / max(1, warmup * total_steps), (total_steps + 1 - step) / (total_steps * (1 - warmup)), 1.0)


def check_finite(
    losses: Tensor, network: nn.Module, epoch: int, scales: Sequence[float], lr: float, adamw_lr: float
) -> None:
    """Check the losses and the weights, in which NaN and infinity stay once they have appeared.

    losses: of the steps of `epoch`; those still to come are 0.
    scales: learning rates in the steps so far, relative to their peaks `lr` and `adamw_lr`.

    Raises: UserError when a number is not finite; the message names the first such step and its learning rates.
    """
    bad_steps = (~losses.isfinite()).nonzero()
    if len(bad_steps):
        step = int(bad_steps[0]) + 1
        problem = f"The loss is {losses[step - 1].item()}"
    elif not all(weight.isfinite().all() for weight in network.parameters()):
        step = len(scales)
        problem = "Weights are not finite"
    else:
        return
    scale = scales[step - 1]
    raise UserError(
        f"{problem} in epoch {epoch}, step {step}, at learning rates {lr * scale:.3g} (Muon) and "
        f"{adamw_lr * scale:.3g} (AdamW): training stopped, the weights saved before are unchanged. "
        f"Start again with a lower --lr (now {lr:g}) or --adamw-lr (now {adamw_lr:g})."
    )


def ema_model(network: nn.Module, window: float) -> AveragedModel:
    """Copy `network` into an exponential moving average of its weights over about the last `window` steps.

    The weights of a single step are noisy. In the first 5 × `window` steps the average covers only a fifth of the steps
    so far, else it would keep a share of the random initial weights for long.
    """

    def update(averages: Sequence[Tensor], weights: Sequence[Tensor], step_count: Tensor | int) -> None:
        count = torch.as_tensor(step_count)  # AveragedModel's is a tensor: to read its value would stall a GPU
        rate = 1 / (count / 5).clamp(max=window).clamp(min=1)
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, rate)

    return AveragedModel(network, multi_avg_fn=update)
