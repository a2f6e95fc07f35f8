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

try:
    import torch._dynamo  # else imported, for a second, when the first optimiser is made: imports are not training
except FileNotFoundError:
    sys.exit("train.py: PyTorch needs a folder for temporary files: mount one at /tmp, or name one in TMPDIR.")
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

import model as networks
from digits import UserError, device, files, metrics
from digits.data import augmentation, splits
from digits.probabilities import append_reject_logit
from digits.training import average, checkpoint, distillation, distributed, finite, flags
from digits.training.optim import Muon

LINE = "epoch {epoch:2d}/{of}  loss {loss:.4f}  validation {validation_accuracy:.2f} %  {seconds:.1f} s"
LOSS_SYNC_INTERVAL = 50  # steps after which their losses are looked at: a GPU need not wait for each


def setting(default, allowed: str, reason: str):
    return field(default=default, metadata={"allowed": allowed, "help": reason})


@dataclass(frozen=True)
class TrainConfig:
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
    warp: float = setting(1.0, "[0, 5]", "how far digits are turned, scaled, slanted and moved, in augment.Warp")
    bend: float = setting(0.0, "[0, 14]", "how far they are bent, in pixels")
    normalise: int = setting(1, "[0, 1]", "whether batch normalisation helps; at the end it is folded into the weights")
    freeze: float = setting(1.0, "[0, 1]", "share of the steps after which the first convolution learns no more")
    teach: float = setting(0.0, "[0, 1]", "share of the target that larger networks give")
    teachers: int = setting(4, "[1, 99]", "how many larger networks there are")
    copies: int = setting(12, "[1, 999]", "how many warped copies of the training digits they are asked about")
    pens: float = setting(0.0, "[0, 9]", "digits by other pens and hands than MNIST's, as a share of its own")
    others: float = setting(0.0, "[0, 9]", "pictures of what is no digit, as a share of the digits")
    soften: float = setting(3.0, "[1, 4]", "temperature that makes them say less surely what they say")
    half: int = setting(0, "[0, 1]", "whether to multiply 16-bit numbers where the processor is fast at it")
    seed: int = setting(0, "[0, 9e18]", "same seed, same machine: same weights, to the bit on a CPU")

    def steps(self, pictures: int) -> int:
        """How many steps an epoch of so many pictures has; one left over is left out, as norms need two."""
        return max(1, math.ceil((round(self.share * pictures) - 1) / self.batch_size))

    def warps(self) -> augmentation.AugmentationRanges:
        return augmentation.AugmentationRanges().scaled(self.warp, self.bend)


RECIPES = {
    "fast": TrainConfig(1, 0.42, lr=0.09, label_smoothing=0.1, average=0.0, warp=0.0, normalise=0, freeze=0.3),
    "default": TrainConfig(),
    "best": TrainConfig(
        60, lr=0.04, warp=1.5, bend=1.5, teach=1.0, teachers=2, copies=16, pens=0.3, others=0.35, half=1
    ),
}


# Of the recipes. Softmax is one template a digit, which fits digits as they stand: warped ones cost it 3 points.
MODEL_OVERRIDES = {"softmax": {"warp": 0.0}, "teacher": {"epochs": 12, "half": 1}}
# What a run that was stopped goes on with.
RESUMED_FIELDS = [
    "recipe",
    "model",
    "synthetic",
    "device",
    "data_dir",
    "lessons",
    "out",
    *(f.name for f in fields(TrainConfig)),
]


@dataclass(frozen=True)
class TrainState:
    """All that changes while training runs, and so all that a checkpoint keeps."""

    model: nn.Module
    average: AveragedModel
    muon: Muon
    adam: torch.optim.AdamW
    random: torch.Generator


def main(args: argparse.Namespace) -> int:
    """Train as `args` say; the exit code."""
    with distributed.init_distributed(device.select(args.device)) as dist:
        try:
            run(args, dist)
            return 0
        except KeyboardInterrupt as stop:
            dist.print0(str(stop) or "\nStopped: each file is as it was, or new and whole.")
            return 130  # what shells report of a program that Ctrl-C ended


