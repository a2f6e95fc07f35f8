"""`digits.training.finite`: numbers that go wrong are found, and said where."""

import pytest
import torch

from digits import UserError
from digits.training import finite
from train import TrainConfig

SETTINGS = TrainConfig(lr=0.5, lr_rest=10.0)


def test_finite_losses_are_added_up():
    assert finite.sum_checked(torch.tensor([1.0, 2.0, 3.5]), [0.1] * 3, 1, 3, SETTINGS) == 6.5


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_loss_that_is_no_number_is_named_with_epoch_batch_and_rate(bad):
    losses = torch.tensor([1.0, bad, float("nan")])
    said = (
        rf"loss is {bad} in epoch 4, batch 99, at learning rates 0\.01 \(--lr\) and 0\.2 .*than --lr 0\.5 --lr-rest 10"
    )
    with pytest.raises(UserError, match=said):
        finite.sum_checked(losses, [0.01, 0.02, 0.03], 4, 100, SETTINGS)


def test_weights_that_are_no_numbers_are_named():
    model = torch.nn.Linear(2, 2)
    finite.check_weights(model, 1, 2, 0.1, SETTINGS)
    model.weight.data[0, 0] = float("nan")
    with pytest.raises(UserError, match="Weights are no longer finite in epoch 1, batch 2"):
        finite.check_weights(model, 1, 2, 0.1, SETTINGS)
