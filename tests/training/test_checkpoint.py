"""`digits.training.checkpoint`: all of where a run stands, and nothing else."""

import pickle

import pytest
import torch

from digits import UserError
from digits.training import checkpoint


def parts(seed: int) -> dict:
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 2).to(memory_format=torch.preserve_format)
    return {
        "model": model,
        "adam": torch.optim.AdamW(model.parameters(), lr=0.1),
        "random": torch.Generator().manual_seed(seed),
    }


def step(run: dict) -> torch.Tensor:
    """One that depends on the weights, on what the optimiser remembers and on chance."""
    inputs = torch.randn(5, 3, generator=run["random"])
    run["adam"].zero_grad()
    run["model"](inputs).square().sum().backward()
    run["adam"].step()
    return run["model"].weight.detach().clone()


def test_what_is_restored_goes_on_to_the_bit(tmp_path):
    run, other = parts(1), parts(2)
    step(run)
    checkpoint.save(tmp_path / "c", run, flags={"lr": 0.1}, curve=[{"epoch": 1}], seconds=1.5)
    wanted = [step(run), step(run)]
    found = checkpoint.load(tmp_path / "c")
    assert (found["flags"], found["curve"], found["seconds"]) == ({"lr": 0.1}, [{"epoch": 1}], 1.5)
    checkpoint.restore(other, found)
    assert all(torch.equal(step(other), weights) for weights in wanted)


def write_pickle(path):
    path.write_bytes(pickle.dumps(print, 2))


def write_weights(path):
    torch.save({"fc.weight": torch.zeros(2)}, path)


def write_half(path):
    checkpoint.save(path, parts(1), flags={}, curve=[], seconds=0.0)
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    "write", [lambda path: None, write_pickle, write_weights, write_half, lambda path: path.write_text("hello")]
)
def test_what_is_no_checkpoint_is_refused_with_what_to_name(tmp_path, write):
    path = tmp_path / "c.resume.pth"
    write(path)
    with pytest.raises(UserError, match=r"--resume .*c\.resume\.pth: .*Name the \.resume\.pth file"):
        checkpoint.load(path)


def test_the_checkpoint_of_an_earlier_run_is_kept(tmp_path):
    path = tmp_path / "mnist.resume.pth"
    path.write_text("of yesterday")
    first = checkpoint.rename_old(path)
    assert not path.exists()
    path.write_text("of today")
    assert checkpoint.rename_old(path).read_text() == "of today"
    assert first.read_text() == "of yesterday"
