"""`digits.together`: many readings at once are what each is alone, in few passes of the network."""

import pytest

import model
from digits import UserError, picture
from digits.reader import Reader
from digits.together import Together
from tests.pictures import grey, saved, written


class Counted(Together):
    """Counts how many pictures each pass of the network sees."""

    def __init__(self):
        super().__init__(model.load("mnist.pth"))
        self.passes = []

    def _answers(self, tasks, frames):
        self.passes.append(len(tasks))
        return super()._answers(tasks, frames)


@pytest.fixture
def together():
    return Counted()


PICTURES = [saved(grey(written(text, side=120, pen=8))) for text in ("7", "23", "5", "418", "0", "")]


def jobs(reader: Reader) -> list:
    return [lambda content=content: reader.read(picture.decode(content)) for content in PICTURES]


def test_readings_are_what_they_are_alone(together):
    alone = Reader(together.model)
    tasks = together.run(jobs(together))
    for task, content in zip(tasks[:-1], PICTURES[:-1], strict=True):
        expected = alone.read(picture.decode(content))
        assert task.result.text == expected.text
        assert [digit.box for digit in task.result.digits] == [digit.box for digit in expected.digits]
        assert task.result.probability == pytest.approx(expected.probability, abs=1e-5)
    assert isinstance(tasks[-1].error, UserError)


def test_all_that_have_something_to_ask_ask_at_once(together):
    together.run(jobs(together))
    assert together.passes[0] == len(PICTURES) - 1
    assert sum(together.passes) > len(PICTURES)  # lines are looked at again
    assert together.passes == sorted(together.passes, reverse=True)


def test_what_comes_late_waits_for_no_one_alone(together):
    """Some ask at once and some after pauses: still in one pass."""
    paused = [
        (lambda n=n: [together.pause() for _ in range(n)] and together.read(picture.decode(PICTURES[0])))
        for n in (1, 3, 5)
    ]
    together.run(paused)
    assert together.passes[0] == 3


def test_an_error_of_the_network_is_that_of_all_who_asked(together):
    together.model = None
    assert all(isinstance(task.error, TypeError) for task in together.run(jobs(together)[:3]))


def test_outside_a_task_one_is_answered_at_once(together):
    assert together.read(picture.decode(PICTURES[0])).text == "7"
    assert together.passes == []
