"""Train the digit reader: settings, device, data, model, optimiser, loop, save. Read it top to bottom.

`python train.py` takes about 80 seconds on 2 CPU cores (README, Results). It writes
`mnist.pth`, the weights, and `mnist.json`, where they come from.
"""

import time

STARTED = time.perf_counter()  # `total_seconds` counts the imports as well

import argparse
import json
import math
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from digits import UserError, augment, device, mnist, scores, synthetic
from model import CNN, parameters, save

LINE = "epoch {epoch:2d}/{of}  loss {loss:.4f}  validation {validation_accuracy:.2f} %  {seconds:.1f} s"


def setting(default, reason: str):
    return field(default=default, metadata={"help": reason})


@dataclass(frozen=True)
class Settings:
    """The recipe. Each field is a flag; each value was chosen on the validation split."""

    epochs: int = setting(8, "how often each digit is seen")
    batch_size: int = setting(128, "digits a step")
    lr: float = setting(6e-3, "highest learning rate of the one-cycle schedule")
    weight_decay: float = setting(0.01, "pull towards small weights")
    label_smoothing: float = setting(0.05, "share of the target that goes to all ten digits alike")
    average: float = setting(0.1, "the weights kept average about this last share of all steps")
    seed: int = setting(0, "same seed, same machine: same weights, to the bit on a CPU")


@dataclass(frozen=True)
class Data:
    """What is learned from; what choices are made on; what is looked at once, at the end."""

    train: mnist.Split
    validation: mnist.Split
    test: mnist.Split
    source: str


def main(args: argparse.Namespace) -> int:
    settings = Settings(**{f.name: getattr(args, f.name) for f in fields(Settings)})
    check_writable(args.out)
    where = device.pick(args.device)
    data = load_data(args, where)
    torch.manual_seed(settings.seed)  # the first weights: torch.nn knows no other generator
    model = CNN().to(where)
    if where.type == "cpu":
        model = model.to(memory_format=torch.channels_last)  # twice as fast there
    print(f"device  {where.type} ({device.describe(where)})")
    print(f"model   cnn, {parameters(model):,} parameters")
    print(f"data    {data.source}: {len(data.train):,} to train, {len(data.validation):,} to validate", flush=True)
    started, curve = time.perf_counter(), []
    average = averaged(model, settings, len(data.train))
    try:
        for epoch in train(model, average, data, settings):
            curve.append(epoch)
            print(LINE.format(of=settings.epochs, **epoch), flush=True)
        calibrate(average.module, data.validation)
        train_seconds = time.perf_counter() - started
        test_accuracy = scores.accuracy(average.module, data.test)
    except KeyboardInterrupt:
        return stopped(average.module, args.out, curve)
    summary = {
        "device": where.type,
        "recipe": "default",
        "model": "cnn",
        "parameters": parameters(model),
        "epochs": settings.epochs,
        "seed": settings.seed,
        "train_seconds": round(train_seconds, 2),
        "total_seconds": round(time.perf_counter() - STARTED, 2),
        "validation_accuracy": curve[-1]["validation_accuracy"],
        "test_accuracy": round(test_accuracy, 2),
    }
    keep(average.module, args.out, summary, record(settings, data, curve, where))
    print(f"test    {test_accuracy:.2f} % of {len(data.test):,} digits of {data.source}, looked at once")
    print(f"saved   {args.out} and {args.out.with_suffix('.json')} after {summary['total_seconds']:.0f} s in all")
    if args.json:
        print(json.dumps(summary))
    return 0


def train(model: torch.nn.Module, average: AveragedModel, data: Data, settings: Settings) -> Iterator[dict[str, float]]:
    """Train `model` in place, and `average` with it; after each epoch yield how it went.

    Errors: UserError when the loss is no longer a number.
    """
    images, labels = data.train.images, data.train.labels  # uint8 (N, 1, 28, 28), int64 (N,)
    random = torch.Generator(images.device).manual_seed(settings.seed)
    optimiser = torch.optim.AdamW(model.parameters(), settings.lr, weight_decay=settings.weight_decay)
    cycle = max(6, steps(settings, len(images)))  # of five, OneCycleLR makes a division by zero
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.lr, total_steps=cycle, pct_start=0.2)
    affine = augment.Affine()
    for epoch in range(1, settings.epochs + 1):
        began, total = time.perf_counter(), torch.zeros((), device=images.device)
        model.train()
        order = torch.randperm(len(images), generator=random, device=images.device)
        progress = tqdm(order.split(settings.batch_size), f"epoch {epoch}", leave=False, disable=None)
        for chosen in progress:
            batch = images[chosen].float() / 255  # (B, 1, 28, 28)
            batch = augment.affine(batch, affine, random)
            loss = F.cross_entropy(model(batch), labels[chosen], label_smoothing=settings.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update_parameters(model)
            total += loss.detach() * len(chosen)
        loss = total.item() / len(images)
        finite = all(weights.isfinite().all() for weights in average.module.parameters())
        if not (finite and math.isfinite(loss)):
            raise UserError(
                f"Loss or weights are no longer finite after epoch {epoch} (loss {loss}), so training stopped; "
                f"the weights saved before are untouched. Try a lower --lr than {settings.lr:g}."
            )
        yield {
            "epoch": epoch,
            "loss": round(loss, 5),
            "validation_accuracy": round(scores.accuracy(average.module, data.validation), 2),
            "seconds": round(time.perf_counter() - began, 2),
        }


def steps(settings: Settings, digits: int) -> int:
    return settings.epochs * math.ceil(digits / settings.batch_size)


def averaged(model: torch.nn.Module, settings: Settings, digits: int) -> AveragedModel:
    """A copy of `model` that follows its weights as an exponential moving average.

    The average of many steps reads better than the last step (Polyak & Juditsky 1992).
    """
    reach = max(1.0, settings.average * steps(settings, digits))
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(1 - 1 / reach))


