"""`digits.lessons`: what teachers say, asked once, of copies that can be made again."""

import pytest
import torch

from digits import UserError, lessons, synthetic
from digits.augment import Warp

WARP = Warp(bend=1.0)


class Sure(torch.nn.Module):
    """A teacher that takes every digit for the same, and counts how many it was asked about."""

    def __init__(self, digit: int):
        super().__init__()
        self.digit, self.asked = digit, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.asked += len(x)
        return 100 * torch.nn.functional.one_hot(torch.full((len(x),), self.digit), 10).float()


@pytest.fixture
def split(random):
    return synthetic.digits(30, random)


def test_a_copy_is_the_same_every_time_and_unlike_the_others(split):
    first, again, second = (lessons.copy(split, WARP, number) for number in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_the_lesson_is_the_mean_of_what_the_teachers_say(split, tmp_path):
    lessons.give(tmp_path / "l.pth", [Sure(3), Sure(5)], split, WARP, 2)
    said = lessons.take(tmp_path / "l.pth", split, WARP, 2)
    assert len(said) == 2
    wanted = torch.tensor([0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0]).expand(30, -1)
    torch.testing.assert_close(said[0].float(), wanted)


def test_what_was_asked_before_a_kill_is_not_asked_again(split, tmp_path):
    path, teacher = tmp_path / "l.pth", Sure(1)
    lessons.give(path, [teacher], split, WARP, 2)
    assert lessons.take(path, split, WARP, 3) is None
    lessons.give(path, [teacher], split, WARP, 3)
    assert teacher.asked == 3 * len(split)
    assert len(lessons.take(path, split, WARP, 3)) == 3
    assert len(lessons.take(path, split, WARP, 1)) == 1


def test_lessons_about_other_digits_or_none_at_all_are_refused(split, tmp_path, random):
    path = tmp_path / "l.pth"
    assert lessons.take(path, split, WARP, 1) is None
    lessons.give(path, [Sure(1)], split, WARP, 1)
    for other, warp in ((split[:7], WARP), (synthetic.digits(30, random), WARP), (split, Warp(bend=2.0))):
        with pytest.raises(UserError, match="about other digits or other warps: delete it"):
            lessons.take(path, other, warp, 1)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match="delete it, or name another --lessons"):
        lessons.take(path, split, WARP, 1)


def test_softening_divides_the_logits(random):
    logits = torch.randn(20, 10, generator=random)
    said = logits.softmax(1).half()
    torch.testing.assert_close(lessons.softened(said, 1.0), logits.softmax(1), atol=1e-3, rtol=0)
    torch.testing.assert_close(lessons.softened(said, 3.0), (logits / 3).softmax(1), atol=1e-3, rtol=0)
    sure = torch.nn.functional.one_hot(torch.tensor([4]), 10).half()
    assert lessons.softened(sure, 3.0).isfinite().all()
