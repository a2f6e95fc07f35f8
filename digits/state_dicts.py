"""State dicts as other programs save them: with prefixes, in checkpoints, in other precisions, as safetensors."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from digits import UserError, files
from digits.errors import missing_package

# Of DistributedDataParallel, of torch.compile and of a LightningModule with the attribute `model`, in any order.
PREFIXES = ("module.", "_orig_mod.", "model.")
CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model")  # under which checkpoints hold a state_dict
PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
MAX_SAFETENSORS_HEADER = 10**8  # bytes, as in the format's reference implementation


def load(path: str | os.PathLike, hint: str, content: bytes | None = None) -> Any:
    """Load a state_dict from a file that torch.save or safetensors wrote: tensors alone, nothing that could run code.

    hint: a sentence that tells the user what to do when the file cannot be loaded.
    content: of the file, where it was read before.

    Returns: the state_dict without PREFIXES, taken out of a checkpoint; what the file holds if that is none.
    Raises: UserError as `files.load_tensors`, or when the package safetensors is needed and not installed.
    """
    if _is_safetensors(_read_start(path) if content is None else content):
        loaded = _load_safetensors(path, hint, Path(path).read_bytes() if content is None else content)
    else:
        loaded = files.load_tensors(path, hint, content)
    if isinstance(loaded, Mapping):
        loaded = next((loaded[key] for key in CHECKPOINT_KEYS if isinstance(loaded.get(key), Mapping)), loaded)
        return _strip_prefixes(dict(loaded))
    return loaded


def match(
    state: Any, expected: dict[str, torch.Tensor], path: str | os.PathLike, advice: str
) -> dict[str, torch.Tensor]:
    """Return a loaded state_dict in the precision of the `expected` one.

    advice: for the user, when the weights are those of another network.

    Raises: UserError with the first difference in names, shapes and kinds, or when a value is not finite.
    """
    if difference := _first_difference(state, expected):
        raise UserError(f"{path} holds the weights of another network ({difference}): {advice}")
    state = {name: convert(state[name], expected[name].dtype, f"{path}: {name}") for name in expected}
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise UserError(
                f"{path} has values that are not finite in {name}: its training diverged; "
                "train again with a lower --lr."
            )
    return state


def convert(tensor: torch.Tensor, dtype: torch.dtype, name: str) -> torch.Tensor:
    """Convert a dense tensor to `dtype`: from any of PRECISIONS if it is one of them, else from `dtype` alone.

    Raises: UserError for any other kind of tensor, with its `name`.
    """
    convertible = PRECISIONS if dtype in PRECISIONS else (dtype,)
    kinds = {
        "a meta tensor, without values": tensor.is_meta,
        "quantized": tensor.is_quantized,
        "sparse": tensor.layout is not torch.strided,
        f"of {_name(tensor.dtype)}": tensor.dtype not in convertible,
    }
    for kind, applies in kinds.items():
        if applies:
            raise UserError(
                f"{name} is {kind}; dense tensors of {' or '.join(_name(kind) for kind in convertible)} can be read: "
                "save the weights in one of these."
            )
    return tensor.to(dtype)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _read_start(path: str | os.PathLike) -> bytes:
    """Return the first bytes of a file, none if it cannot be read: `files.load_tensors` raises the error for it."""
    try:
        with Path(path).open("rb") as file:
            return file.read(9)
    except OSError:
        return b""


def _is_safetensors(content: bytes) -> bool:
    """Whether the file begins like safetensors: the length of its header (8 bytes, little-endian), then JSON."""
    return content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= MAX_SAFETENSORS_HEADER


def _load_safetensors(path: str | os.PathLike, hint: str, content: bytes) -> dict[str, torch.Tensor]:
    try:
        import safetensors.torch  # noqa: PLC0415 # an extra, and few weights are in this format
    except ModuleNotFoundError as error:
        raise missing_package(error) or error from None
    try:
        return safetensors.torch.load(content)
    except KeyError as error:
        raise UserError(f"{path} holds tensors of the type {error}, which PyTorch lacks. {hint}") from None
    except Exception as error:  # noqa: BLE001 # its own types, and those of PyTorch
        raise UserError(f"{path} cannot be read ({error}): it is damaged. {hint}") from None


def _strip_prefixes(state: dict[Any, Any]) -> dict[Any, Any]:
    """Remove PREFIXES that all names have."""
    for prefix in PREFIXES * len(PREFIXES):
        if state and all(isinstance(name, str) and name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _first_difference(state: object, expected: dict[str, torch.Tensor]) -> str:
    """Describe the first difference in names and shapes; empty where there is none."""
    if not isinstance(state, dict):
        return f"a {type(state).__name__} instead of a state_dict"
    for name in sorted(expected.keys() ^ state.keys(), key=str):
        return f"{name} is {'missing' if name in expected else 'unknown'}"
    for name, tensor in expected.items():
        found = state[name]
        if isinstance(found, torch.Tensor) and found.is_nested:  # which has no shape
            return f"{name} is a nested tensor"
        if not isinstance(found, torch.Tensor) or found.shape != tensor.shape:
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            return f"{name} is {shape} instead of {tuple(tensor.shape)}"
    return ""
