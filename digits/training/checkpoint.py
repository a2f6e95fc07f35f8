"""Checkpoints: the state of a training run after every epoch, so that a stopped run can resume.

A checkpoint holds everything that the next step depends on: the configuration, the weights and their average, the
optimizers' buffers, the state of the random generator. So a killed and resumed run ends with the same weights as an
undisturbed one, to the bit on the same machine. It contains only tensors and plain values (`weights_only=True`).
"""

import contextlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from pydantic import ValidationError

from digits import UserError, files
from digits.config import Settings, environment_variable, flag

HINT = "Name the .resume.pth file of a stopped run with --resume; a finished run deletes its own."
KEYS = {"config", "curve", "state"}
RESUME_FLAGS = {"resume", "json_output", "device", "data_dir", "mirror", "out"}  # may be given with --resume
# Settings without influence on the training itself: where a run computes, reads and writes.
RUN_SETTINGS = RESUME_FLAGS | {"teachers", "teacher_cache"}

C = TypeVar("C", bound=Settings)


class Checkpoint(NamedTuple, Generic[C]):
    """A loaded checkpoint.

    config: of the run, with the flags that were given with --resume.
    curve: for each finished epoch its loss, accuracy and time.
    state: by name, the states of the model, the optimizers and the generator.
    path: the file in which the run keeps its checkpoints; None to claim one next to the new --out.
    """

    config: C
    curve: list[dict[str, float]]
    state: dict[str, Any]
    path: Path | None


def claim_path(out: Path, resumed: Path | None) -> Path:
    """Return the file for the checkpoints of a run: that of the resumed run, else a new one next to `out`.

    Each run gets a name of its own, mnist.resume.pth, mnist.2.resume.pth, …, so that runs with the same --out neither
    overwrite nor delete each other's checkpoint: neither two at the same time, nor a new one after one that was killed.
    """
    if resumed:
        return resumed
    for number in itertools.count(1):
        path = out.with_suffix(".resume.pth" if number == 1 else f".{number}.resume.pth")
        with contextlib.suppress(FileExistsError):
            path.touch(exist_ok=False)
            break
    return path


def save(path: Path | None, config: Settings, curve: list[dict[str, float]], state: Mapping[str, Any]) -> None:
    """Write a checkpoint.

    path: None in processes that write no files.
    curve: one entry for each finished epoch.
    state: by name, objects with a state_dict, and torch.Generators.

    Raises: UserError when the disk is full; the previous checkpoint at `path` is then unchanged.
    """
    if path is None:
        return
    states = {
        name: holder.get_state() if isinstance(holder, torch.Generator) else holder.state_dict()
        for name, holder in state.items()
    }
    with files.defer_stop_signals(), files.atomic_write(path) as file:
        torch.save({"config": _plain_values(config), "curve": curve, "state": states}, file)


def load(config: C) -> Checkpoint[C]:
    """Load the checkpoint that `config.resume` names; without one the result holds `config` and no state.

    Raises: UserError when the file is missing, damaged or not a checkpoint, or `config` sets more than RESUME_FLAGS.
    """
    given = config.model_dump(exclude_unset=True, by_alias=True)
    path: Path | None = given.get("resume")
    if not path:
        return Checkpoint(config, [], {}, None)
    if refused := sorted(config.model_fields_set - RESUME_FLAGS):
        raise UserError(
            f"--resume continues with the settings of the stopped run: leave out {flag(refused[0])} "
            f"(or {environment_variable(refused[0])})."
        )
    content = files.load_tensors(path, HINT)
    if not isinstance(content, dict) or content.keys() != KEYS:
        raise UserError(f"{path} is not a checkpoint. {HINT}")
    try:
        merged = type(config)(**content["config"] | given)
    except ValidationError as error:
        raise UserError(f"{path} is of another version of train.py: {error}") from None
    return Checkpoint(merged, content["curve"], content["state"], None if "out" in given else path)


def restore(state: Mapping[str, Any], saved: dict[str, Any]) -> None:
    """Set the objects of `state` to the `saved` states of a checkpoint."""
    for name, holder in state.items():
        if isinstance(holder, torch.Generator):
            holder.set_state(saved[name])
        else:
            holder.load_state_dict(saved[name])


def delete(path: Path) -> None:
    """Delete the checkpoint of a finished run, and the weights that were saved when it was stopped before."""
    path.unlink(missing_ok=True)
    partial_path(path).unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """Return the file for the weights of the stopped run whose checkpoint is at `path`: mnist.partial.pth."""
    return path.with_name(f"{path.stem.removesuffix('.resume')}.partial.pth")


def conclude_interrupted_run(path: Path | None, out: Path, curve: list[dict[str, float]]) -> str:
    """Delete the checkpoint of a run that has not finished an epoch, as starting again is as good.

    path: the checkpoint; None in processes that write no files.
    out: the file for the trained weights.

    Returns: the message after Ctrl-C: which files there are, and how to resume.
    """
    if path is None:
        return ""
    if not curve:
        path.unlink(missing_ok=True)
        return f"\nStopped in the first epoch: nothing was saved, {out} is unchanged."
    stopped = (
        f"\nStopped after epoch {len(curve)}, validation accuracy {curve[-1]['validation_accuracy']:.2f} %: "
        f"the weights so far are in {partial_path(path)}"
    )
    if not path.exists():
        return f"{stopped}. Another run that resumed {path} has finished and deleted it."
    return f"{stopped}, {out} is unchanged.\nTo resume: python train.py --resume {path}"


def conclude_failed_run(path: Path | None, curve: list[dict[str, float]]) -> str:
    """Delete the checkpoint of a run that failed before it finished an epoch.

    path: the checkpoint; None in processes that write no files.

    Returns: a sentence that names the checkpoint, to append to the error message; empty where there is none.
    """
    if path is None:
        return ""
    if not curve:
        path.unlink(missing_ok=True)
        return ""
    # Another run that resumed the same checkpoint may have finished and deleted it.
    return f" The state after epoch {len(curve)} is kept in {path}." if path.exists() else ""


def _plain_values(config: Settings) -> dict[str, Any]:
    """Convert `config` to plain values, with absolute paths, so that a run resumes in any folder."""

    def convert(value: Any) -> Any:
        if isinstance(value, list):
            return [convert(item) for item in value]
        return str(value.absolute()) if isinstance(value, Path) else value

    return {name: convert(value) for name, value in config.model_dump(exclude={"resume", "json_output"}).items()}
