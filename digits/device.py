"""Where the arithmetic happens: a GPU where there is one, else the CPU."""

import platform
import re
from pathlib import Path
from typing import Literal

import torch

from digits import UserError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def select(name: DeviceName) -> torch.device:
    """The device called `name`; "auto" is CUDA, else MPS (Apple), else the CPU.

    Errors: UserError when the named device is not there.
    """
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if name == "auto":
        name = next(device for device, found in there.items() if found())
    elif not there[name]():
        raise UserError(
            f"--device {name}: PyTorch {torch.__version__} sees no {name.upper()} device here. "
            "Use --device auto to take what there is, or --device cpu.",
            "device",
        )
    return torch.device(name)


def describe(device: torch.device) -> str:
    """The hardware in words, so that a figure can say where it was measured."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.exists() else []
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {torch.get_num_threads()} threads"


def autocast(device: torch.device, wanted: bool = True) -> torch.autocast:
    """Inside a `with` of it products are of 16-bit numbers (bfloat16), where they are `wanted` and the device is fast.

    Processors with AMX take wide convolutions 2.5 times as fast so, and only they say that they have it.
    """
    fast = {
        "cuda": lambda: torch.cuda.is_bf16_supported(including_emulation=False),
        "cpu": lambda: getattr(torch.cpu, "get_capabilities", dict)().get("amx_bf16", False),  # torch 2.11 has none
        "mps": lambda: False,
    }[device.type]
    return torch.autocast(device.type, torch.bfloat16, enabled=bool(wanted and fast()))


def environment(device: torch.device) -> dict:
    """What results depend on beside the program."""
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    return {"hardware": describe(device), "versions": versions}
