"""The networks that read a digit, and how they are saved and loaded.

`CNN` is the one that ships: two convolutions find strokes and how strokes meet, two fully connected
layers weigh what was found. `MLP` and `Softmax` are simpler, to learn what convolution buys;
`Teacher` is larger and only helps to train. A file of weights is a plain `state_dict`, so any program
that has a module with the same layers can load it, and the other way round.
"""

import contextlib
import copy
import json
import os
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from digits import UserError, files


class CNN(nn.Module):
    """225,034 parameters: pictures (B, 1, 28, 28) in [0, 1], white on black, to logits (B, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.norm1 = nn.Identity()  # see `normalise`
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.norm2 = nn.Identity()
        self.fc1 = nn.Linear(64 * 5 * 5, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The second pool would leave out an odd last row and column, so nothing here depends on the last two
        # of the picture. Left out at once, they spare 15 % of the work.
        x = x[..., :26, :26]
        # ReLU after the pool is the same function as before it, on a quarter of the numbers.
        x = self.norm1(F.max_pool2d(self.conv1(x), 2)).relu()  # (B, 32, 12, 12)
        x = self.norm2(F.max_pool2d(self.conv2(x), 2)).relu()  # (B, 64, 5, 5)
        x = x.flatten(1)  # (B, 1600)
        x = self.fc1(x).relu()  # (B, 128)
        return self.fc2(x)  # (B, 10)

    def forward_intermediates(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """What each layer of a trained network makes of pictures (B, 1, 28, 28): after ReLU, before a pool; last the
        logits of `forward`. The maps are whole, though the pools leave out some of their last rows and columns."""
        conv1 = self.norm1(self.conv1(x)).relu()  # (B, 32, 26, 26)
        conv2 = self.norm2(self.conv2(F.max_pool2d(conv1, 2))).relu()  # (B, 64, 11, 11)
        fc1 = self.fc1(F.max_pool2d(conv2, 2).flatten(1)).relu()  # (B, 128)
        return {"conv1": conv1, "conv2": conv2, "fc1": fc1, "fc2": self.fc2(fc1)}


class MLP(nn.Module):
    """101,770 parameters, one hidden layer: what a network does that sees pixels but no neighbours."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.fc1(x.flatten(1)).relu())  # (B, 1, 28, 28) → (B, 128) → (B, 10)

    def forward_intermediates(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """As `CNN.forward_intermediates`."""
        fc1 = self.fc1(x.flatten(1)).relu()
        return {"fc1": fc1, "fc2": self.fc2(fc1)}


class Softmax(nn.Module):
    """7,850 parameters: each digit is one template of 28×28 weights, as in softmax regression."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.flatten(1))  # (B, 1, 28, 28) → (B, 10)

    def forward_intermediates(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """As `CNN.forward_intermediates`."""
        return {"fc": self(x)}


class Teacher(nn.Module):
    """A larger network that only helps to train: pictures (B, 1, 28, 28) to logits (B, 10).

    Three times two convolutions with batch normalisation, which stays in its weights.
    """

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        for before, channels in ((1, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(before, channels, 3, padding=int(before > 1), bias=False)]
            layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, bias=False)]
            layers += [nn.MaxPool2d(2), nn.BatchNorm2d(channels), nn.ReLU()]
        self.body = nn.Sequential(*layers)  # (B, 1, 26, 26) → (B, 128, 1, 1)
        self.head = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x[..., :26, :26]).flatten(1))

    def forward_intermediates(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """As `CNN.forward_intermediates`, but of its convolutions only what comes out in the end."""
        body = self.body(x[..., :26, :26]).flatten(1)  # (B, 128)
        return {"body": body, "head": self.head(body)}


NETWORKS = {"cnn": CNN, "mlp": MLP, "softmax": Softmax, "teacher": Teacher}


def build(name: str, seed: int, device: torch.device, batch_norm: bool) -> nn.Module:
    """Build the network that NETWORKS calls `name`, with random weights, for training on `device`."""
    torch.manual_seed(seed)  # torch.nn initializes from the global generator
    model = NETWORKS[name]().to(device)
    if device.type == "cpu":
        model = model.to(memory_format=torch.channels_last)  # twice as fast there
    if batch_norm:
        add_batch_norm(model)
    return model


def model_name(model: nn.Module) -> str:
    """Return the name of `model`'s class in NETWORKS."""
    return next(key for key, network in NETWORKS.items() if isinstance(model, network))


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters())


def freeze_conv1(model: nn.Module) -> bool:
    """Let the CNN's first convolution learn no more; whether it did until now.

    It soon knows its strokes, and no gradient has to be carried through the largest maps any more.
    Source: Brock et al. 2017, FreezeOut, arXiv 1706.04983.
    """
    learns = isinstance(model, CNN) and model.conv1.weight.requires_grad
    if learns:
        model.conv1.requires_grad_(False)
    return learns


