"""The network that reads a digit, and how it is saved and loaded.

Two convolutions find strokes and how strokes meet, two fully connected layers weigh what was
found. `mnist.pth` is its plain `state_dict`, so any program that has a module with the layers
`conv1`, `conv2`, `fc1`, `fc2` of these shapes can load it, and the other way round.
"""

import os
import pickle
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from digits import UserError


class CNN(nn.Module):
    """225,034 parameters: pictures (B, 1, 28, 28) in [0, 1], white on black, to logits (B, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.fc1 = nn.Linear(64 * 5 * 5, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # ReLU after the pool is the same function as before it, on a quarter of the numbers.
        x = F.max_pool2d(self.conv1(x), 2).relu()  # (B, 32, 13, 13)
        x = F.max_pool2d(self.conv2(x), 2).relu()  # (B, 64, 5, 5)
        x = x.flatten(1)  # (B, 1600)
        x = self.fc1(x).relu()  # (B, 128)
        return self.fc2(x)  # (B, 10)


def parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters())


def save(model: nn.Module, path: str | os.PathLike) -> None:
    """Write the weights; whoever reads `path` meanwhile finds the old file or the new, never half.

    Errors: UserError when the disk is full or forbids it; the old file is then as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    # Cloned, so that the same weights give the same bytes in whatever memory layout they were trained.
    plain = torch.contiguous_format
    state = {name: t.detach().cpu().clone(memory_format=plain) for name, t in model.state_dict().items()}
    try:
        with temporary.open("wb") as file:  # given a name, torch.save would put it into the file
            torch.save(state, file)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch.save meets a full disk with a RuntimeError
        raise UserError(
            f"{path} could not be saved ({str(error).partition(chr(10))[0]}), the old file is as it was: "
            "make room on the disk, or name another place with --out.",
            "weights",
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike, device: str | torch.device = "cpu") -> CNN:
    """The network with the weights of `path`, on `device`, ready to read.

    Errors: UserError where the file is missing, damaged, of another network, or holds anything but
    tensors: a pickle can run code, so it is opened with `weights_only=True` and refused.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist: train it with `python train.py`, or name another file with --weights.",
            "weights",
        ) from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} is refused: it is damaged, or holds more than weights, which could run code. "
            "Save yours with torch.save(model.state_dict(), path).",
            "weights",
        ) from None
    except Exception as error:  # torch.load raises many kinds on what is no file of weights
        raise UserError(
            f"{path} cannot be read ({str(error).partition(chr(10))[0]}): it is damaged or no file of weights. "
            "Copy it again, or train anew with `python train.py`.",
            "weights",
        ) from None
    model = CNN()
    _check(state, model.state_dict(), path)
    model.load_state_dict(state)
    return model.to(device).eval()


def _check(state: object, expected: dict[str, torch.Tensor], path: str | os.PathLike) -> None:
    """Raise UserError with the first difference between a loaded state_dict and what fits."""

    def refuse(why: str):
        raise UserError(
            f"{path} holds the weights of another network ({why}): this program reads "
            "conv1 1→32, conv2 32→64, fc1 1600→128, fc2 128→10. Train them with `python train.py`.",
            "weights",
        )

    if not isinstance(state, dict):
        refuse(f"a {type(state).__name__} instead of a state_dict")
    for name in sorted(expected.keys() ^ state.keys(), key=str):
        refuse(f"{name} is {'missing' if name in expected else 'unknown'}")
    for name, tensor in expected.items():
        found = state[name]
        if not isinstance(found, torch.Tensor) or found.shape != tensor.shape:
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            refuse(f"{name} is {shape} instead of {tuple(tensor.shape)}")
        if not found.isfinite().all():
            raise UserError(
                f"{path} has values that are not finite in {name}: its training went wrong; "
                "train anew, with a lower --lr.",
                "weights",
            )
