"""What `test_distributed` starts with torchrun: `train.py`, after which every process leaves its weights."""

import os
import sys

import torch

import train

calibrate = train.metrics.calibrate


def leave_a_copy(model: torch.nn.Module, *rest) -> torch.nn.Module:
    torch.save(model.state_dict(), f"{train.parse_args().out}.{os.environ['RANK']}")
    return calibrate(model, *rest)


train.metrics.calibrate = leave_a_copy
sys.exit(train.main(train.parse_args()))
