"""Where a training run stands, on disk after every epoch, so that a run that was killed goes on from there.

All that the next step depends on is in it: weights, their average, what the optimisers remember, the
state of the random generator. So what was killed and resumed ends with the same weights, to the bit on
the same machine. Only tensors and plain values are stored and loaded (`weights_only=True`).
"""

import itertools
from pathlib import Path
from typing import Any

import torch

from digits import UserError, files


def save(path: Path, parts: dict[str, Any], **plain: Any) -> None:
    """Write the states of `parts` (what has a state_dict, and torch.Generators) and `plain` values.

    Errors: UserError when the disk is full; the file of the epoch before is then as it was.
    """
    with files.defer_sigint(), files.atomic_write(path) as file:
        torch.save(plain | {"parts": {name: _state(part) for name, part in parts.items()}}, file)


def load(path: Path) -> dict[str, Any]:
    """What `save` wrote.

    Errors: UserError when there is no such file or it is something else.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        if not (isinstance(found, dict) and {"parts", "flags", "curve", "seconds"} <= found.keys()):
            raise ValueError("it holds weights, or something else")
        return found
    except FileNotFoundError:
        why = "it does not exist: a run that ended well leaves none"
    except Exception as error:  # torch.load raises many kinds on what is no checkpoint
        why = str(error).partition("\n")[0]
    raise UserError(f"--resume {path}: {why}. Name the .resume.pth file of a run that was stopped.", "resume")


def restore(parts: dict[str, Any], found: dict[str, Any]) -> None:
    """Bring `parts` to where they were when `found` was saved."""
    for name, part in parts.items():
        if isinstance(part, torch.Generator):
            part.set_state(found["parts"][name])
        else:
            part.load_state_dict(found["parts"][name])


def rename_old(path: Path) -> Path:
    """Give the checkpoint of an earlier run, which a new one would write over, a name that is free; which."""
    names = (path.with_name(f"{path.stem}.old{number or ''}{path.suffix}") for number in itertools.count())
    return path.replace(next(name for name in names if not name.exists()))


def interruption_message(out: Path, path: Path, curve: list[dict[str, float]], worth: bool) -> str:
    """What to say after Ctrl-C; the checkpoint of a run that has done nothing `worth` keeping goes away."""
    if not worth:
        path.unlink(missing_ok=True)
        return f"\nStopped in the first epoch: nothing was saved, {out} is as it was."
    reached = f", the weights so far are in {out.with_suffix('.partial.pth')}" if curve else ""
    read = f", which read {curve[-1]['validation_accuracy']:.2f} % of the validation split" if curve else ""
    return (
        f"\nStopped after epoch {len(curve)}{read}: {out} is as it was{reached}.\n"
        f"To go on: python train.py --resume {path}"
    )


def _state(part: Any) -> Any:
    return part.get_state() if isinstance(part, torch.Generator) else part.state_dict()
