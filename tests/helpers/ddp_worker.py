"""Started by test_distributed with torchrun: `train.py`, after which every process leaves a copy of its weights."""

import os

import torch

import train
from digits.config import parse
from digits.training import checkpoint

calibrate = train.metrics.calibrate


def main() -> None:
    config = parse(train.TrainConfig)
    out = checkpoint.load(config).config.out

    def save_copy(model: torch.nn.Module, *rest) -> torch.nn.Module:
        torch.save(model.state_dict(), f"{out}.{os.environ['RANK']}")
        return calibrate(model, *rest)

    train.metrics.calibrate = save_copy
    train.main(config)


if __name__ == "__main__":
    main()
