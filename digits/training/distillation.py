"""Knowledge distillation: cached teacher predictions on augmented training images.

A label states that a digit is a 4. A good network's probabilities also state how much it resembles a 9, which helps a
small network to learn (Hinton et al. 2015, arXiv 1503.02531). Teacher and student must see the very same augmented
images, for many epochs (Beyer et al. 2022, arXiv 2106.05237). Running the teachers in every step would take most of
the time, so they run once, and their predictions are kept; the images are made again from the number of the view.
"""

import glob
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from digits import UserError, device, files
from digits.data.augmentation import AugmentationRanges, augment
from digits.data.mnist import REJECT_CLASS, ImageDataset
from digits.probabilities import append_reject_logit, predict_logits
from digits.training.distributed import DistributedContext

CLASS_COUNT = REJECT_CLASS + 1
HINT = "Delete it, or name another file with --teacher-cache."
TEACHER_COMMANDS = [f"train.py --model teacher --seed {seed} --out teacher-{seed}.pth" for seed in (0, 1)]
TEACHERS_NEEDED = "\n  python ".join(
    [
        "Train teachers first, then name them; `make best` does it all:",
        *TEACHER_COMMANDS,
        "train.py --recipe best --teachers teacher-*.pth",
    ]
)
KEYS = {"key", "probabilities", "seconds"}

Teacher = tuple[nn.Module, dict[str, Any]]  # a network and its metadata


@dataclass(frozen=True)
class TeacherPredictions:
    """Mean probabilities of the teachers, float16 (N, 11) for each augmented view.

    metadata: of the teachers.
    seconds: time to make or load them in this process; 0 where `predict` did not measure it.
    """

    probabilities: list[Tensor]
    metadata: list[dict[str, Any]]
    seconds: float = 0.0

    def epoch_targets(
        self, dataset: ImageDataset, ranges: AugmentationRanges, epoch: int, temperature: float
    ) -> tuple[Tensor, Tensor]:
        """Images and targets of an epoch. The views take turns.

        epoch: 1 and up.

        Returns: uint8 (N, 1, 28, 28) and probabilities (N, 11).
        """
        view = (epoch - 1) % len(self.probabilities)
        probabilities = self.probabilities[view].to(dataset.images.device)
        return augmented_view(dataset, ranges, view), apply_temperature(probabilities, temperature)


def augmented_view(dataset: ImageDataset, ranges: AugmentationRanges, view: int) -> Tensor:
    """Augment the images of `dataset`: uint8 (N, 1, 28, 28), the same for the same number `view`.

    They are made on the CPU, as other devices draw other numbers from the same seed.
    """
    images = augment(dataset.images.cpu(), ranges, torch.Generator().manual_seed(view))
    return images.to(dataset.images.device)


def find_teachers(patterns: Sequence[Path], weight: float) -> list[Path]:
    """Expand the paths and globs of --teachers.

    weight: the value of --distill-weight, above 0 exactly where there are teachers.

    Raises: UserError when teachers are missing or not used.
    """
    if bool(patterns) != (weight > 0):
        raise UserError(TEACHERS_NEEDED if weight else "--teachers needs --distill-weight above 0.")
    paths: list[Path] = []
    for pattern in patterns:
        # A file name may have the characters of globs.
        matches = [pattern] if pattern.exists() else [Path(name) for name in sorted(glob.glob(str(pattern)))]
        if not matches:
            raise UserError(f"--teachers {pattern}: no such file. {TEACHERS_NEEDED}")
        paths += matches
    return paths


def check_teachers(paths: Sequence[Path], source: str) -> None:
    """Check with the metadata next to their weights that the networks are teachers of the digits to train on.

    source: description of the digits to train on, `DataSplits.source`.

    Raises: UserError when metadata is missing, or a network is no teacher or was trained on other digits.
    """
    for path in paths:
        metadata = files.load_metadata(path)
        if not metadata:
            raise UserError(
                f"--teachers {path}: {path.with_suffix('.json')} is missing or damaged. train.py writes it with the "
                "weights: keep both, or train the teacher again."
            )
        name, trained_on = metadata.get("model"), metadata.get("data")
        if (name, trained_on) != ("teacher", source):
            raise UserError(
                f"--teachers {path}: its network is {name!r}, trained on {trained_on!r}; this run needs a 'teacher', "
                f"trained on {source!r}. Name another file, or train it again with --model teacher."
            )


