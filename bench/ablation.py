"""What each part of a recipe is worth: train without it, with several seeds, and compare on the validation split.

Each variant is a run of train.py's `main`. The test accuracy that it prints is not used: the test images choose
nothing. The validation loss (the cross-entropy, calibrated) is reported together with the accuracy: it changes where
the accuracy on 5,000 digits is mostly noise. The last line is one JSON object. Run it on an idle machine: `fast` takes
some minutes, `default` half an hour, `best` hours.
"""

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F

import model
import train
from bench.results import print_environment, print_json
from bench.training import TEACHERS, summarize, train_teachers
from digits import files
from digits.data import splits
from digits.data.mnist import ImageDataset
from digits.probabilities import append_reject_logit, predict_logits
from digits.training import optim

CPU = torch.device("cpu")
ONLY_ADAMW = "AdamW for all weights, no Muon"
COMMON = {
    "complete": {},
    ONLY_ADAMW: {},
    "no label smoothing": {"label_smoothing": 0.0},
}
DISTILLED = {"teachers": TEACHERS}
# Teachers that have seen MNIST's digits only.
PLAIN_TEACHERS = [path.with_stem(f"plain-{path.stem}") for path in TEACHERS]
PLAIN = {"style_fraction": 0.0, "outlier_fraction": 0.0}
PLAIN_FLAGS = ["--style-fraction", "0", "--outlier-fraction", "0"]
LABELS = {"distill_weight": 0.0}
VARIANTS = {  # the settings that change
    "fast": COMMON
    | {
        "no freezing": {"freeze_after": 1.0},
        "all digits, not a fraction": {"train_fraction": 1.0},
        "with augmentation": {"augment": 1.0},
    },
    "default": COMMON
    | {
        "no batch normalization": {"batch_norm": False},
        "no augmentation": {"augment": 0.0},
        "with elastic distortion": {"elastic": 1.5},
        "no averaging": {"ema_window": 0.0},
    },
    "best": {
        "complete": DISTILLED,
        "teachers without temperature": DISTILLED | {"distill_temperature": 1.0},
        "labels, no teachers": LABELS,
        "labels, augmentation of the default recipe": LABELS | {"augment": 1.0, "elastic": 0.0},
        "MNIST's digits alone": PLAIN | {"teachers": PLAIN_TEACHERS},
    },
}


def build_adamw(network: torch.nn.Module, lr: float, adamw_lr: float, weight_decay: float) -> tuple:
    """Build optimizers as `optim.build_optimizers`, with AdamW in place of Muon."""
    muon, adamw = optim.build_optimizers(network, lr, adamw_lr, weight_decay)
    return torch.optim.AdamW(muon.param_groups[0]["params"], lr, weight_decay=weight_decay, fused=True), adamw


def measure(variant: str, settings: dict, validation: ImageDataset, folder: Path) -> dict[str, float]:
    """Train a variant; return its accuracy (percent) and loss on the validation split, and the training time."""
    config = train.TrainConfig(device="cpu", out=folder / "w.pth", teacher_cache=folder / f"{variant}.pth", **settings)
    build_optimizers = optim.build_optimizers
    if variant == ONLY_ADAMW:
        config, build_optimizers = config.model_copy(update={"lr": config.adamw_lr}), build_adamw
    with contextlib.redirect_stdout(io.StringIO()):
        train.main(config, build_optimizers)
    logits = predict_logits(model.load(config.out), validation.images)
    return {
        "accuracy": 100 * (logits.argmax(1) == validation.labels).float().mean().item(),
        "loss": F.cross_entropy(append_reject_logit(logits), validation.labels).item(),
        "seconds": files.load_metadata(config.out)["train_seconds"],
    }


def main(args: argparse.Namespace) -> None:
    print_environment()
    validation = splits.load_mnist_splits("data", [], CPU).validation
    if args.recipe == "best":
        train_teachers("cpu")
        train_teachers("cpu", PLAIN_TEACHERS, PLAIN_FLAGS)
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        for variant, changes in VARIANTS[args.recipe].items():
            settings = {"recipe": args.recipe, **changes}
            runs = [measure(variant, settings | {"seed": s}, validation, Path(folder)) for s in range(args.runs)]
            table[variant] = {key: summarize([run[key] for run in runs]) for key in runs[0]}
            accuracy, loss, seconds = table[variant].values()
            print(
                f"{variant:42s}  {accuracy['mean']:.2f} ± {accuracy['std']:.2f} %  "
                f"loss {loss['mean']:.4f} ± {loss['std']:.4f}  {seconds['mean']:.1f} s",
                flush=True,
            )
    print_json("ablation", {"recipe": args.recipe, "runs": args.runs, "variants": table})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train without each part; report the validation split.")
    parser.add_argument("--recipe", choices=VARIANTS, default="fast", help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=5, help="number of seeds (default: %(default)s)")
    main(parser.parse_args())