BATCH_NORM_LAYERS = (("conv1", "norm1"), ("conv2", "norm2"))


def add_batch_norm(model: nn.Module) -> None:
    """Give the CNN batch normalisation to train with, in place; other networks stay as they are.

    It follows the pool, where there are a quarter of the numbers, and multiplies by nothing of its own:
    the next layer's weights do. Source: Ioffe & Szegedy 2015, arXiv 1502.03167.
    """
    if isinstance(model, CNN):
        for conv_name, norm_name in BATCH_NORM_LAYERS:
            conv = getattr(model, conv_name)
            norm = nn.BatchNorm2d(conv.out_channels, momentum=0.3, device=conv.weight.device)
            norm.weight.requires_grad_(False)
            conv.bias.requires_grad_(False).zero_()  # it would be subtracted again at once
            setattr(model, norm_name, norm)


@torch.no_grad()
def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy of `model` with what `normalise` added put into its convolutions: the plain network, the same answers.

    Having pooled first changes nothing, as normalisation divides by what is above 0.
    """
    model = copy.deepcopy(model)
    for conv_name, norm_name in BATCH_NORM_LAYERS:
        norm = getattr(model, norm_name, None)
        if isinstance(norm, nn.BatchNorm2d):
            conv = getattr(model, conv_name)
            factor = (norm.running_var + norm.eps).rsqrt()
            conv.weight.mul_(factor[:, None, None, None])
            conv.bias.sub_(norm.running_mean).mul_(factor).add_(norm.bias).requires_grad_()
            setattr(model, norm_name, nn.Identity())
    return model


def save(model: nn.Module, path: str | os.PathLike, metadata: dict | None = None) -> None:
    """Write the weights and, in the JSON file next to them, the `metadata`: where they come from.

    A program that reads the files meanwhile finds the old or the new content. Ctrl-C waits until both are written.

    Raises: UserError: when the disk is full or the folder read-only; the old files are then unchanged.
    """
    # Cloned, so that the same weights give the same bytes, whatever memory layout they were trained in.
    layout = torch.contiguous_format
    state = {name: t.detach().cpu().clone(memory_format=layout) for name, t in model.state_dict().items()}
    with files.defer_stop_signals(), contextlib.ExitStack() as stack:
        if metadata is not None:
            metadata_file = stack.enter_context(files.atomic_write(Path(path).with_suffix(".json")))
            metadata_file.write(f"{json.dumps(metadata, indent=1)}\n".encode())
        with files.atomic_write(path) as file:  # given a path, torch.save would store its name in the file
            torch.save(state, file)


def load(path: str | os.PathLike, device: str | torch.device = "cpu", content: bytes | None = None) -> nn.Module:
    """Load a network for reading: the one of NETWORKS whose layers have the names in the file, on `device`.

    content: of the file, where it was read before.

    Raises: UserError: when the file is missing, damaged, of another network, or holds anything but tensors: a pickle
        can run code, so it is opened with `weights_only=True`.
    """
    hint = "Train weights with `python train.py`, or name a file that torch.save(model.state_dict(), path) wrote."
    state = files.load_tensors(path, hint, "weights", content)
    model = _matching_network(state)
    _check_state_dict(state, model.state_dict(), path)
    model.load_state_dict(state)
    return model.to(device).eval()


def _matching_network(state: object) -> nn.Module:
    """Return the network whose layers have the names in `state`, or the CNN where none has."""
    names = set(state) if isinstance(state, dict) else set()
    networks = (network() for network in NETWORKS.values())
    return next((network for network in networks if network.state_dict().keys() == names), CNN())


def _check_state_dict(state: object, expected: dict[str, torch.Tensor], path: str | os.PathLike) -> None:
    """Raise UserError with the first difference between a loaded state_dict and the expected one."""
    if difference := _first_difference(state, expected):
        raise UserError(
            f"{path} holds the weights of another network ({difference}): this program reads "
            f"those of {', '.join(NETWORKS)} in model.py. Train them with `python train.py`.",
            "weights",
        )
    for name in expected:
        if not state[name].isfinite().all():
            raise UserError(
                f"{path} has values that are not finite in {name}: its training diverged; "
                "train again with a lower --lr.",
                "weights",
            )


def _first_difference(state: object, expected: dict[str, torch.Tensor]) -> str:
    """Describe the first difference in names and shapes; empty where there is none."""
    if not isinstance(state, dict):
        return f"a {type(state).__name__} instead of a state_dict"
    for name in sorted(expected.keys() ^ state.keys(), key=str):
        return f"{name} is {'missing' if name in expected else 'unknown'}"
    for name, tensor in expected.items():
        found = state[name]
        if not isinstance(found, torch.Tensor) or found.shape != tensor.shape:
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            return f"{name} is {shape} instead of {tuple(tensor.shape)}"
    return ""
