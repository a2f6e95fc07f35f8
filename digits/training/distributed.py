"""Several processes that train one network together: `torchrun --nproc-per-node N train.py`.

torchrun starts them and says in the environment which one each is: its *rank*. Each works on its share
of every batch; DistributedDataParallel averages their gradients, so all take the same step.
Source: Li et al. 2020, arXiv 2006.15704.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.nn.functional import all_reduce  # unlike dist.all_reduce, gradients pass through it
from torch.nn.parallel import DistributedDataParallel

from digits import UserError

# While the first process asks teachers, the others wait; if one fails, torchrun ends all.
TIMEOUT = timedelta(hours=12)


@dataclass(frozen=True)
class DistributedContext:
    """This process among those that train: `rank` of `world_size`, on `device`."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main_process(self) -> bool:
        """Whether it is this process that prints and writes."""
        return self.rank == 0

    @property
    def disable_progress(self) -> bool | None:
        """What tqdm's `disable` wants: None shows a bar where there is a terminal."""
        return None if self.is_main_process else True

    def print0(self, message: str) -> None:
        if self.is_main_process:
            print(message, flush=True)

    def barrier(self) -> None:
        """Until all processes are here."""
        if self.world_size > 1:
            dist.barrier()

    def broadcast(self, value: Any) -> Any:
        """What `value` is in the first process, in all of them."""
        if self.world_size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, device=self.device)
        return box[0]

    def shard(self, whole: torch.Tensor) -> torch.Tensor:
        """This process's part of a batch: every `world_size`-th row."""
        return whole[self.rank :: self.world_size]

    def wrap(self, model: torch.nn.Module) -> torch.nn.Module:
        """`model`, so that its batches are those of all processes and gradients become their mean."""
        if self.world_size == 1:
            return model
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.__class__ = SyncBatchNorm  # PyTorch's SyncBatchNorm does not run on CPUs
        return DistributedDataParallel(model)

    def all_reduce(self, numbers: torch.Tensor) -> torch.Tensor:
        """The sum of `numbers` over all processes, in place."""
        if self.world_size > 1:
            dist.all_reduce(numbers)
        return numbers


class SyncBatchNorm(torch.nn.BatchNorm2d):
    """Batch normalisation by the mean and variance of a batch that several processes share."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        axes = (0, 2, 3)
        sums = torch.cat([x.sum(axes), x.square().sum(axes), x.new_tensor([x.numel() / x.shape[1]])])
        *sums, count = all_reduce(sums).split([x.shape[1], x.shape[1], 1])
        mean = sums[0] / count
        variance = (sums[1] / count - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        factor = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul((self.bias - mean * factor)[:, None, None], x, factor[:, None, None])


@contextmanager
def init_distributed(device: torch.device) -> Iterator[DistributedContext]:
    """Meet the other processes that torchrun started; without torchrun this process is all there is.

    On CUDA each process takes the GPU of its number on its machine and they talk over NCCL, else over Gloo.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield DistributedContext(0, 1, device)
        return
    if device.type == "cuda":
        number, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if number >= there:
            raise UserError(f"--nproc-per-node must be at most {there} here, one process a GPU; or use --device cpu.")
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield DistributedContext(dist.get_rank(), count, device)
    finally:
        dist.destroy_process_group()


@contextmanager
def main_process_first(context: DistributedContext) -> Iterator[None]:
    """One process of each machine does what is inside (fetch files, say) before the others do."""
    first_here = int(os.environ.get("LOCAL_RANK", "0")) == 0
    if not first_here:
        context.barrier()
    yield
    if first_here:
        context.barrier()