@torch.no_grad()
def calibrate(model: CNN, validation: mnist.Split) -> None:
    """Make the probabilities mean what they say, by one factor that goes into the last layer.

    Source: temperature scaling, Guo et al. 2017, arXiv 1706.04599. No digit is read differently.
    """
    temperature = scores.temperature(scores.logits(model, validation.images), validation.labels)
    model.fc2.weight /= temperature
    model.fc2.bias /= temperature


def load_data(args: argparse.Namespace, where: torch.device) -> Data:
    """All of it as bytes on the device that trains."""
    if args.synthetic:
        held_out = max(100, args.synthetic // 10)
        counts = args.synthetic, held_out, held_out
        parts = [synthetic.digits(n, torch.Generator().manual_seed(args.seed + i)) for i, n in enumerate(counts)]
        source = "synthetic digits"
    else:
        known = mnist.load("train", args.data_dir, args.mirror)
        test = mnist.load("test", args.data_dir, args.mirror)
        parts = [known[: -mnist.VALIDATION], known[-mnist.VALIDATION :], test]
        source = "MNIST"
    return Data(*(part.to(where) for part in parts), source)


def check_writable(out: Path) -> None:
    """Find out now, not after training, that the weights cannot be saved.

    Errors: UserError.
    """
    try:
        if out.is_dir():
            raise IsADirectoryError("it is a folder")
        if out.suffix == ".json":
            raise OSError("that name is for the record beside the weights")
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise UserError(f"--out {out} cannot be written ({error}); name a file in a folder that can.") from None


def stopped(model: torch.nn.Module, out: Path, curve: list[dict[str, float]]) -> int:
    """After Ctrl-C: keep what was learned beside, not over, the weights that were there."""
    if not curve:
        print(f"\nStopped in the first epoch: nothing was saved, {out} is as it was.")
    else:
        partial = out.with_suffix(".partial.pth")
        save(model, partial)
        print(
            f"\nStopped after epoch {len(curve)}, which read {curve[-1]['validation_accuracy']:.2f} % of the "
            f"validation split: {out} is as it was, the weights so far are in {partial}."
        )
    return 130  # what shells report of a program that Ctrl-C ended


def record(settings: Settings, data: Data, curve: list[dict[str, float]], where: torch.device) -> dict:
    """Where weights come from, so that anyone can train them again."""
    return {
        "data": data.source,
        "settings": asdict(settings),
        "augmentation": asdict(augment.Affine()),
        "hardware": device.describe(where),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "curve": curve,
    }


def keep(model: torch.nn.Module, out: Path, summary: dict, recorded: dict) -> None:
    """Write the weights and, beside them, their record; Ctrl-C has to wait that moment.

    Errors: UserError when the disk is full.
    """
    beside = out.with_suffix(".json")
    temporary = beside.with_name(f".{beside.name}.{os.getpid()}")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        temporary.write_text(json.dumps(summary | recorded, indent=1) + "\n")
        save(model, out)
        os.replace(temporary, beside)
    except OSError as error:
        raise UserError(f"{beside} could not be saved ({error.strerror}): make room on the disk.") from None
    finally:
        temporary.unlink(missing_ok=True)
        signal.signal(signal.SIGINT, before)


# What argparse's types do not catch: a setting, what it allows, and how that is said.
LIMITS = [
    *((name, lambda value: value > 0, "above 0") for name in ("epochs", "batch_size", "synthetic")),
    ("lr", lambda value: 0 < value < 1e30, "above 0 and below 1e30"),
    ("weight_decay", lambda value: 0 <= value < math.inf, "0 or more and finite"),
    ("label_smoothing", lambda value: 0 <= value < 1, "from 0 to below 1"),
    ("average", lambda value: 0 < value <= 1, "above 0, at most 1"),
    ("seed", lambda value: 0 <= value < 2**63, "from 0 to below 2 to the power of 63"),
]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train the digit reader on MNIST and save its weights.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for f in fields(Settings):
        flag = "--" + f.name.replace("_", "-")
        parser.add_argument(flag, type=f.type, default=f.default, help=f.metadata["help"])
    parser.add_argument("--device", choices=device.CHOICES, default="auto", help="where to train")
    parser.add_argument("--data-dir", default="data", help="where MNIST is kept once it is downloaded")
    parser.add_argument(
        "--mirror", action="append", default=[], help="URL or folder with the four .gz files; may be repeated"
    )
    parser.add_argument("--synthetic", type=int, metavar="N", help="train on N digits made up here; no download")
    parser.add_argument("--out", type=Path, default=Path("mnist.pth"), help="where the weights go")
    parser.add_argument("--json", action="store_true", help="last line of output: the results as one JSON object")
    args = parser.parse_args(words)
    for name, allowed, rule in LIMITS:
        value = getattr(args, name)
        if value is not None and not allowed(value):
            parser.error(f"--{name.replace('_', '-')} is {value}; it must be {rule}")
    return args


if __name__ == "__main__":
    try:
        sys.exit(main(arguments()))
    except UserError as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped before training began: nothing was saved.")
