"""`digits.training.optim`: Muon against the singular value decomposition, schedule, moving average, finite checks."""

import pytest
import torch

from digits import UserError
from digits.training import optim
from digits.training.optim import Muon


@pytest.mark.parametrize("shape", [(8, 8), (5, 30), (30, 5), (1, 9)])
def test_orthogonalize_keeps_singular_vectors_and_equalizes_singular_values(shape, generator):
    matrix = torch.randn(shape, generator=generator)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    in_singular_basis = u.T @ optim.orthogonalize(matrix) @ v.T
    values = in_singular_basis.diag()
    assert (in_singular_basis - values.diag()).abs().max() < 1e-4
    strong = torch.linalg.svdvals(matrix) > 0.2 * matrix.norm()
    assert (values[strong] > 0.6).all()
    assert (values < 1.4).all()
    assert (values > 0).all()


def test_orthogonalize_ignores_the_scale_and_keeps_zero(generator):
    matrix = torch.randn(6, 20, generator=generator)
    torch.testing.assert_close(optim.orthogonalize(matrix), optim.orthogonalize(1000 * matrix), atol=1e-4, rtol=0)
    assert not optim.orthogonalize(torch.zeros(6, 20)).any()


@pytest.mark.parametrize("layer", [torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(5, 9), torch.nn.Linear(9, 5)])
def test_first_step_descends_by_the_learning_rate(layer):
    weight = layer.weight
    before = weight.detach().clone()
    muon = Muon([weight], lr=0.1)
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    muon.step()
    change = (weight.detach() - before).flatten(1)
    assert (change * weight.grad.flatten(1)).sum() < 0
    assert 0.05 < torch.linalg.svdvals(change)[0] < 0.14


def test_muon_solves_an_ill_conditioned_regression(generator):
    """Inputs of very unequal scale, on which plain gradient descent is slow."""
    inputs = torch.randn(200, 10, generator=generator) * torch.logspace(0, -1.5, 10)
    solution = torch.randn(4, 10, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(4, 10))
    muon = Muon([weight], lr=0.1)
    for step in range(200):
        muon.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        muon.zero_grad()
        (inputs @ (weight - solution).T).square().sum().backward()
        muon.step()
    assert (weight - solution).abs().max() < 0.05


def test_weights_without_gradient_stay_unchanged(generator):
    frozen, trained = torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(2, 3))
    trained.grad = torch.randn(2, 3, generator=generator)
    Muon([frozen, trained], lr=0.1).step()
    assert torch.equal(frozen, torch.ones(2, 3))
    assert not torch.equal(trained, torch.ones(2, 3))


def test_learning_rate_rises_to_its_peak_and_falls():
    rates = [optim.lr_schedule(step, 10, 0.2) for step in range(1, 11)]
    assert rates == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert optim.lr_schedule(1, 1, 0.2) == 1


def test_last_batch_of_one_is_dropped():
    assert [optim.steps_per_epoch(count, 128) for count in (1, 128, 129, 130, 640)] == [1, 1, 1, 2, 5]


def averaged(values: list[float], window: float) -> float:
    model = torch.nn.Linear(1, 1, bias=False)
    ema = optim.ema_model(model, window)
    for value in values:
        model.weight.data.fill_(value)
        ema.update_parameters(model)
    return ema.module.weight.item()


def test_average_over_no_window_is_the_last_step():
    assert averaged([3.0, 1.0, 2.0], 0) == 2.0


def test_average_over_a_window_of_n_covers_about_n_steps():
    assert averaged([0.0] * 500 + [1.0] * 20, 20) == pytest.approx(1 - (1 - 1 / 20) ** 20, abs=1e-4)


def test_average_soon_forgets_the_initial_weights():
    assert averaged([1000.0] + [1.0] * 30, 1e6) == pytest.approx(1.0, abs=0.05)


def test_averaging_leaves_the_network_unchanged():
    model = torch.nn.Linear(1, 1)
    before = model.weight.item()
    optim.ema_model(model, 5).update_parameters(model)
    assert model.weight.item() == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_first_loss_that_is_not_finite_is_reported_with_epoch_step_and_learning_rates(value):
    losses = torch.tensor([1.0, 2.0, value, float("nan"), 0.0])
    message = (
        rf"The loss is {value} in epoch 4, step 3, at learning rates 0\.3 \(Muon\) and 6 \(AdamW\): .*"
        r"lower --lr \(now 0\.5\) or --adamw-lr \(now 10\)\.$"
    )
    with pytest.raises(UserError, match=message):
        optim.check_finite(losses, torch.nn.Linear(2, 2), 4, [0.2, 0.4, 0.6, 0.8], 0.5, 10.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_reported_with_the_last_step(value):
    network = torch.nn.Linear(2, 2)
    optim.check_finite(torch.zeros(3), network, 1, [0.2, 0.4], 0.5, 10.0)
    network.weight.data[0, 0] = value
    message = r"Weights are not finite in epoch 1, step 2, at learning rates 0\.2 \(Muon\) and 4 \(AdamW\)"
    with pytest.raises(UserError, match=message):
        optim.check_finite(torch.zeros(3), network, 1, [0.2, 0.4], 0.5, 10.0)
