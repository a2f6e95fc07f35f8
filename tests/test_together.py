"""Readings at once: the same as one by one, in batches, and what one of them raises is its own."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from digits import picture
from digits.reader import Reader
from digits.together import Together

PICTURES = [picture.decode(path) for path in sorted(Path("input").glob("*.png"))]


class Watched(torch.nn.Module):
    """A network that says how many frames it was shown each time, or fails."""

    def __init__(self, network):
        super().__init__()
        self.network, self.seen, self.fault = network, [], None

    def forward(self, x):
        self.seen.append(len(x))
        if self.fault:
            raise self.fault
        return self.network(x)


@pytest.fixture
def watched(network):
    return Watched(network)


@pytest.fixture
def together(watched):
    return Together(watched)


def test_readings_are_those_of_each_picture_alone(network, together):
    alone = [Reader(network).read(image).as_dict() for image in PICTURES]
    tasks = together.run([lambda image=image: together.read(image) for image in PICTURES])
    for task, one in zip(tasks, alone, strict=True):
        assert task.result.as_dict()["text"] == one["text"]
        assert task.result.probability == pytest.approx(one["probability"], abs=1e-5)


def test_all_first_looks_are_one_batch(watched, together):
    together.run([lambda image=image: together.read(image) for image in PICTURES])
    assert watched.seen[0] >= len(PICTURES)
    assert len(watched.seen) < len(PICTURES)


def test_what_one_raises_is_its_own(together):
    def broken():
        together.read(PICTURES[0])
        raise ZeroDivisionError

    good, bad, none = together.run([lambda: together.read(PICTURES[1]).text, broken, lambda: 5])
    assert (good.result, none.result) == ("1", 5)
    assert isinstance(bad.error, ZeroDivisionError)
    assert good.error is None


def test_a_fault_of_the_network_reaches_everybody_who_asked_and_nobody_else(watched, together):
    watched.fault = RuntimeError("no memory")
    tasks = together.run([lambda image=image: together.read(image) for image in PICTURES] + [lambda: "free"])
    assert all(task.error is watched.fault for task in tasks[:-1])
    assert tasks[-1].result == "free"
    watched.fault = None
    assert together.run([lambda: together.read(PICTURES[3]).text])[0].result == "3"


def test_who_is_no_task_is_answered_at_once_in_any_thread(together):
    found = []
    thread = threading.Thread(target=lambda: found.append(together.read(PICTURES[7]).text))
    thread.start()
    thread.join()
    assert found == [together.read(PICTURES[7]).text] == ["7"]
    assert together.probabilities(np.zeros((2, 28, 28), np.uint8)).shape == (2, 10)


def test_tasks_of_no_jobs_are_none(together):
    assert together.run([]) == []


def test_what_comes_late_waits_for_no_one_alone(watched, together):
    """Some ask at once and some after pauses: still in one batch."""

    def late(pauses: int) -> str:
        for _ in range(pauses):
            together.pause()
        return together.read(PICTURES[1]).text

    tasks = together.run([lambda pauses=pauses: late(pauses) for pauses in (1, 3, 5)])
    assert [task.result for task in tasks] == ["1", "1", "1"]
    assert watched.seen == [3]