def predict(
    teachers: Sequence[Teacher],
    dataset: ImageDataset,
    ranges: AugmentationRanges,
    view_count: int,
    cache: Path | None,
    out: Path,
    dist: DistributedContext,
) -> TeacherPredictions:
    """Predict with the teachers in the main process, except where the cache has the result, and give it to all.

    teachers: none give empty predictions.
    view_count: number of augmented views.
    cache: file for the predictions; None for one next to the student's weights, `out`.

    Raises: UserError as `cached_predictions`, and when the cache cannot be written.
    """
    if not teachers:
        return TeacherPredictions([], [])
    started = time.perf_counter()
    cache = cache or out.with_suffix(".teacher-cache.pth")
    predictions = None
    if dist.is_main_process:
        files.check_writable(cache, "--teacher-cache", (".pth",), required_bytes(dataset, view_count))
        predictions = cached_predictions(cache, dataset, ranges, teachers, view_count, dist.disable_progress)
    predictions = dist.broadcast(predictions)
    return replace(predictions, seconds=time.perf_counter() - started)


def cached_predictions(
    cache: Path,
    dataset: ImageDataset,
    ranges: AugmentationRanges,
    teachers: Sequence[Teacher],
    view_count: int,
    disable_progress: bool | None = None,
) -> TeacherPredictions:
    """Predict with the teachers on `view_count` augmented views, except where the file `cache` has the result.

    The file is written after each view, so that a killed run continues there.

    Raises: UserError when the disk is full, or the file is damaged or of other images, augmentation or teachers.
    """
    key = cache_key(dataset, ranges, [metadata for _, metadata in teachers])
    content = _load_cache(cache, key) if cache.exists() else {"key": key, "probabilities": [], "seconds": 0.0}
    networks = [network.to(memory_format=torch.channels_last) for network, _ in teachers]  # twice as fast on a CPU
    done = len(content["probabilities"])
    for view in tqdm(range(done, view_count), "teacher predictions", leave=False, disable=disable_progress):
        started = time.perf_counter()
        images = augmented_view(dataset, ranges, view)
        with device.autocast(dataset.images.device):
            logits = [predict_logits(network, images).float() for network in networks]
        mean = torch.stack([append_reject_logit(output).softmax(1) for output in logits]).mean(0)
        content["probabilities"].append(mean.half().cpu())
        content["seconds"] += time.perf_counter() - started
        with files.defer_stop_signals(), files.atomic_write(cache) as file:
            torch.save(content, file)
    return TeacherPredictions(content["probabilities"][:view_count], key["teachers"])


def cache_key(dataset: ImageDataset, ranges: AugmentationRanges, metadata: list[dict[str, Any]]) -> dict[str, Any]:
    """Cache key of the teacher predictions: checksum of the images, augmentation, the teachers' metadata."""
    checksum = [len(dataset), int(dataset.images.sum()), int(dataset.labels.sum())]
    return {"images": checksum, "augmentation": asdict(ranges), "teachers": metadata}


def required_bytes(dataset: ImageDataset, view_count: int) -> int:
    """Bytes on the disk that the cache needs, together with its next version while that is written."""
    return files.MIN_FREE_BYTES + 2 * view_count * len(dataset) * CLASS_COUNT * torch.float16.itemsize


def smooth_one_hot(labels: Tensor, smoothing: float) -> Tensor:
    """One-hot targets (N, 11) of labels (N,), 0 to 10, with the share `smoothing` spread evenly over all classes."""
    return F.one_hot(labels, CLASS_COUNT) * (1 - smoothing) + smoothing / CLASS_COUNT


def apply_temperature(probabilities: Tensor, temperature: float) -> Tensor:
    """Soften probabilities (N, 11) as if their logits had been divided by `temperature`."""
    # float16 has no numbers between 0 and 6e-8; no network's confidence is meaningful to 1e-5.
    return (probabilities.float().clamp(min=1e-5).log() / temperature).softmax(1)


def _load_cache(path: Path, key: dict[str, Any]) -> dict[str, Any]:
    content = files.load_tensors(path, HINT)
    if not isinstance(content, dict) or content.keys() != KEYS:
        raise UserError(f"{path} holds no teacher predictions. {HINT}")
    if content["key"] != key:
        raise UserError(f"{path} is of other images, other augmentation or other teachers. {HINT}")
    return content
