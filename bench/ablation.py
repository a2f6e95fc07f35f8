"""What each part of a recipe is worth: train without it, several seeds each, and look at the validation split.

The test images choose nothing and are not looked at. Beside the accuracy stands the validation loss (the
cross-entropy, calibrated): it moves where accuracy, of 5,000 digits, is mostly noise. The last line is one
JSON object. Run it on an idle machine: `fast` takes some minutes, `default` half an hour, `best` hours.
"""

import argparse
import json
import time
from dataclasses import replace
from unittest import mock

import torch
import torch.nn.functional as F

import model
import train
from bench.training import LESSONS, summary
from digits import metrics
from digits.data import splits
from digits.probabilities import append_reject_logit, predict_logits
from digits.training import distillation, distributed

CPU = torch.device("cpu")
EVERYWHERE = {
    "all of it": {},
    "AdamW for all weights, not Muon": {"muon": False},
    "no label smoothing": {"label_smoothing": 0.0},
}
ROWS = {
    "fast": EVERYWHERE
    | {
        "no freezing": {"freeze": 1.0},
        "all digits, not a share": {"share": 1.0},
        "with warps": {"warp": 1.0},
    },
    "default": EVERYWHERE
    | {
        "no batch normalisation": {"normalise": 0},
        "no warps": {"warp": 0.0},
        "with bends": {"bend": 1.5},
        "no average": {"average": 0.0},
    },
    "best": {
        "all of it": {},
        "teachers not softened": {"soften": 1.0},
        "labels, not teachers": {"teach": 0.0},
        "labels, and the default's warps": {"teach": 0.0, "warp": 1.0, "bend": 0.0},
        "MNIST's digits alone": {"pens": 0.0, "others": 0.0},
    },
}


def adamw(groups: list[dict], lr: float) -> torch.optim.Optimizer:
    """What takes Muon's place: AdamW at the rate of the recipe before Muon came."""
    return torch.optim.AdamW(groups, lr, weight_decay=0.01, fused=True)


def trained(settings: train.TrainConfig, muon: bool, data: splits.DataSplits) -> dict[str, float]:
    """How the network of `settings` reads the validation split."""
    file = LESSONS if settings.pens else LESSONS.with_name("lessons-alone.pth")  # other teachers, about other digits
    words = ["--recipe", "best", "--device", "cpu", "--lessons", str(file)]
    known = (
        train.teacher_predictions(train.parse_args(words), settings, data, ALONE)
        if settings.teach
        else distillation.NO_TEACHERS
    )
    began = time.perf_counter()
    with mock.patch.object(train, "Muon", train.Muon if muon else adamw):
        learner = train.build_train_state(
            "cnn", settings if muon else replace(settings, lr=settings.lr_rest), data, CPU
        )
    for _ in train.train(learner, data, settings if muon else replace(settings, lr=settings.lr_rest), known, ALONE, 0):
        pass
    plain = metrics.calibrate(model.fold_batch_norm(learner.average.module), data.validation)
    seconds = time.perf_counter() - began
    outputs = predict_logits(plain, data.validation.images)
    return {
        "accuracy": 100 * (outputs.argmax(1) == data.validation.labels).float().mean().item(),
        "loss": F.cross_entropy(append_reject_logit(outputs), data.validation.labels).item(),
        "seconds": seconds,
    }


ALONE = distributed.DistributedContext(0, 1, CPU)


def main(args: argparse.Namespace) -> None:
    data = splits.load_mnist_splits("data", [], CPU)
    table = {}
    for name, changes in ROWS[args.recipe].items():
        muon = changes.get("muon", True)
        settings = replace(train.RECIPES[args.recipe], **{k: v for k, v in changes.items() if k != "muon"})
        wide = splits.extend_training_set(data, settings.pens, settings.others)
        runs = [trained(replace(settings, seed=seed), muon, wide) for seed in range(args.runs)]
        table[name] = {key: summary([run[key] for run in runs]) for key in runs[0]}
        accuracy, loss, seconds = table[name].values()
        print(
            f"{name:32s}  {accuracy['mean']:.2f} ± {accuracy['std']:.2f} %  "
            f"loss {loss['mean']:.4f} ± {loss['std']:.4f}  {seconds['mean']:.1f} s",
            flush=True,
        )
    print(json.dumps({"bench": "ablation", "recipe": args.recipe, "runs": args.runs, "rows": table}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train without each part; report the validation split.")
    parser.add_argument("--recipe", choices=ROWS, default="fast", help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=5, help="how many seeds (default: %(default)s)")
    main(parser.parse_args())