def run(args: argparse.Namespace, dist: distributed.DistributedContext, data: splits.DataSplits | None = None) -> None:
    """Train on `data`, else on those that `args` name. A KeyboardInterrupt says what was kept and how to go on."""
    resumed = checkpoint.load(args.resume) if args.resume else None
    args.device = dist.device.type
    settings = TrainConfig(**{f.name: getattr(args, f.name) for f in fields(TrainConfig)})
    files.check_writable(args.out, "--out", ("", ".pth"))
    began = time.perf_counter() - (resumed["seconds"] if resumed else 0)
    if data is None:
        with distributed.main_process_first(dist):
            made_up = args.synthetic and splits.synthetic_splits(args.synthetic, settings.seed, dist.device)
            data = made_up or splits.load_mnist_splits(args.data_dir, args.mirror, dist.device)
        data = splits.extend_training_set(data, settings.pens, settings.others, dist.disable_progress)
    learner, curve = build_train_state(args.model, settings, data, dist.device), []
    size = networks.count_parameters(networks.fold_batch_norm(learner.model))
    dist.print0(
        f"device  {device.describe(dist.device)}{f', {dist.world_size} processes' if dist.world_size > 1 else ''}"
    )
    dist.print0(f"model   {args.model}, {size:,} parameters, recipe {args.recipe}")
    dist.print0(f"data    {data.source}: {len(data.train):,} to train, {len(data.validation):,} to validate")
    beside = args.out.with_suffix(".resume.pth")
    if resumed:
        checkpoint.restore(vars(learner), resumed)
        curve = resumed["curve"]
        dist.print0(f"resumed after epoch {len(curve)}")
    if dist.is_main_process and beside.exists() and not (args.resume and beside.samefile(args.resume)):
        dist.print0(f"note    {beside} of an earlier run is now {checkpoint.rename_old(beside)}")

    def remember() -> None:
        if dist.is_main_process:
            seconds = time.perf_counter() - began
            checkpoint.save(beside, vars(learner), flags=flags.kept(args, RESUMED_FIELDS), curve=curve, seconds=seconds)

    try:
        remember()
        paused = time.perf_counter()  # teachers are trained and asked once, their time is their own
        known = teacher_predictions(args, settings, data, dist) if settings.teach else distillation.NO_TEACHERS
        began += time.perf_counter() - paused
        for epoch in train(learner, data, settings, known, dist, len(curve)):
            curve.append(epoch)
            dist.print0(LINE.format(of=settings.epochs, **epoch))
            remember()
        trained = metrics.calibrate(networks.fold_batch_norm(learner.average.module), data.validation)
        seconds = time.perf_counter() - began
        accuracy = metrics.accuracy(trained, data.test)
    except KeyboardInterrupt:
        if curve and dist.is_main_process:
            networks.save(networks.fold_batch_norm(learner.average.module), args.out.with_suffix(".partial.pth"))
        words = (
            checkpoint.interruption_message(args.out, beside, curve, worth=bool(curve or settings.teach))
            if dist.is_main_process
            else ""
        )
        raise KeyboardInterrupt(words) from None
    summary = {"device": args.device, "recipe": args.recipe, "model": args.model, "parameters": size}
    summary |= {"epochs": settings.epochs, "seed": settings.seed, "train_seconds": round(seconds, 2)}
    summary |= {"total_seconds": round(time.perf_counter() - STARTED, 2)}
    summary |= {"validation_accuracy": curve[-1]["validation_accuracy"], "test_accuracy": round(accuracy, 2)}
    if dist.is_main_process:
        record = {"data": data.source, "settings": asdict(settings), "augmentation": asdict(settings.warps())}
        record |= device.environment(dist.device) | {
            "processes": dist.world_size,
            "curve": curve,
            "teachers": known.teachers,
        }
        with files.defer_sigint():
            networks.save(trained, args.out, summary | record)
            beside.unlink(missing_ok=True)
    dist.print0(f"test    {accuracy:.2f} % of {len(data.test):,} digits of {data.source}, looked at once")
    dist.print0(f"saved   {args.out} and {args.out.with_suffix('.json')}, {summary['total_seconds']:.0f} s in all")
    if args.json:
        dist.print0(json.dumps(summary))


def train(
    learner: TrainState,
    data: splits.DataSplits,
    settings: TrainConfig,
    known: distillation.TeacherPredictions,
    dist: distributed.DistributedContext,
    done: int,
) -> Iterator[dict[str, float]]:
    """Train what `learner` holds, in dist, from epoch `done` + 1 on; after each epoch yield how it went.

    Errors: UserError when the loss or the weights are no longer numbers.
    """
    model, averaged, muon, adam, random = vars(learner).values()
    told, where = distillation.smooth_one_hot(data.train.labels, settings.label_smoothing), dist.device  # (N, 11)
    shared, steps = dist.wrap(model), settings.steps(len(data.train))
    for epoch in range(done + 1, settings.epochs + 1):
        began, losses, heights, total = time.perf_counter(), [], [], 0.0
        if known.said:
            images, wanted = known.lesson(data.train, settings.warps(), epoch, settings.soften)
            wanted = told.lerp(wanted, settings.teach)
        else:
            images, wanted = augmentation.augment(data.train.images, settings.warps(), random), told
        model.train()
        order = torch.randperm(len(told), generator=random, device=where).split(settings.batch_size)[:steps]
        for number, batch in enumerate(tqdm(order, f"epoch {epoch}", leave=False, disable=dist.disable_progress), 1):
            step, of = (epoch - 1) * steps + number, settings.epochs * steps
            height = lr_scale(step, of, settings.warmup)
            if step > settings.freeze * of and networks.freeze_conv1(model):
                shared = dist.wrap(model)
            muon.param_groups[0]["lr"], adam.param_groups[0]["lr"] = settings.lr * height, settings.lr_rest * height
            mine = dist.shard(batch)
            with device.autocast(where, settings.half):
                logits = shared(images[mine].float() / 255)  # (B, 1, 28, 28) → (B, 10)
            loss = F.cross_entropy(append_reject_logit(logits.float()), wanted[mine], reduction="sum") / len(batch)
            model.zero_grad()
            (loss * dist.world_size).backward()  # of several processes the gradients' mean is taken
            muon.step()
            adam.step()
            averaged.update_parameters(model)
            losses.append(loss.detach())
            heights.append(height)
            if number % LOSS_SYNC_INTERVAL == 0 or number == steps:
                total += finite.sum_checked(dist.all_reduce(torch.stack(losses)), heights, epoch, number, settings)
                losses, heights = [], []
        finite.check_weights(model, epoch, steps, height, settings)
        yield {
            "epoch": epoch,
            "loss": round(total / steps, 5),
            "validation_accuracy": round(metrics.accuracy(averaged.module, data.validation), 2),
            "seconds": round(time.perf_counter() - began, 2),
        }


