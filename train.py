"""Train the digit reader: read it from top to bottom.

Writes the weights, mnist.pth, and how they were made, mnist.json. `make best` made those that ship, with two teachers.
"""

import time

STARTED = time.perf_counter()  # `total_seconds` includes the imports

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator

import model as networks
from digits import UserError, device, files, metrics
from digits.config import CommonSettings, environment_variable, flag, parse, program_name
from digits.data import augmentation, splits
from digits.probabilities import append_reject_logit, to_input
from digits.training import checkpoint, distillation, distributed, line_training, optim

RECIPES = {  # what differs from the defaults
    "fast": {"epochs": 1, "train_fraction": 0.42, "augment": 0.0, "lr": 0.09, "label_smoothing": 0.1,
             "ema_window": 0.0, "batch_norm": False, "freeze_after": 0.3},
    "default": {},
    "best": {"epochs": 60, "style_fraction": 0.3, "outlier_fraction": 0.35, "augment": 1.5, "elastic": 1.5, "lr": 0.04,
             "amp": True, "teacher_views": 16, "distill_weight": 1.0},
}  # fmt: skip
MODEL_OVERRIDES = {  # what differs from the recipe
    "softmax": {"augment": 0.0},  # it has one template for each digit: augmentation costs it 3 points
    "line": {"epochs": 24, "batch_size": 384, "style_fraction": 0.3, "amp": True, "adamw_lr": 3e-3, "warmup": 0.05,
             "out": Path("line.pth")},
    "teacher": {"epochs": 12, "style_fraction": 0.3, "outlier_fraction": 0.35, "amp": True},  # teaches the recipe best
}  # fmt: skip
# Settings that the line reader's training does not use: its strings are degraded anew in each step, among them are
# other characters than digits, and it has no teachers.
UNUSED_BY_LINE_READER = ("recipe", "outlier_fraction", "augment", "elastic", "label_smoothing", "freeze_after",
                         "teachers", "teacher_cache", "teacher_views", "distill_weight",
                         "distill_temperature")  # fmt: skip


class TrainConfig(CommonSettings):
    """Train the digit reader on MNIST and save its weights. Recipes were chosen on the validation split."""

    recipe: Literal["fast", "default", "best"] = Field("default", description="settings to start from")
    model: Literal["cnn", "mlp", "softmax", "teacher", "line"] = Field("cnn", description="network to train")
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="same seed, machine and number of threads: same weights, to the bit on a CPU",
    )
    out: Path = Field(Path("mnist.pth"), description="file for the weights")
    resume: Path | None = Field(None, description="checkpoint of a stopped run to continue")
    # -- data
    synthetic: int | None = Field(None, ge=1, description="number of synthetic digits to train on, instead of MNIST")
    train_fraction: float = Field(1.0, gt=0, le=1, description="fraction of the training digits in each epoch")
    style_fraction: float = Field(0.0, ge=0, le=9, description="restyled digits, relative to the training digits")
    outlier_fraction: float = Field(0.0, ge=0, le=9, description="non-digits, relative to the training digits")
    augment: float = Field(1.0, ge=0, le=5, description="strength of rotation, scaling, shear and shift")
    elastic: float = Field(0.0, ge=0, le=14, description="strength of the elastic distortion, in pixels")
    # -- optimization
    epochs: int = Field(6, ge=1, description="passes over the training digits")
    batch_size: int = Field(128, ge=1, description="digits in each step")
    lr: float = Field(0.02, gt=0, lt=1e30, description="peak learning rate of Muon: weights of hidden layers")
    adamw_lr: float = Field(6e-3, gt=0, lt=1e30, description="peak learning rate of AdamW: last layer and biases")
    weight_decay: float = Field(0.01, ge=0, lt=1e30, description="weight decay of AdamW")
    warmup: float = Field(0.2, ge=0, lt=1, description="fraction of the steps in which the learning rates rise")
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="share of the target spread over all classes")
    ema_window: float = Field(0.1, ge=0, le=1, description="fraction of all steps over which weights are averaged")
    batch_norm: bool = Field(True, description="batch normalization, folded into the weights at the end")
    freeze_after: float = Field(1.0, ge=0, le=1, description="fraction of the steps after which conv1 is frozen")
    amp: bool = Field(False, description="mixed precision (bfloat16) where the processor is fast at it")
    # -- distillation
    teachers: list[Path] = Field([], description="weights of teachers, or globs; needs --distill-weight")
    teacher_cache: Path | None = Field(None, description="file for their predictions; by default next to --out")
    teacher_views: int = Field(12, ge=1, le=999, description="augmented views of the digits that they predict")
    distill_weight: float = Field(0.0, ge=0, le=1, description="share of the teachers in the target")
    distill_temperature: float = Field(3.0, ge=1, le=4, description="temperature of the teachers' soft targets")

    @model_validator(mode="before")
    @classmethod
    def apply_recipe(cls, given: dict) -> dict:
        """Fill in what neither flags nor environment give: from the model's overrides, else from the recipe."""
        overrides = RECIPES.get(given.get("recipe"), {}) | MODEL_OVERRIDES.get(given.get("model"), {})
        return given if given.get("resume") else overrides | given

    @model_validator(mode="after")
    def refuse_unused(self) -> Self:
        """Refuse other values than the defaults in settings that the training of the model does not use."""
        for name in UNUSED_BY_LINE_READER if self.model == "line" else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                names = f"{flag(name)} (or {environment_variable(name)})"
                raise ValueError(f"--model line does not use {names}: leave it out.")
        return self


