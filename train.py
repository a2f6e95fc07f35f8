"""Train the digit reader: settings, device, data, model, optimisers, loop, save. Read it top to bottom.

`--recipe fast` takes some seconds on 2 CPU cores, the default a minute; `--recipe best` made the weights that
ship (README, Results). Each writes `mnist.pth`, the weights, and `mnist.json`, where they come from.
"""

import time

STARTED = time.perf_counter()  # `total_seconds` counts the imports as well

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
import torch._dynamo  # else imported, for a second, when the first optimiser is made: imports are not training
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

import model as networks
from digits import UserError, augment, average, checkpoint, device, files, finite, flags, lessons, ranks, scores, splits
from digits.muon import Muon

LINE = "epoch {epoch:2d}/{of}  loss {loss:.4f}  validation {validation_accuracy:.2f} %  {seconds:.1f} s"
CHECKED = 50  # steps after which their losses are looked at: a GPU need not wait for each


def setting(default, allowed: str, reason: str):
    return field(default=default, metadata={"allowed": allowed, "help": reason})


@dataclass(frozen=True)
class Settings:
    """A recipe. Each field is a flag; each value was chosen on the validation split."""

    epochs: int = setting(6, "[1, inf)", "how often the training digits are gone through")
    share: float = setting(1.0, "(0, 1]", "share of the training digits that an epoch shows")
    batch_size: int = setting(128, "[1, inf)", "digits a step")
    lr: float = setting(0.02, "(0, 1e30)", "highest learning rate of the hidden layers' weights, which Muon moves")
    lr_rest: float = setting(6e-3, "(0, 1e30)", "highest learning rate of all else, which AdamW moves")
    weight_decay: float = setting(0.01, "[0, inf)", "AdamW's pull towards small weights")
    warmup: float = setting(0.2, "[0, 1)", "share of the steps in which the rates rise; in the others they fall")
    label_smoothing: float = setting(0.05, "[0, 1)", "share of the target that goes to all ten digits alike")
    average: float = setting(0.1, "[0, 1]", "the weights kept average about this last share of all steps")
    warp: float = setting(1.0, "[0, 5]", "how far digits are turned, scaled, slanted and moved, in augment.Warps")
    bend: float = setting(0.0, "[0, 14]", "how far they are bent, in pixels")
    normalise: int = setting(1, "[0, 1]", "whether batch normalisation helps; at the end it is folded into the weights")
    freeze: float = setting(1.0, "[0, 1]", "share of the steps after which the first convolution learns no more")
    teach: float = setting(0.0, "[0, 1]", "share of the target that larger networks give")
    teachers: int = setting(4, "[1, 99]", "how many larger networks there are")
    copies: int = setting(12, "[1, 999]", "how many warped copies of the training digits they are asked about")
    soften: float = setting(3.0, "[1, 99]", "temperature that makes them say less surely what they say")
    seed: int = setting(0, "[0, 9e18]", "same seed, same machine: same weights, to the bit on a CPU")

    def steps(self, digits: int) -> int:
        """How many steps an epoch of so many digits has."""
        return math.ceil(max(1, round(self.share * digits)) / self.batch_size)

    def warps(self) -> augment.Warp:
        return augment.Warp().times(self.warp, self.bend)


RECIPES = {
    "fast": Settings(1, 0.42, lr=0.09, label_smoothing=0.1, average=0.0, warp=0.0, normalise=0, freeze=0.3),
    "default": Settings(),
    "best": Settings(epochs=24, teach=1.0),
}


# A single layer is one template a digit, which fits digits as they stand: warped ones cost it 3 points of accuracy.
EXCEPT = {"softmax": {"warp": 0.0}}


@dataclass(frozen=True)
class Learner:
    """All that changes while training runs, and so all that a checkpoint keeps."""

    model: nn.Module
    average: AveragedModel
    muon: Muon
    adam: torch.optim.AdamW
    random: torch.Generator


def main(args: argparse.Namespace) -> int:
    with ranks.join(device.pick(args.device)) as place:
        return run(args, place)


