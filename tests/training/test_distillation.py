"""`digits.training.distillation`: teacher predictions, made once, on augmented views that can be made again."""

import json

import pytest
import torch

import model
from digits import UserError
from digits.data import synthetic
from digits.data.augmentation import AugmentationRanges
from digits.data.mnist import REJECT_CLASS
from digits.training import distillation

RANGES = AugmentationRanges(elastic=1.0)
METADATA = [{"data": "MNIST", "seed": seed, "train_seconds": 1.0} for seed in (0, 1)]


@pytest.fixture
def dataset(generator):
    return synthetic.synthetic_digits(30, generator)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache.pth"


@pytest.fixture
def teachers():
    """Two teachers that predict the same digit for every image, 3 and 5."""
    teachers = []
    for digit, metadata in zip((3, 5), METADATA, strict=True):
        network = model.Softmax()
        network.fc.weight.data.zero_()
        network.fc.bias.data.copy_(100 * torch.eye(10)[digit])
        teachers.append((network, metadata))
    return teachers


def test_view_is_reproducible_and_differs_from_the_others(dataset):
    first, again, second = (distillation.augmented_view(dataset, RANGES, view) for view in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_prediction_is_the_mean_of_the_teachers(dataset, cache, teachers):
    predictions = distillation.cached_predictions(cache, dataset, RANGES, teachers, 2)
    assert len(predictions.probabilities) == 2
    assert predictions.metadata == METADATA
    expected = torch.tensor([0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0, 0]).expand(30, -1)
    torch.testing.assert_close(predictions.probabilities[0].float(), expected)


def test_views_take_turns(dataset, generator):
    probabilities = [torch.rand(30, 11, generator=generator).softmax(1) for _ in range(2)]
    predictions = distillation.TeacherPredictions(probabilities, [])
    epochs = [predictions.epoch_targets(dataset, RANGES, epoch, 1.0) for epoch in (1, 2, 3)]
    (first, targets), (second, _), (third, again) = epochs
    assert torch.equal(first, distillation.augmented_view(dataset, RANGES, 0))
    assert torch.equal(second, distillation.augmented_view(dataset, RANGES, 1))
    assert torch.equal(third, first)
    assert torch.equal(again, targets)
    torch.testing.assert_close(targets, probabilities[0])


def test_killed_run_continues_after_the_last_cached_view(dataset, cache, teachers, monkeypatch):
    views, original = [], distillation.augmented_view
    monkeypatch.setattr(
        distillation,
        "augmented_view",
        lambda dataset, ranges, view: views.append(view) or original(dataset, ranges, view),
    )
    distillation.cached_predictions(cache, dataset, RANGES, teachers, 2)
    predictions = distillation.cached_predictions(cache, dataset, RANGES, teachers, 3)
    assert views == [0, 1, 2]
    assert len(predictions.probabilities) == 3
    assert len(distillation.cached_predictions(cache, dataset, RANGES, teachers, 1).probabilities) == 1
    assert views == [0, 1, 2]


def test_cache_of_other_images_augmentation_or_teachers_is_refused(dataset, cache, generator, teachers):
    distillation.cached_predictions(cache, dataset, RANGES, teachers, 1)
    others = [
        (dataset[:7], RANGES, teachers),
        (synthetic.synthetic_digits(30, generator), RANGES, teachers),
        (dataset, AugmentationRanges(elastic=2.0), teachers),
        (dataset, RANGES, teachers[:1]),
        (dataset, RANGES, [teachers[0], (teachers[1][0], METADATA[1] | {"train_seconds": 2.0})]),
    ]
    for other in others:
        with pytest.raises(UserError, match=r"other images, other augmentation or other teachers\. Delete it"):
            distillation.cached_predictions(cache, *other, 1)


def test_damaged_cache_is_refused(dataset, cache, teachers):
    distillation.cached_predictions(cache, dataset, RANGES, teachers, 1)
    cache.write_bytes(cache.read_bytes()[:300])
    with pytest.raises(UserError, match="Delete it, or name another file with --teacher-cache"):
        distillation.cached_predictions(cache, dataset, RANGES, teachers, 1)
    model.save(model.Softmax(), cache)
    with pytest.raises(UserError, match="holds no teacher predictions"):
        distillation.cached_predictions(cache, dataset, RANGES, teachers, 1)


def test_paths_and_globs_of_teachers_are_expanded_in_order(tmp_path):
    paths = [tmp_path / f"teacher-{number}.pth" for number in (0, 1)]
    for path in paths:
        path.touch()
    assert distillation.find_teachers([], 0.0) == []
    assert distillation.find_teachers([tmp_path / "teacher-*.pth"], 1.0) == paths
    assert distillation.find_teachers(paths[::-1], 0.5) == paths[::-1]
    brackets = tmp_path / "teacher-[0].pth"
    brackets.touch()
    assert distillation.find_teachers([brackets], 1.0) == [brackets]


def test_missing_teachers_are_refused_with_the_commands_that_train_them(tmp_path):
    command = r"python train\.py --model teacher --seed 0 --out teacher-0\.pth"
    with pytest.raises(UserError, match=command):
        distillation.find_teachers([], 1.0)
    with pytest.raises(UserError, match=rf"t-\*\.pth: no such file\.[\s\S]*{command}"):
        distillation.find_teachers([tmp_path / "t-*.pth"], 1.0)


def test_teachers_without_distill_weight_are_refused(tmp_path):
    with pytest.raises(UserError, match="needs --distill-weight"):
        distillation.find_teachers([tmp_path / "t.pth"], 0.0)


def test_teacher_without_metadata_is_refused(tmp_path):
    path = tmp_path / "t.pth"
    model.save(model.Softmax(), path)
    for write in (lambda: None, lambda: path.with_suffix(".json").write_text("[")):
        write()
        with pytest.raises(UserError, match=r"t\.json is missing or damaged"):
            distillation.check_teachers([path], "MNIST")


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"model": "teacher", "data": "300 synthetic digits"}, "'teacher', trained on '300 synthetic digits'"),
        ({"model": "cnn", "data": "MNIST"}, "'cnn', trained on 'MNIST'"),
        ({"seed": 0}, "None, trained on None"),
    ],
)
def test_network_other_than_a_teacher_of_the_same_digits_is_refused(tmp_path, metadata, problem):
    good, bad = tmp_path / "t-0.pth", tmp_path / "t-1.pth"
    good.with_suffix(".json").write_text('{"model": "teacher", "data": "MNIST"}')
    bad.with_suffix(".json").write_text(json.dumps(metadata))
    distillation.check_teachers([good], "MNIST")
    with pytest.raises(UserError, match=rf"t-1\.pth: its network is {problem}; .* a 'teacher', trained on 'MNIST'\."):
        distillation.check_teachers([good, bad], "MNIST")


def test_required_bytes_hold_the_cache_twice(dataset, cache, teachers):
    distillation.cached_predictions(cache, dataset, RANGES, teachers, 3)
    assert distillation.required_bytes(dataset, 3) > 2 * cache.stat().st_size


def test_temperature_divides_the_logits(generator):
    logits = torch.randn(20, 10, generator=generator)
    probabilities = logits.softmax(1).half()
    for temperature in (1.0, 3.0):
        softened = distillation.apply_temperature(probabilities, temperature)
        torch.testing.assert_close(softened, (logits / temperature).softmax(1), atol=1e-3, rtol=0)
    one_hot = torch.nn.functional.one_hot(torch.tensor([4]), 10).half()
    assert distillation.apply_temperature(one_hot, 3.0).isfinite().all()


def test_smoothing_spreads_its_share_over_all_classes():
    targets = distillation.smooth_one_hot(torch.tensor([3, REJECT_CLASS]), 0.055)
    assert targets.sum(1).tolist() == pytest.approx([1, 1])
    assert targets[0].tolist() == pytest.approx([0.005] * 3 + [0.95] + [0.005] * 7)
    assert targets[1].tolist() == pytest.approx([0.005] * 10 + [0.95])
