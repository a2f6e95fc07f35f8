"""The device to compute on: a GPU where there is one, else the CPU."""

import platform
import re
from pathlib import Path
from typing import Any, Literal

import torch

from digits import UserError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def select(name: DeviceName) -> torch.device:
    """Select the device called `name`; "auto" is CUDA where available, else MPS (Apple), else the CPU.

    Raises: UserError when the named device is not available.
    """
    is_available = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if name == "auto":
        return torch.device(next(device for device, available in is_available.items() if available()))
    if not is_available[name]():
        raise UserError(
            f"--device {name}: PyTorch {torch.__version__} sees no {name.upper()} device here. "
            "Use --device auto to take what is available, or --device cpu."
        )
    return torch.device(name)


def describe(device: torch.device) -> str:
    """Describe the hardware, so that a measurement can state where it was made."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    name = names[0] if names else platform.processor() or platform.machine()
    thread_count = torch.get_num_threads()
    return f"{name}, {thread_count} thread{'s' if thread_count > 1 else ''}"


def environment(device: torch.device) -> dict[str, Any]:
    """Hardware and library versions, stored with results."""
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    return {"hardware": describe(device), "versions": versions}


def autocast(device: torch.device, enabled: bool = True) -> torch.autocast:
    """Return a context in which matrix products use bfloat16, if `enabled` and fast on the device.

    CPUs with AMX compute wide convolutions 2.5 times as fast in bfloat16; CPUs without it do not gain.
    """
    is_fast = {
        "cuda": lambda: torch.cuda.is_bf16_supported(including_emulation=False),
        # torch 2.11 has no get_capabilities.
        "cpu": lambda: getattr(torch.cpu, "get_capabilities", dict)().get("amx_bf16", False),
        "mps": lambda: False,
    }[device.type]
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled and is_fast())