def run(args: argparse.Namespace, place: ranks.Ranks) -> int:
    """Train as `args` say, or go on with the run that --resume names; the exit code."""
    resumed = checkpoint.load(args.resume) if args.resume else None
    settings = Settings(**{f.name: getattr(args, f.name) for f in fields(Settings)})
    files.check_writable(args.out)
    began = time.perf_counter() - (resumed["seconds"] if resumed else 0)
    with ranks.one_first(place):
        made_up = args.synthetic and splits.made_up(args.synthetic, settings.seed, place.device)
        data = made_up or splits.load(args.data_dir, args.mirror, place.device)
    paused = time.perf_counter()  # teachers are trained and asked once, their time is their own
    taught = lessons_of(args, settings, data, place) if settings.teach else None
    began += time.perf_counter() - paused
    learner, curve = start(args.model, settings, data, place.device), []
    size = networks.parameters(networks.folded(learner.model))
    place.say(f"device  {device.describe(place.device)}{f', {place.count} processes' if place.count > 1 else ''}")
    place.say(f"model   {args.model}, {size:,} parameters, recipe {args.recipe}")
    place.say(f"data    {data.source}: {len(data.train):,} to train, {len(data.validation):,} to validate")
    beside = args.out.with_suffix(".resume.pth")
    if resumed:
        checkpoint.restore(vars(learner), resumed)
        curve = resumed["curve"]
        place.say(f"resumed after epoch {len(curve)}")
    elif beside.exists() and place.first:
        place.say(f"note    {beside} of an earlier run is now {checkpoint.put_aside(beside)}")

    def remember() -> None:
        if place.first:
            known = flags.kept(args, ["recipe", "model", "synthetic", "data_dir", "lessons", "out", *asdict(settings)])
            checkpoint.save(beside, vars(learner), flags=known, curve=curve, seconds=time.perf_counter() - began)

    try:
        remember()
        for epoch in train(learner, data, settings, taught, place, len(curve)):
            curve.append(epoch)
            place.say(LINE.format(of=settings.epochs, **epoch))
            remember()
        trained = scores.calibrated(networks.folded(learner.average.module), data.validation)
        train_seconds = time.perf_counter() - began
        test_accuracy = scores.accuracy(trained, data.test)
    except KeyboardInterrupt:
        if curve and place.first:
            networks.save(networks.folded(learner.average.module), args.out.with_suffix(".partial.pth"))
        place.say(checkpoint.farewell(args.out, beside, curve))
        return 130  # what shells report of a program that Ctrl-C ended
    summary = {
        "device": place.device.type,
        "recipe": args.recipe,
        "model": args.model,
        "parameters": size,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "train_seconds": round(train_seconds, 2),
        "total_seconds": round(time.perf_counter() - STARTED, 2),
        "validation_accuracy": curve[-1]["validation_accuracy"],
        "test_accuracy": round(test_accuracy, 2),
    }
    if place.first:
        record = {"data": data.source, "settings": asdict(settings), "augmentation": asdict(settings.warps())}
        record |= device.record(place.device) | {"processes": place.count, "curve": curve}
        known = lessons.teachers(args.lessons, settings.teachers) if taught else []
        record["teachers"] = [json.loads(path.with_suffix(".json").read_text()) for path in known]
        networks.save(trained, args.out, summary | record)
        beside.unlink(missing_ok=True)
    place.say(f"test    {test_accuracy:.2f} % of {len(data.test):,} digits of {data.source}, looked at once")
    place.say(f"saved   {args.out} and {args.out.with_suffix('.json')}, {summary['total_seconds']:.0f} s in all")
    if args.json:
        place.say(json.dumps(summary))
    return 0


def train(
    learner: Learner,
    data: splits.Splits,
    settings: Settings,
    taught: list[Tensor] | None,
    place: ranks.Ranks,
    done: int,
) -> Iterator[dict[str, float]]:
    """Train what `learner` holds, in place, from epoch `done` + 1 on; after each epoch yield how it went.

    Errors: UserError when the loss or the weights are no longer numbers.
    """
    labels, where = data.train.labels, place.device  # int64 (N,)
    model, averaged, muon, adam, random = vars(learner).values()
    shared, steps = place.wrap(model), settings.steps(len(labels))
    for epoch in range(done + 1, settings.epochs + 1):
        began, losses, rates, total = time.perf_counter(), [], [], 0.0
        if taught:
            turn = (epoch - 1) % len(taught)
            images, wanted = (
                lessons.copy(data.train, settings.warps(), turn),
                lessons.softened(taught[turn].to(where), settings.soften),
            )
        else:
            images, wanted = augment.warped(data.train.images, settings.warps(), random), None
        model.train()
        order = torch.randperm(len(labels), generator=random, device=where).split(settings.batch_size)[:steps]
        for number, batch in enumerate(tqdm(order, f"epoch {epoch}", leave=False, disable=place.bars), 1):
            step, of = (epoch - 1) * steps + number, settings.epochs * steps
            height = rate(step, of, settings.warmup)
            if step > settings.freeze * of and networks.freeze(model):
                shared = place.wrap(model)
            muon.param_groups[0]["lr"], adam.param_groups[0]["lr"] = settings.lr * height, settings.lr_rest * height
            mine = place.share(batch)
            logits = shared(images[mine].float() / 255)  # (B, 1, 28, 28) → (B, 10)
            loss = loss_of(logits, labels[mine], wanted[mine] if taught else None, settings) / len(batch)
            model.zero_grad()
            (loss * place.count).backward()  # of several processes the gradients' mean is taken
            muon.step()
            adam.step()
            averaged.update_parameters(model)
            losses.append(loss.detach())
            rates.append(settings.lr * height)
            if number % CHECKED == 0 or number == steps:
                total += finite.total(place.total(torch.stack(losses)), rates, epoch, number, settings.lr)
                losses, rates = [], []
        finite.check(model, epoch, steps, settings.lr * height, settings.lr)
        yield {
            "epoch": epoch,
            "loss": round(total / steps, 5),
            "validation_accuracy": round(scores.accuracy(averaged.module, data.validation), 2),
            "seconds": round(time.perf_counter() - began, 2),
        }


