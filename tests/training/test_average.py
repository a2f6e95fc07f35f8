"""`digits.training.average`: weights that follow, over as many steps as asked for."""

import pytest
import torch

from digits.training import average


def followed(values: list[float], reach: float) -> float:
    model = torch.nn.Linear(1, 1, bias=False)
    averaged = average.ema_model(model, reach)
    for value in values:
        model.weight.data.fill_(value)
        averaged.update_parameters(model)
    return averaged.module.weight.item()


def test_without_reach_it_is_the_last_step():
    assert followed([3.0, 1.0, 2.0], 0) == 2.0


def test_a_reach_of_n_remembers_about_n_steps():
    assert followed([0.0] * 500 + [1.0] * 20, 20) == pytest.approx(1 - (1 - 1 / 20) ** 20, abs=1e-4)


def test_the_beginning_is_soon_forgotten():
    assert followed([1000.0] + [1.0] * 30, 1e6) == pytest.approx(1.0, abs=0.05)


def test_the_model_itself_is_left_alone():
    model = torch.nn.Linear(1, 1)
    before = model.weight.item()
    average.ema_model(model, 5).update_parameters(model)
    assert model.weight.item() == before
