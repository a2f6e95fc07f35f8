"""`digits.training.distributed`: several processes learn what one would."""

import json
import os
import subprocess
import sys

import pytest
import torch

import train
from digits import UserError
from digits.training import distributed

# 331 digits in batches of 33: shares are unequal, and of the last batch, of one digit, a process gets none.
FLAGS = [
    "--device",
    "cpu",
    "--synthetic",
    "331",
    "--batch-size",
    "33",
    "--epochs",
    "2",
    "--bend",
    "1",
    "--freeze",
    "0.5",
]


def torchrun(*flags: str) -> str:
    """What two processes say that train together."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*command, "-m", "tests.helpers.ddp_worker", *flags],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes have trained together, and what they said."""
    folder = tmp_path_factory.mktemp("two")
    return folder, torchrun(*FLAGS, "--out", folder / "w.pth", "--json")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What a single process records of the same training."""
    out = tmp_path_factory.mktemp("one") / "w.pth"
    assert train.main(train.parse_args([*FLAGS, "--out", str(out)])) == 0
    return out


def test_two_processes_end_with_the_same_weights_and_the_first_writes_and_speaks(two):
    folder, said = two
    first, second = (torch.load(folder / f"w.pth.{rank}", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert said.count("epoch  2/2") == 1
    assert "2 processes" in said
    assert json.loads(said.splitlines()[-1])["epochs"] == 2
    assert {path.name for path in folder.iterdir()} == {"w.pth", "w.json", "w.pth.0", "w.pth.1"}


def test_the_loss_of_two_processes_follows_that_of_one(two, one):
    curves = [json.loads(path.with_suffix(".json").read_text())["curve"] for path in (two[0] / "w.pth", one)]
    for ours, alone in zip(*curves, strict=True):
        assert ours["loss"] == pytest.approx(alone["loss"], rel=2e-3)


def test_what_was_stopped_goes_on_in_two_processes(one, tmp_path, monkeypatch):
    def stopped(*words):
        yield next(original(*words))
        raise KeyboardInterrupt

    original, out = train.train, tmp_path / "w.pth"
    with monkeypatch.context() as patched:
        patched.setattr(train, "train", stopped)
        train.main(train.parse_args([*FLAGS, "--out", str(out)]))
    assert "resumed after epoch 1" in torchrun("--resume", tmp_path / "w.resume.pth")
    first, second = (torch.load(f"{out}.{rank}", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    ours, alone = (json.loads(path.with_suffix(".json").read_text())["curve"] for path in (out, one))
    assert ours[0]["loss"] == alone[0]["loss"]
    assert ours[1]["loss"] == pytest.approx(alone[1]["loss"], rel=2e-3)


def test_alone_nothing_is_wrapped_and_all_is_shared_out():
    dist = distributed.DistributedContext(0, 1, torch.device("cpu"))
    model, batch = torch.nn.Linear(1, 1), torch.arange(5)
    assert dist.wrap(model) is model
    assert torch.equal(dist.shard(batch), batch)
    assert dist.is_main_process


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(UserError, match="--nproc-per-node must be at most 1 here"),
        distributed.init_distributed(torch.device("cuda")),
    ):
        pass


def test_shares_are_a_partition():
    batch = torch.arange(10)
    shares = [distributed.DistributedContext(rank, 3, torch.device("cpu")).shard(batch) for rank in range(3)]
    assert sorted(torch.cat(shares).tolist()) == batch.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
