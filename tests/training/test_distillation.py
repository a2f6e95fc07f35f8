"""`digits.training.distillation`: what teachers say, asked once, of copies that can be made again."""

import pytest
import torch

import model
from digits import UserError
from digits.data import synthetic
from digits.data.augmentation import AugmentationRanges
from digits.data.mnist import REJECT_CLASS
from digits.training import distillation

WARP = AugmentationRanges(elastic=1.0)
SETTINGS = [{"seed": 0}, {"seed": 1}]


@pytest.fixture
def split(random):
    return synthetic.synthetic_digits(30, random)


@pytest.fixture
def about(split):
    return distillation.cache_key(split, WARP, SETTINGS)


@pytest.fixture
def teachers():
    """Two that take every digit for the same, for 3 and for 5."""
    taught = []
    for digit, settings in zip((3, 5), SETTINGS, strict=True):
        sure = model.Softmax()
        sure.fc.weight.data.zero_()
        sure.fc.bias.data.copy_(100 * torch.eye(10)[digit])
        taught.append((sure, {"data": "MNIST", "settings": settings, "train_seconds": 1.0}))
    return taught


def test_a_copy_is_the_same_every_time_and_unlike_the_others(split):
    first, again, second = (distillation.augmented_view(split, WARP, number) for number in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_the_lesson_is_the_mean_of_what_the_teachers_say(split, tmp_path, about, teachers):
    distillation.cache_predictions(tmp_path / "l.pth", split, WARP, about, teachers, 2)
    known = distillation.load_predictions(tmp_path / "l.pth", about, 2)
    assert len(known.said) == 2
    assert [teacher["settings"] for teacher in known.teachers] == SETTINGS
    wanted = torch.tensor([0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0, 0]).expand(30, -1)
    torch.testing.assert_close(known.said[0].float(), wanted)


def test_copies_take_turns(split, random):
    known = distillation.TeacherPredictions([torch.rand(30, 11, generator=random).softmax(1) for _ in range(2)], [])
    (first, said), (second, _), (third, again) = (known.lesson(split, WARP, epoch, 1.0) for epoch in (1, 2, 3))
    assert torch.equal(first, distillation.augmented_view(split, WARP, 0))
    assert torch.equal(second, distillation.augmented_view(split, WARP, 1))
    assert torch.equal(third, first)
    assert torch.equal(again, said)
    torch.testing.assert_close(said, known.said[0])


def test_what_was_asked_before_a_kill_is_not_asked_again(split, tmp_path, about, teachers, monkeypatch):
    asked, original = [], distillation.augmented_view
    monkeypatch.setattr(
        distillation, "augmented_view", lambda split, by, number: asked.append(number) or original(split, by, number)
    )
    path = tmp_path / "l.pth"
    distillation.cache_predictions(path, split, WARP, about, teachers, 2)
    assert distillation.load_predictions(path, about, 3) is None
    distillation.cache_predictions(path, split, WARP, about, teachers, 3)
    assert asked == [0, 1, 2]
    assert len(distillation.load_predictions(path, about, 3).said) == 3
    assert len(distillation.load_predictions(path, about, 1).said) == 1


def test_lessons_about_other_digits_or_by_others_or_none_at_all_are_refused(split, tmp_path, random, about, teachers):
    path = tmp_path / "l.pth"
    assert distillation.load_predictions(path, about, 1) is None
    distillation.cache_predictions(path, split, WARP, about, teachers, 1)
    others = (
        distillation.cache_key(split[:7], WARP, SETTINGS),
        distillation.cache_key(synthetic.synthetic_digits(30, random), WARP, SETTINGS),
        distillation.cache_key(split, AugmentationRanges(elastic=2.0), SETTINGS),
        distillation.cache_key(split, WARP, SETTINGS[:1]),
    )
    for other in others:
        with pytest.raises(UserError, match="about other digits or warps, or by other teachers: delete it"):
            distillation.load_predictions(path, other, 1)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match="delete it, or name another --lessons"):
        distillation.load_predictions(path, about, 1)


def test_a_teacher_trained_otherwise_is_not_taken_for_the_one_that_is_wanted(teachers, tmp_path):
    path, _ = distillation.teacher_paths(tmp_path / "l.pth", 2)
    assert not distillation.is_trained(path, "MNIST", SETTINGS[0])
    network, record = teachers[0]
    model.save(network, path, record)
    assert distillation.is_trained(path, "MNIST", SETTINGS[0])
    for source, settings in (("300 synthetic digits", SETTINGS[0]), ("MNIST", SETTINGS[1])):
        with pytest.raises(UserError, match=r"l\.0\.pth is a teacher trained otherwise: delete it"):
            distillation.is_trained(path, source, settings)
    path.with_suffix(".json").write_text("[")
    with pytest.raises(UserError, match="trained otherwise"):
        distillation.is_trained(path, "MNIST", SETTINGS[0])


def test_the_room_that_lessons_need_is_known_before(split, tmp_path, about, teachers):
    path = tmp_path / "l.pth"
    distillation.cache_predictions(path, split, WARP, about, teachers, 3)
    assert distillation.required_bytes(split, 3) > 2 * path.stat().st_size


def test_softening_divides_the_logits(random):
    logits = torch.randn(20, 10, generator=random)
    said = logits.softmax(1).half()
    torch.testing.assert_close(distillation.apply_temperature(said, 1.0), logits.softmax(1), atol=1e-3, rtol=0)
    torch.testing.assert_close(distillation.apply_temperature(said, 3.0), (logits / 3).softmax(1), atol=1e-3, rtol=0)
    sure = torch.nn.functional.one_hot(torch.tensor([4]), 10).half()
    assert distillation.apply_temperature(sure, 3.0).isfinite().all()


def test_labels_say_nearly_all_of_a_digit_and_of_what_is_none():
    said = distillation.smooth_one_hot(torch.tensor([3, REJECT_CLASS]), 0.055)
    assert said.sum(1).tolist() == pytest.approx([1, 1])
    assert said[0].tolist() == pytest.approx([0.005] * 3 + [0.95] + [0.005] * 7)
    assert said[1].tolist() == pytest.approx([0.005] * 10 + [0.95])