def main(config: TrainConfig, build_optimizers: Callable = optim.build_optimizers) -> None:
    """Train a network that classifies digits: each of NETWORKS but the line reader."""
    # -- configuration
    optim.import_compiler()
    config, curve, saved_state, path = checkpoint.load(config)  # curve: the results of each finished epoch
    config = config.model_copy(update={"teachers": distillation.find_teachers(config.teachers, config.distill_weight)})
    files.check_writable(config.out, "--out", ("", ".pth"))

    # -- device and data
    dist = distributed.init_distributed(device.select(config.device))
    started = time.perf_counter() - sum(epoch["seconds"] for epoch in curve)
    with dist.main_process_first():
        data = splits.load(config.synthetic, config.seed, config.data_dir, config.mirror, dist.device)
    distillation.check_teachers(config.teachers, data.source)
    data = splits.extend_training_set(data, config.style_fraction, config.outlier_fraction, dist.disable_progress)
    ranges = augmentation.AugmentationRanges().scaled(config.augment, config.elastic)
    steps = optim.steps_per_epoch(round(config.train_fraction * len(data.train)), config.batch_size)
    if config.model == "teacher" and min(config.batch_size, len(data.train)) < 2:
        raise UserError("Teachers need at least two digits in each step: raise --batch-size or --synthetic.")

    # -- model and optimizers
    model = networks.build(config.model, config.seed, dist.device, config.batch_norm)
    muon, adamw = build_optimizers(model, config.lr, config.adamw_lr, config.weight_decay)
    ema = optim.ema_model(model, config.ema_window * config.epochs * steps)
    generator = torch.Generator(dist.device).manual_seed(config.seed)
    state = {"model": model, "ema": ema, "muon": muon, "adamw": adamw, "generator": generator}
    parameter_count = networks.count_parameters(networks.fold_batch_norm(model))
    dist.print0(f"device  {dist.describe()}")
    dist.print0(f"model   {config.model}, {parameter_count:,} parameters, recipe {config.recipe}")
    dist.print0(f"data    {data.source}: {len(data.train):,} to train, {len(data.validation):,} to validate")
    if config.resume:
        checkpoint.restore(state, saved_state)
        dist.print0(f"resumed after epoch {len(curve)}")

    try:
        path = checkpoint.claim_path(config.out, path) if dist.is_main_process else None
        checkpoint.save(path, config, curve, state)
        loaded = [(networks.load(teacher, dist.device), files.load_metadata(teacher)) for teacher in config.teachers]
        view_count = min(config.teacher_views, config.epochs)
        teachers = distillation.predict(loaded, data.train, ranges, view_count, config.teacher_cache, config.out, dist)
        started += teachers.seconds  # not training: the predictions serve many runs
        # -- training
        ddp, total_steps = dist.wrap(model), config.epochs * steps
        labels = distillation.smooth_one_hot(data.train.labels, config.label_smoothing)  # (N, 11)
        for epoch in range(len(curve) + 1, config.epochs + 1):
            epoch_started = time.perf_counter()
            if config.teachers:
                images, targets = teachers.epoch_targets(data.train, ranges, epoch, config.distill_temperature)
                targets = labels.lerp(targets, config.distill_weight)
            else:
                images, targets = augmentation.augment(data.train.images, ranges, generator), labels
            model.train()
            order = torch.randperm(len(labels), generator=generator, device=dist.device)
            losses, scales = torch.zeros(steps, device=dist.device), []  # scales: of the learning rates
            for step, batch in enumerate(dist.progress(order.split(config.batch_size)[:steps], f"epoch {epoch}"), 1):
                global_step = (epoch - 1) * steps + step
                if global_step > config.freeze_after * total_steps and networks.freeze_conv1(model):
                    ddp = dist.wrap(model)
                scales.append(scale := optim.lr_schedule(global_step, total_steps, config.warmup))
                muon.param_groups[0]["lr"], adamw.param_groups[0]["lr"] = config.lr * scale, config.adamw_lr * scale
                shard = dist.shard(batch)
                with device.autocast(dist.device, config.amp):
                    logits = ddp(to_input(images[shard])).float()  # (B, 1, 28, 28) → (B, 10)
                loss = F.cross_entropy(append_reject_logit(logits), targets[shard], reduction="sum") / len(batch)
                model.zero_grad()
                (loss * dist.world_size).backward()  # DDP takes the mean gradient of the processes
                muon.step()
                adamw.step()
                ema.update_parameters(model)
                losses[step - 1] = loss.detach()
                if step % optim.FINITE_CHECK_INTERVAL == 0 or step == steps:
                    optim.check_finite(losses, model, epoch, scales, config.lr, config.adamw_lr)
            loss = round(dist.all_reduce(losses).mean().item(), 5)
            accuracy = round(metrics.accuracy(ema.module, data.validation), 2)
            took = round(time.perf_counter() - epoch_started, 2)
            curve.append({"epoch": epoch, "loss": loss, "validation_accuracy": accuracy, "seconds": took})
            dist.print0(f"epoch {epoch:2d}/{config.epochs}  loss {loss:.4f}  validation {accuracy:.2f} %  {took:.1f} s")
            checkpoint.save(path, config, curve, state)
        # -- calibration, then the test images, once
        trained = metrics.calibrate(networks.fold_batch_norm(ema.module), data.validation)
        train_seconds, test_accuracy = time.perf_counter() - started, round(metrics.accuracy(trained, data.test), 2)
    except KeyboardInterrupt:
        if path and curve:
            networks.save(networks.fold_batch_norm(ema.module), checkpoint.partial_path(path))
        dist.print0(checkpoint.conclude_interrupted_run(path, config.out, curve))
        sys.exit(130)  # as shells report a program that Ctrl-C ended
    except UserError as error:
        raise UserError(f"{error}{checkpoint.conclude_failed_run(path, curve)}") from None

    # -- save
    summary = {"device": dist.device.type, "recipe": config.recipe, "model": config.model,
               "parameters": parameter_count, "epochs": config.epochs, "seed": config.seed,
               "train_seconds": round(train_seconds, 2), "total_seconds": round(time.perf_counter() - STARTED, 2),
               "validation_accuracy": curve[-1]["validation_accuracy"], "test_accuracy": test_accuracy}  # fmt: skip
    if path:  # in the main process
        metadata = {"data": data.source, "settings": config.model_dump(mode="json", exclude=checkpoint.RUN_SETTINGS),
                    "augmentation": vars(ranges), **device.environment(dist.device), "processes": dist.world_size,
                    "curve": curve, "teachers": teachers.metadata}  # fmt: skip
        with files.defer_stop_signals():
            networks.save(trained, config.out, summary | metadata)
            checkpoint.delete(path)
    dist.print0(f"test    {test_accuracy:.2f} % of {len(data.test):,} digits of {data.source}, looked at once")
    print_summary(config, summary, dist)


