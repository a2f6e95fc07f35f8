"""`digits.training.optim`: steps that are equally long in all directions, against the singular value decomposition."""

import pytest
import torch

from digits.training import optim
from digits.training.optim import Muon


@pytest.mark.parametrize("shape", [(8, 8), (5, 30), (30, 5), (1, 9)])
def test_orthogonal_keeps_directions_and_evens_out_how_far_they_go(shape, random):
    matrix = torch.randn(shape, generator=random)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    turned = u.T @ optim.orthogonalize(matrix) @ v.T  # in the directions of `matrix`: diagonal
    values = turned.diag()
    assert (turned - values.diag()).abs().max() < 1e-4
    strong = torch.linalg.svdvals(matrix) > 0.2 * matrix.norm()
    assert (values[strong] > 0.6).all()
    assert (values < 1.4).all()
    assert (values > 0).all()


def test_the_size_of_a_gradient_does_not_matter_and_nothing_stays_nothing(random):
    matrix = torch.randn(6, 20, generator=random)
    torch.testing.assert_close(optim.orthogonalize(matrix), optim.orthogonalize(1000 * matrix), atol=1e-4, rtol=0)
    assert not optim.orthogonalize(torch.zeros(6, 20)).any()


@pytest.mark.parametrize("layer", [torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(5, 9), torch.nn.Linear(9, 5)])
def test_a_first_step_goes_against_the_gradient_as_far_as_the_rate_says(layer):
    weight = layer.weight
    before = weight.detach().clone()
    optimiser = Muon([weight], lr=0.1)
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    optimiser.step()
    step = (weight.detach() - before).flatten(1)
    assert (step * weight.grad.flatten(1)).sum() < 0
    assert 0.05 < torch.linalg.svdvals(step)[0] < 0.14


def test_it_solves_a_regression_that_needs_all_directions(random):
    """Inputs of very unequal size, on which plain gradient descent crawls."""
    inputs = torch.randn(200, 10, generator=random) * torch.logspace(0, -1.5, 10)
    wanted = torch.randn(4, 10, generator=random)
    weight = torch.nn.Parameter(torch.zeros(4, 10))
    optimiser = Muon([weight], lr=0.1)
    for step in range(200):
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        optimiser.zero_grad()
        (inputs @ (weight - wanted).T).square().sum().backward()
        optimiser.step()
    assert (weight - wanted).abs().max() < 0.05


def test_weights_without_gradient_stay(random):
    still, moved = torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(2, 3))
    moved.grad = torch.randn(2, 3, generator=random)
    Muon([still, moved], lr=0.1).step()
    assert torch.equal(still, torch.ones(2, 3))
    assert not torch.equal(moved, torch.ones(2, 3))