def lr_scale(step: int, steps: int, warmup: float) -> float:
    """The learning rates at `step` of 1 to `steps`, as a share of the highest: up, then down, in straight lines.

    A short form of Smith's one cycle (2018, arXiv 1803.09820).
    """
    return min(step / max(1, warmup * steps), (steps + 1 - step) / (steps * (1 - warmup)), 1.0)


def build_train_state(name: str, settings: TrainConfig, data: splits.DataSplits, where: torch.device) -> TrainState:
    """The network called `name` with its first weights, and what will move them."""
    if name == "teacher" and min(settings.batch_size, len(data.train)) < 2:
        raise UserError("Teachers learn from two digits a step, or more: raise --batch-size or --synthetic.")
    torch.manual_seed(settings.seed)  # torch.nn knows no other generator
    model = networks.NETWORKS[name]().to(where)
    if where.type == "cpu":
        model = model.to(memory_format=torch.channels_last)  # twice as fast there
    if settings.normalise:
        networks.add_batch_norm(model)
    *hidden, last = (weight for weight in model.parameters() if weight.ndim > 1)
    rest = [last, *(bias for bias in model.parameters() if bias.ndim == 1 and bias.requires_grad)]
    return TrainState(
        model,
        average.ema_model(model, settings.average * settings.epochs * settings.steps(len(data.train))),
        Muon([{"params": hidden}], settings.lr),
        torch.optim.AdamW(rest, settings.lr_rest, weight_decay=settings.weight_decay, fused=where.type != "mps"),
        torch.Generator(where).manual_seed(settings.seed),
    )


def teacher_predictions(
    args: argparse.Namespace, settings: TrainConfig, data: splits.DataSplits, dist: distributed.DistributedContext
) -> distillation.TeacherPredictions:
    """What the larger networks say; they are trained and asked first, and what they say kept, where it is not there."""
    copies = min(settings.copies, settings.epochs)
    files.check_writable(args.lessons, "--lessons", (".pth",), distillation.required_bytes(data.train, copies))
    kind = MODEL_OVERRIDES["teacher"] | {"pens": settings.pens, "others": settings.others}
    wanted = [asdict(TrainConfig(**kind, seed=seed)) for seed in range(settings.teachers)]
    about = distillation.cache_key(data.train, settings.warps(), wanted)
    if dist.broadcast(not (dist.is_main_process and distillation.load_predictions(args.lessons, about, copies))):
        paths = distillation.teacher_paths(args.lessons, settings.teachers)
        for seed, path in enumerate(paths):
            if dist.broadcast(not (dist.is_main_process and distillation.is_trained(path, data.source, wanted[seed]))):
                dist.print0(f"lessons training teacher {seed + 1} of {settings.teachers}, once, for {path}")
                own = parse_args(["--model", "teacher", "--out", str(path)])
                vars(own).update(wanted[seed], synthetic=args.synthetic, device=args.device)
                partial = path.with_suffix(".resume.pth")
                goes_on = dist.is_main_process and partial.exists()
                goes_on = goes_on and checkpoint.load(partial)["flags"] == flags.kept(own, RESUMED_FIELDS)
                own.resume = dist.broadcast(partial if goes_on else None)
                run(own, dist, data)
        if dist.is_main_process:
            dist.print0(f"lessons asking {settings.teachers} teachers about {copies} copies of the digits")
            taught = [(networks.load(p, dist.device), json.loads(p.with_suffix(".json").read_text())) for p in paths]
            distillation.cache_predictions(
                args.lessons, data.train, settings.warps(), about, taught, copies, dist.disable_progress
            )
    return dist.broadcast(distillation.load_predictions(args.lessons, about, copies) if dist.is_main_process else None)


def parse_args(words: list[str] | None = None) -> argparse.Namespace:
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
    args = flags.parse(parser, words, RECIPES, MODEL_OVERRIDES)
    args.lessons = args.lessons or args.out.with_suffix(".lessons.pth")
    return args


if __name__ == "__main__":
    try:
        sys.exit(main(parse_args()))
    except UserError as error:
        sys.exit(f"train.py: {error}")