def train_line_reader(config: TrainConfig) -> None:
    """Train the network that reads whole lines, on strings that are composed anew in each step.

    An epoch has `line_training.STEPS_PER_EPOCH` steps.
    """
    # -- configuration
    optim.import_compiler()
    config, curve, saved_state, path = checkpoint.load(config)
    files.check_writable(config.out, "--out", ("", ".pth"))

    # -- device and data
    dist = distributed.init_distributed(device.select(config.device))
    started = time.perf_counter() - sum(epoch["seconds"] for epoch in curve)
    with dist.main_process_first():
        data = splits.load(config.synthetic, config.seed, config.data_dir, config.mirror, dist.device)
    data = splits.extend_training_set(data, config.style_fraction, 0.0, dist.disable_progress)
    banks = line_training.make_banks(data, dist)
    steps = max(1, round(config.train_fraction * line_training.STEPS_PER_EPOCH))

    # -- model and optimizers
    model = networks.build("line", config.seed, dist.device, config.batch_norm)
    muon, adamw = optim.build_optimizers(model, config.lr, config.adamw_lr, config.weight_decay)
    ema = optim.ema_model(model, config.ema_window * config.epochs * steps)
    generator = torch.Generator(dist.device).manual_seed(config.seed)
    state = {"model": model, "ema": ema, "muon": muon, "adamw": adamw, "generator": generator}
    parameter_count = networks.count_parameters(networks.fold_batch_norm(model))
    dist.print0(f"device  {dist.describe()}")
    dist.print0(f"model   line, {parameter_count:,} parameters")
    dist.print0(f"data    {data.source}: strings of {banks['train'].digit_count:,} digits")
    if config.resume:
        checkpoint.restore(state, saved_state)
        dist.print0(f"resumed after epoch {len(curve)}")

    try:
        path = checkpoint.claim_path(config.out, path) if dist.is_main_process else None
        checkpoint.save(path, config, curve, state)
        # -- training
        ddp, total_steps = dist.wrap(model), config.epochs * steps
        for epoch in range(len(curve) + 1, config.epochs + 1):
            epoch_started = time.perf_counter()
            model.train()
            # A checkpoint has the generator of the main process, with which all processes would draw the same strings.
            if dist.rank:
                generator.manual_seed(line_training.process_seed(config.seed, epoch, dist))
            losses, scales = torch.zeros(steps, device=dist.device), []  # scales: of the learning rates
            for step in dist.progress(range(1, steps + 1), f"epoch {epoch}"):
                scales.append(scale := optim.lr_schedule((epoch - 1) * steps + step, total_steps, config.warmup))
                muon.param_groups[0]["lr"], adamw.param_groups[0]["lr"] = config.lr * scale, config.adamw_lr * scale
                batch = line_training.compose_batch(banks["train"], step, config.batch_size, generator, dist)
                with device.autocast(dist.device, config.amp):
                    logits = ddp(batch.images)  # (B, 1, 32, W) → (B, W / 2, 18)
                loss = line_training.ctc_loss(logits, batch)
                model.zero_grad()
                loss.backward()
                muon.step()
                adamw.step()
                ema.update_parameters(model)
                losses[step - 1] = loss.detach()
                if step % optim.FINITE_CHECK_INTERVAL == 0 or step == steps:
                    optim.check_finite(losses, model, epoch, scales, config.lr, config.adamw_lr)
            loss = round(dist.all_reduce(losses).mean().item() / dist.world_size, 5)
            accuracy = round(line_training.string_accuracy(ema.module, banks["validation"]), 2)
            took = round(time.perf_counter() - epoch_started, 2)
            curve.append({"epoch": epoch, "loss": loss, "validation_accuracy": accuracy, "seconds": took})
            dist.print0(f"epoch {epoch:2d}/{config.epochs}  loss {loss:.4f}  strings {accuracy:.2f} %  {took:.1f} s")
            checkpoint.save(path, config, curve, state)
        # -- strings of the test digits, once
        trained = networks.fold_batch_norm(ema.module)
        train_seconds = time.perf_counter() - started
        test_accuracy = round(line_training.string_accuracy(trained, banks["test"]), 2)
    except KeyboardInterrupt:
        if path and curve:
            networks.save(networks.fold_batch_norm(ema.module), checkpoint.partial_path(path))
        dist.print0(checkpoint.conclude_interrupted_run(path, config.out, curve))
        sys.exit(130)
    except UserError as error:
        raise UserError(f"{error}{checkpoint.conclude_failed_run(path, curve)}") from None

    # -- save
    summary = {"device": dist.device.type, "recipe": config.recipe, "model": "line", "parameters": parameter_count,
               "epochs": config.epochs, "seed": config.seed, "train_seconds": round(train_seconds, 2),
               "total_seconds": round(time.perf_counter() - STARTED, 2),
               "validation_accuracy": curve[-1]["validation_accuracy"], "test_accuracy": test_accuracy}  # fmt: skip
    if path:  # in the main process
        metadata = {"data": data.source, "settings": config.model_dump(mode="json", exclude=checkpoint.RUN_SETTINGS),
                    **device.environment(dist.device), "processes": dist.world_size, "curve": curve}  # fmt: skip
        with files.defer_stop_signals():
            networks.save(trained, config.out, summary | metadata)
            checkpoint.delete(path)
    dist.print0(f"test    {test_accuracy:.2f} % of strings of the test digits, looked at once")
    print_summary(config, summary, dist)


def print_summary(config: TrainConfig, summary: dict, dist: distributed.DistributedContext) -> None:
    """Print where the weights are, and with --json the summary."""
    dist.print0(f"saved   {config.out} and {config.out.with_suffix('.json')}, {summary['total_seconds']:.0f} s in all")
    if config.json_output:
        dist.print0(json.dumps(summary))


def train(config: TrainConfig) -> None:
    """Train the network that `config` names, or the checkpoint that it resumes."""
    resumed = checkpoint.load(config).config
    train_line_reader(config) if resumed.model == "line" else main(config)


def run() -> None:
    """Run the program with the settings of its command line: `python train.py` and digits-train."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops as Ctrl-C does
    try:
        train(parse(TrainConfig))
    except UserError as error:
        sys.exit(f"{program_name()}: {error}")
    except KeyboardInterrupt:
        print("\nStopped: each file is unchanged, or new and whole.")
        sys.exit(130)


if __name__ == "__main__":
    run()
