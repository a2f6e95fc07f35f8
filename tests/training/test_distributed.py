"""`digits.training.distributed`: several processes train as one would."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

import train
from digits import UserError
from digits.config import parse
from digits.training import distributed
from tests.helpers import python_process
from tests.helpers.python_process import PythonProcess

# 331 digits in batches of 33: shards are unequal, and of the last batch, of one digit, a process gets none.
FLAGS = [
    *("--device", "cpu", "--synthetic", "331", "--batch-size", "33", "--epochs", "2"),
    *("--elastic", "1", "--freeze-after", "0.5"),
]
WORKER = ("-c", "from tests.helpers.ddp_worker import main; main()")


def torchrun(*flags: str) -> str:
    """Train in two processes. Returns: their output."""
    command = ("-c", "from torch.distributed.run import main; main()", "--standalone", "--nproc-per-node", "2")
    result = python_process.run(*command, "-m", "tests.helpers.ddp_worker", *flags)
    assert result.returncode == 0, result.stderr
    return result.stdout


def run_two_processes(*arguments: str) -> str:
    """Run `python arguments` as torchrun does, but in processes that start quickly.

    Returns: the output of the main process.
    """
    # As torchrun does, this process serves the store in which the others meet, so that no port is chosen too early.
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    environment = os.environ | {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }
    command = [sys.executable, *arguments]
    with (
        PythonProcess(command, stdout=subprocess.PIPE, env=environment | {"RANK": "0"}) as main_process,
        PythonProcess(command, stdout=subprocess.DEVNULL, env=environment | {"RANK": "1"}) as other,
    ):
        output = main_process.stdout.read()
    assert (main_process.returncode, other.returncode) == (0, 0)
    return output


BROADCAST = """
import torch
from digits.training.distributed import init_distributed
context = init_distributed(torch.device("cpu"))
assert context.broadcast({"rank": context.rank}) == {"rank": 0}
print(context.world_size)
"""


@pytest.mark.slow
def test_broadcast_returns_the_value_of_the_main_process():
    assert run_two_processes("-c", BROADCAST) == "2\n"


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes have trained together, and their output."""
    folder = tmp_path_factory.mktemp("two")
    return folder, torchrun(*FLAGS, "--out", folder / "w.pth", "--json")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The weights of a single process for the same training."""
    out = tmp_path_factory.mktemp("one") / "w.pth"
    train.main(parse(train.TrainConfig, [*FLAGS, "--out", str(out)]))
    return out


@pytest.mark.slow
def test_processes_end_with_the_same_weights_and_the_main_process_writes_and_prints(two):
    folder, output = two
    first, second = (torch.load(folder / f"w.pth.{rank}", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert output.count("epoch  2/2") == 1
    assert "2 processes" in output
    assert json.loads(output.splitlines()[-1])["epochs"] == 2
    assert {path.name for path in folder.iterdir()} == {"w.pth", "w.json", "w.pth.0", "w.pth.1"}


@pytest.mark.slow
def test_loss_of_two_processes_follows_that_of_one(two, one):
    curves = [json.loads(path.with_suffix(".json").read_text())["curve"] for path in (two[0] / "w.pth", one)]
    for of_two, of_one in zip(*curves, strict=True):
        assert of_two["loss"] == pytest.approx(of_one["loss"], rel=2e-3)


@pytest.mark.slow
def test_run_stopped_in_one_process_resumes_in_two(one, tmp_path, monkeypatch):
    def stop_after_the_first_epoch(path, config, curve, state):
        original(path, config, curve, state)
        if curve:
            signal.raise_signal(signal.SIGINT)

    original, out = train.checkpoint.save, tmp_path / "w.pth"
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(train.checkpoint, "save", stop_after_the_first_epoch)
            with pytest.raises(SystemExit):
                train.main(parse(train.TrainConfig, [*FLAGS, "--out", str(out)]))
    finally:
        signal.signal(signal.SIGINT, handler)
    assert "resumed after epoch 1" in run_two_processes(*WORKER, "--resume", tmp_path / "w.resume.pth")
    first, second = (torch.load(f"{out}.{rank}", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    of_two, of_one = (json.loads(path.with_suffix(".json").read_text())["curve"] for path in (out, one))
    assert of_two[0]["loss"] == of_one[0]["loss"]
    assert of_two[1]["loss"] == pytest.approx(of_one[1]["loss"], rel=2e-3)


def test_single_process_wraps_nothing_and_has_the_whole_batch():
    dist = distributed.DistributedContext(0, 1, torch.device("cpu"))
    model, batch = torch.nn.Linear(1, 1), torch.arange(5)
    assert dist.wrap(model) is model
    assert torch.equal(dist.shard(batch), batch)
    assert dist.is_main_process


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="--nproc-per-node must be at most 1 here"):
        distributed.init_distributed(torch.device("cuda"))


def test_shards_are_a_balanced_partition_of_the_batch():
    batch = torch.arange(10)
    shards = [distributed.DistributedContext(rank, 3, torch.device("cpu")).shard(batch) for rank in range(3)]
    assert sorted(torch.cat(shards).tolist()) == batch.tolist()
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
