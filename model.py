"""The networks that classify digits; saving and loading their weights.

`CNN` is the network that ships: two convolutions detect strokes and how strokes meet, two fully connected layers
combine them. `MLP` and `Softmax` are simpler and show what convolution contributes; `Teacher` is larger and used in
training only. A file of weights is a plain `state_dict`, so programs that have a module with the same layers can load
it, and their weights load here.
"""

import contextlib
import copy
import json
import os
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from digits import UserError, files, state_dicts
from digits.im2col import Im2colCNN

LINE_CLASSES = 18  # symbols of a line, and the blank of CTC


class CNN(nn.Module):
    """Images (B, 1, 28, 28) in [0, 1], white digits on black, to logits (B, 10), with 225,034 parameters."""

    NORM_LAYERS = ("conv1", "norm1"), ("conv2", "norm2")
    NORM_MOMENTUM = 0.3  # a fast recipe has few steps

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.norm1 = nn.Identity()  # see `add_batch_norm`
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.norm2 = nn.Identity()
        self.fc1 = nn.Linear(64 * 5 * 5, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The second pooling drops an odd last row and column, so the logits do not depend on the last two of the image.
        # Dropping these first saves 15 % of the work.
        x = x[..., :26, :26]
        # ReLU after the pooling is the same function as before it, on a quarter of the values.
        x = self.norm1(F.max_pool2d(self.conv1(x), 2)).relu()  # (B, 32, 12, 12)
        x = self.norm2(F.max_pool2d(self.conv2(x), 2)).relu()  # (B, 64, 5, 5)
        x = x.flatten(1)  # (B, 1600)
        x = self.fc1(x).relu()  # (B, 128)
        return self.fc2(x)  # (B, 10)

    def forward_intermediates(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute the output of each layer for images (B, 1, 28, 28), in evaluation mode.

        Returns: by the name of the layer, its output after ReLU and before pooling; the last are the logits of
            `forward`. The feature maps are complete, although pooling drops some of their last rows and columns.
        """
        conv1 = self.norm1(self.conv1(x)).relu()  # (B, 32, 26, 26)
        conv2 = self.norm2(self.conv2(F.max_pool2d(conv1, 2))).relu()  # (B, 64, 11, 11)
        fc1 = self.fc1(F.max_pool2d(conv2, 2).flatten(1)).relu()  # (B, 128)
        return {"conv1": conv1, "conv2": conv2, "fc1": fc1, "fc2": self.fc2(fc1)}


class MLP(nn.Module):
    """One hidden layer, 101,770 parameters: a network that does not know which pixels are neighbors."""

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
    """Softmax regression, 7,850 parameters: one template of 28×28 weights for each digit."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.flatten(1))  # (B, 1, 28, 28) → (B, 10)

    def forward_intermediates(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """As `CNN.forward_intermediates`."""
        return {"fc": self(x)}


class Teacher(nn.Module):
    """A larger network for distillation only: images (B, 1, 28, 28) to logits (B, 10).

    Three blocks of two convolutions each, with batch normalization, which is not folded into the weights.
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
        """As `CNN.forward_intermediates`, but with the last output of the convolutions only."""
        body = self.body(x[..., :26, :26]).flatten(1)  # (B, 128)
        return {"body": body, "head": self.head(body)}


class LineReader(nn.Module):
    """Line images (B, 1, 32, W) in [0, 1] to logits (B, W / 2, 18), with 419,332 parameters.

    The classes are the 17 symbols of digits/recognition/line_symbols.py and, last, the blank of CTC (Graves et al.
    2006, "Connectionist temporal classification"). Four convolutions reduce the height to 4 pixels and the width to a
    quarter, one spans what is left of the height, two look along the line. Each column gives two frames, as two narrow
    digits may stand in four pixels.
    """

    NORM_LAYERS = tuple((f"conv{k}", f"norm{k}") for k in range(1, 8))
    NORM_MOMENTUM = 0.02  # batches of short and long strings take turns

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 96, 3, padding=1)
        self.conv4 = nn.Conv2d(96, 128, 3, padding=1)
        self.conv5 = nn.Conv2d(128, 128, (4, 1))
        self.conv6 = nn.Conv2d(128, 128, (1, 5), padding=(0, 2))
        self.conv7 = nn.Conv2d(128, 128, (1, 5), padding=(0, 2))
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.Identity() for _ in range(4))  # see `add_batch_norm`
        self.norm5, self.norm6, self.norm7 = (nn.Identity() for _ in range(3))
        self.fc = nn.Linear(128, 2 * LINE_CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(F.max_pool2d(self.conv1(x), 2)).relu()  # (B, 32, 16, W / 2)
        x = self.norm2(F.max_pool2d(self.conv2(x), 2)).relu()  # (B, 64, 8, W / 4)
        x = self.norm3(F.max_pool2d(self.conv3(x), (2, 1))).relu()  # (B, 96, 4, W / 4)
        x = self.norm4(self.conv4(x)).relu()  # (B, 128, 4, W / 4)
        x = self.norm5(self.conv5(x)).relu()  # (B, 128, 1, W / 4)
        x = self.norm6(self.conv6(x)).relu()
        x = self.norm7(self.conv7(x)).relu()
        return self.fc(x[:, :, 0].transpose(1, 2)).reshape(len(x), -1, LINE_CLASSES)  # (B, W / 2, 18)


NETWORKS = {"cnn": CNN, "mlp": MLP, "softmax": Softmax, "teacher": Teacher, "line": LineReader}


def build(name: str, seed: int, device: torch.device, batch_norm: bool) -> nn.Module:
    """Build the network that NETWORKS calls `name`, with random weights, for training on `device`."""
    torch.manual_seed(seed)  # torch.nn initializes from the global generator
    network = NETWORKS[name]().to(device)
    if device.type == "cpu":
        network = network.to(memory_format=torch.channels_last)  # twice as fast there
    if batch_norm:
        add_batch_norm(network)
    return network


def for_inference(network: nn.Module) -> nn.Module:
    """Return a CNN on the CPU in a form that is faster for few images, any other network as it is."""
    if isinstance(network, CNN) and isinstance(network.norm1, nn.Identity) and network.conv1.weight.is_cpu:
        return Im2colCNN(network).eval()
    return network


def model_name(network: nn.Module) -> str:
    """Return the name of `network`'s class in NETWORKS."""
    return next(key for key, kind in NETWORKS.items() if isinstance(network, kind))


def count_parameters(network: nn.Module) -> int:
    """Count all parameters of `network`, including those of batch normalization."""
    return sum(p.numel() for p in network.parameters())


def freeze_conv1(network: nn.Module) -> bool:
    """Freeze the CNN's first convolution; other networks stay unchanged.

    Its filters converge early, and without their gradient none has to be propagated through the largest feature maps.
    Source: Brock et al. 2017, FreezeOut, arXiv 1706.04983.

    Returns: whether it was trainable until now.
    """
    was_trainable = isinstance(network, CNN) and network.conv1.weight.requires_grad
    if was_trainable:
        network.conv1.requires_grad_(False)
    return was_trainable


def add_batch_norm(network: nn.Module) -> None:
    """Add batch normalization to a CNN or a line reader for training, in place; other networks stay unchanged.

    It follows the pooling, where there are a quarter of the values. It has no scale, as the next layer's weights can
    take its place. Source: Ioffe & Szegedy 2015, arXiv 1502.03167.
    """
    if not isinstance(network, CNN | LineReader):
        return
    for conv_name, norm_name in network.NORM_LAYERS:
        conv = getattr(network, conv_name)
        norm = nn.BatchNorm2d(conv.out_channels, momentum=network.NORM_MOMENTUM, device=conv.weight.device)
        norm.weight.requires_grad_(False)
        conv.bias.requires_grad_(False).zero_()  # normalization would subtract it again
        setattr(network, norm_name, norm)


@torch.no_grad()
def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Copy `network` and fold its batch normalization into the convolutions: a plain network with the same logits.

    The pooling between the two does not matter: normalization divides by a positive number, so it keeps the maximum.
    """
    network = copy.deepcopy(network)
    for conv_name, norm_name in getattr(network, "NORM_LAYERS", ()):
        norm = getattr(network, norm_name)
        if isinstance(norm, nn.BatchNorm2d):
            conv = getattr(network, conv_name)
            factor = (norm.running_var + norm.eps).rsqrt()
            conv.weight.mul_(factor[:, None, None, None])
            conv.bias.sub_(norm.running_mean).mul_(factor).add_(norm.bias).requires_grad_()
            setattr(network, norm_name, nn.Identity())
    return network


def save(network: nn.Module, path: str | os.PathLike, metadata: dict | None = None) -> None:
    """Write the weights and, in the JSON file next to them, the `metadata`: where they come from.

    A program that reads the files meanwhile finds the old or the new content. Ctrl-C waits until both are written.

    Raises: UserError when the disk is full or the folder read-only; the old files are then unchanged.
    """
    # Cloned, so that the same weights give the same bytes, whatever memory layout they were trained in.
    layout = torch.contiguous_format
    state = {name: t.detach().cpu().clone(memory_format=layout) for name, t in network.state_dict().items()}
    with files.defer_stop_signals(), contextlib.ExitStack() as stack:
        if metadata is not None:
            metadata_file = stack.enter_context(files.atomic_write(Path(path).with_suffix(".json")))
            metadata_file.write(f"{json.dumps(metadata, indent=1)}\n".encode())
        with files.atomic_write(path) as file:  # given a path, torch.save would store its name in the file
            torch.save(state, file)


def load(
    path: str | os.PathLike = "mnist.pth", device: str | torch.device = "cpu", content: bytes | None = None
) -> nn.Module:
    """Load a network that classifies digits: the one of NETWORKS whose layers have the names in the file, on `device`.

    path: of the weights; those that ship are found in any folder. digits/state_dicts.py has the forms that are read.
    content: of the file, where it was read before.

    Raises: UserError when the file is missing, damaged, of another network or of the line reader, or holds anything but
        tensors: a pickle can run code, so it is opened with `weights_only=True`.
    """
    network = _load(path, device, content)
    if isinstance(network, LineReader):
        raise UserError(f"{path} reads whole lines, not single digits: name weights such as mnist.pth.")
    return network


def _load(
    path: str | os.PathLike, device: str | torch.device, content: bytes | None, command: str = "python train.py"
) -> nn.Module:
    """Load any network of NETWORKS, as `load`; error messages name the `command` that trains it."""
    hint = f"Train weights with `{command}`, or name a file that torch.save(model.state_dict(), path) wrote."
    path = files.find_shipped(Path(path))
    state = state_dicts.load(path, hint, content)
    network = _matching_network(state)
    advice = f"this program reads those of {', '.join(NETWORKS)} in model.py. Train them with `{command}`."
    network.load_state_dict(state_dicts.match(state, network.state_dict(), path, advice))
    return network.to(device).eval()


def load_line_reader(
    path: str | os.PathLike = "line.pth", device: str | torch.device = "cpu", content: bytes | None = None
) -> nn.Module:
    """Load the network that reads whole lines, with the arguments of `load`.

    Raises: UserError: as `load` does, and when the file has another network.
    """
    network = _load(path, device, content, "python train.py --model line")
    if not isinstance(network, LineReader):
        raise UserError(f"{path} has no line reader: train one with `python train.py --model line --out line.pth`.")
    return network


def _matching_network(state: object) -> nn.Module:
    """Return the network whose layers have the names in `state`, or the CNN where none has."""
    names = set(state) if isinstance(state, dict) else set()
    networks = (network() for network in NETWORKS.values())
    return next((network for network in networks if network.state_dict().keys() == names), CNN())