def rate(step: int, steps: int, warmup: float) -> float:
    """The learning rates at `step` of 1 to `steps`, as a share of the highest: up, then down, in straight lines.

    A short form of Smith's one cycle (2018, arXiv 1803.09820).
    """
    return min(step / max(1, warmup * steps), (steps + 1 - step) / (steps * (1 - warmup)), 1.0)


def loss_of(logits: Tensor, labels: Tensor, taught: Tensor | None, settings: Settings) -> Tensor:
    """The sum of the cross-entropies of `logits` (B, 10) to `labels` (B,) and to teachers' probabilities (B, 10)."""
    loss = F.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing, reduction="sum")
    lesson = loss if taught is None else F.cross_entropy(logits, taught, reduction="sum")
    return torch.lerp(loss, lesson, settings.teach)


def start(name: str, settings: Settings, data: splits.Splits, where: torch.device) -> Learner:
    """The network called `name` with its first weights, and what will move them."""
    torch.manual_seed(settings.seed)  # torch.nn knows no other generator
    model = networks.NETWORKS[name]().to(where)
    if where.type == "cpu":
        model = model.to(memory_format=torch.channels_last)  # twice as fast there
    if settings.normalise:
        networks.normalise(model)
    *hidden, last = (weight for weight in model.parameters() if weight.ndim > 1)
    rest = [last, *(bias for bias in model.parameters() if bias.ndim == 1 and bias.requires_grad)]
    return Learner(
        model,
        average.following(model, settings.average * settings.epochs * settings.steps(len(data.train))),
        Muon([{"params": hidden}], settings.lr),
        torch.optim.AdamW(rest, settings.lr_rest, weight_decay=settings.weight_decay, fused=where.type != "mps"),
        torch.Generator(where).manual_seed(settings.seed),
    )


def lessons_of(args: argparse.Namespace, settings: Settings, data: splits.Splits, place: ranks.Ranks) -> list[Tensor]:
    """What the larger networks say; they are trained and asked first, and what they say kept, where it is not there."""
    if not lessons.take(args.lessons, data.train, settings.warps(), settings.copies):
        for seed, path in enumerate(lessons.teachers(args.lessons, settings.teachers)):
            if not path.exists():
                place.say(f"lessons training teacher {seed + 1} of {settings.teachers}, once, for {path}")
                partial = path.with_suffix(".resume.pth")
                words = ["--resume", partial] if partial.exists() else ["--out", path, "--seed", seed]
                own = arguments([str(word) for word in ("--model", "teacher", *words)])
                own.synthetic, own.data_dir, own.mirror = args.synthetic, args.data_dir, args.mirror
                if run(own, place):
                    sys.exit(130)
        place.wait()
        if place.first:
            place.say(f"lessons asking {settings.teachers} teachers about {settings.copies} copies of the digits")
            known = [networks.load(path, place.device) for path in lessons.teachers(args.lessons, settings.teachers)]
            lessons.give(args.lessons, known, data.train, settings.warps(), settings.copies, place.bars)
        place.wait()
    return lessons.take(args.lessons, data.train, settings.warps(), settings.copies)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the digit reader on MNIST and save its weights.")
    parser.add_argument("--recipe", choices=RECIPES, default="default", help="the settings to begin with")
    parser.add_argument("--model", choices=networks.NETWORKS, default="cnn", help="the network to train (default: cnn)")
    flags.add_settings(parser, RECIPES)
    flags.add_places(parser)
    parser.add_argument("--synthetic", type=int, metavar="N", help="train on N digits made up here; no download")
    parser.add_argument("--lessons", type=Path, metavar="FILE", help="what teachers say (default: beside --out)")
    parser.add_argument("--out", type=Path, metavar="FILE", default="mnist.pth", help="where the weights go")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on with a run that was stopped")
    parser.add_argument("--json", action="store_true", help="last line of output: the results as one JSON object")
    args = flags.parse(parser, words, RECIPES, EXCEPT)
    args.lessons = args.lessons or args.out.with_suffix(".lessons.pth")
    return args


if __name__ == "__main__":
    try:
        sys.exit(main(arguments()))
    except UserError as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped while nothing was trained: each file is as it was, or new and whole.")
