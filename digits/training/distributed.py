"""Data-parallel training in several processes: `torchrun --nproc-per-node N train.py`.

torchrun starts the processes and numbers them in environment variables: the *rank*. Each computes its shard of every
batch; DistributedDataParallel averages the gradients, so all take the same step (Li et al. 2020, arXiv 2006.15704).
"""

import atexit
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.nn.functional import all_reduce  # unlike dist.all_reduce, gradients pass through it
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from digits import UserError
from digits.device import describe

# The other processes wait while the main process predicts with the teachers; if one fails, torchrun ends all.
TIMEOUT = timedelta(hours=12)

T = TypeVar("T")


@dataclass(frozen=True)
class DistributedContext:
    """This process among those that train: `rank` in 0 … `world_size` - 1, on `device`."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main_process(self) -> bool:
        """Whether this process prints and writes files."""
        return self.rank == 0

    def describe(self) -> str:
        """Describe the hardware and, if there are several, the number of processes."""
        hardware = describe(self.device)
        return hardware if self.world_size == 1 else f"{hardware}, {self.world_size} processes"

    @property
    def disable_progress(self) -> bool | None:
        """The argument `disable` of tqdm; None shows a progress bar on terminals only."""
        return None if self.is_main_process else True

    def progress(self, items: Sequence[T], label: str) -> Iterator[T]:
        """Iterate over `items`, with a progress bar in the main process."""
        return iter(tqdm(items, label, leave=False, disable=self.disable_progress))

    def print0(self, message: str) -> None:
        """Print in the main process."""
        if self.is_main_process:
            print(message, flush=True)

    def barrier(self) -> None:
        """Wait until all processes are here."""
        if self.world_size > 1:
            dist.barrier()

    @contextmanager
    def main_process_first(self) -> Generator[None]:
        """Let one process of each machine run the block before the others do, so that it downloads files once."""
        is_first_here = int(os.environ.get("LOCAL_RANK", "0")) == 0
        if not is_first_here:
            self.barrier()
        yield
        if is_first_here:
            self.barrier()

    def broadcast(self, value: Any) -> Any:
        """Return the main process's `value` in all processes."""
        if self.world_size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, device=self.device)
        return values[0]

    def shard(self, batch: torch.Tensor) -> torch.Tensor:
        """Return this process's rows of a batch: every `world_size`-th."""
        return batch[self.rank :: self.world_size]

    def wrap(self, network: torch.nn.Module) -> torch.nn.Module:
        """Wrap `network` so that all processes share batch statistics, and gradients become their mean."""
        if self.world_size == 1:
            return network
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.__class__ = SyncBatchNorm
        return DistributedDataParallel(network)

    def all_reduce(self, tensor: torch.Tensor) -> torch.Tensor:
        """Sum `tensor` over all processes, in place."""
        if self.world_size > 1:
            dist.all_reduce(tensor)
        return tensor


class SyncBatchNorm(torch.nn.BatchNorm2d):
    """Batch normalization with the statistics of all processes' shards. torch.nn.SyncBatchNorm needs a GPU."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        x = input
        if not self.training:
            return super().forward(x)
        axes = (0, 2, 3)
        sums = torch.cat([x.sum(axes), x.square().sum(axes), x.new_tensor([x.numel() / x.shape[1]])])
        *sums, count = all_reduce(sums).split([x.shape[1], x.shape[1], 1])
        mean = sums[0] / count
        variance = (sums[1] / count - mean.square()).clamp(min=0)
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.momentum is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        factor = self.weight * (variance + self.eps).rsqrt()
        return torch.addcmul((self.bias - mean * factor)[:, None, None], x, factor[:, None, None])


def init_distributed(device: torch.device) -> DistributedContext:
    """Join the processes that torchrun started; without torchrun this is the only one.

    On CUDA each process takes the GPU of its number on the machine, and they communicate over NCCL, else over Gloo.

    Raises: UserError when a machine has fewer GPUs than processes.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        return DistributedContext(0, 1, device)
    if device.type == "cuda":
        local_rank, gpu_count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local_rank >= gpu_count:
            raise UserError(
                f"--nproc-per-node must be at most {gpu_count} here, one process for each GPU; or use --device cpu."
            )
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    atexit.register(dist.destroy_process_group)
    return DistributedContext(dist.get_rank(), world_size, device)
