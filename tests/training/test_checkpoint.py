"""`digits.training.checkpoint`: everything that the next step depends on, in a file that no other run takes."""

import pickle
from pathlib import Path

import pytest
import torch

from digits import UserError
from digits.training import checkpoint
from train import TrainConfig


def make_state(seed: int) -> dict:
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 2).to(memory_format=torch.preserve_format)
    return {
        "model": model,
        "adamw": torch.optim.AdamW(model.parameters(), lr=0.1),
        "generator": torch.Generator().manual_seed(seed),
    }


def train_one_step(state: dict) -> torch.Tensor:
    """A step that depends on the weights, the optimizer's buffers and the random generator."""
    inputs = torch.randn(5, 3, generator=state["generator"])
    state["adamw"].zero_grad()
    state["model"](inputs).square().sum().backward()
    state["adamw"].step()
    return state["model"].weight.detach().clone()


def test_restored_run_continues_to_the_bit(tmp_path):
    state, other = make_state(1), make_state(2)
    train_one_step(state)
    checkpoint.save(tmp_path / "c", TrainConfig(lr=0.1), [{"epoch": 1}], state)
    expected = [train_one_step(state), train_one_step(state)]
    loaded = checkpoint.load(TrainConfig(resume=tmp_path / "c"))
    assert (loaded.config.lr, loaded.curve) == (0.1, [{"epoch": 1}])
    checkpoint.restore(other, loaded.state)
    assert all(torch.equal(train_one_step(other), weights) for weights in expected)


def test_resumed_configuration_has_absolute_paths(tmp_path, monkeypatch):
    """A run that was resumed from another folder once wrote its weights there."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(out="w.pth", data_dir="d", teachers=["t-0.pth", tmp_path / "t-1.pth"], teacher_cache="c.pth")
    checkpoint.save(tmp_path / "c", config, [], make_state(1))
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = checkpoint.load(TrainConfig(resume="../c")).config
    assert (loaded.out, loaded.data_dir, loaded.teacher_cache) == (
        tmp_path / "w.pth",
        tmp_path / "d",
        tmp_path / "c.pth",
    )
    assert loaded.teachers == [tmp_path / "t-0.pth", tmp_path / "t-1.pth"]


def test_without_resume_the_configuration_is_the_given_one():
    config = TrainConfig(seed=3)
    loaded = checkpoint.load(config)
    assert (loaded.config, loaded.curve, loaded.state, loaded.path) == (config, [], {}, None)


def write_pickle(path):
    path.write_bytes(pickle.dumps(print, 2))


def write_weights(path):
    torch.save({"fc.weight": torch.zeros(2)}, path)


def write_half(path):
    checkpoint.save(path, TrainConfig(), [], make_state(1))
    path.write_bytes(path.read_bytes()[:1000])


def write_unknown_setting(path):
    torch.save({"config": {"warp": 1.0}, "curve": [], "state": {}}, path)


@pytest.mark.parametrize(
    "write", [lambda path: None, write_pickle, write_weights, write_half, lambda path: path.write_text("hello")]
)
def test_loading_a_file_other_than_a_checkpoint_names_the_files_to_resume(tmp_path, write):
    path = tmp_path / "c.resume.pth"
    write(path)
    with pytest.raises(UserError, match=r"c\.resume\.pth .*Name the \.resume\.pth file .* with --resume"):
        checkpoint.load(TrainConfig(resume=path))


def test_checkpoint_of_another_version_is_refused(tmp_path):
    write_unknown_setting(tmp_path / "c")
    with pytest.raises(UserError, match="another version"):
        checkpoint.load(TrainConfig(resume=tmp_path / "c"))


@pytest.mark.parametrize(("name", "value"), [("lr", 0.3), ("recipe", "fast"), ("synthetic", 7), ("teacher_cache", "x")])
def test_resume_takes_no_settings_of_the_stopped_run(tmp_path, name, value):
    with pytest.raises(UserError, match=f"leave out --{name.replace('_', '-')} "):
        checkpoint.load(TrainConfig(resume=tmp_path / "c", **{name: value}))


def test_resume_takes_device_data_output_and_json(tmp_path):
    config = TrainConfig(seed=4, out=tmp_path / "old.pth", device="cuda")
    checkpoint.save(tmp_path / "c", config, [], make_state(1))
    given = {"device": "cpu", "data_dir": tmp_path, "mirror": ["m"], "json": True}
    loaded = checkpoint.load(TrainConfig(resume=tmp_path / "c", **given))
    config = loaded.config
    assert (config.seed, config.out, config.device, config.mirror) == (4, tmp_path / "old.pth", "cpu", ["m"])
    assert config.json_output
    assert loaded.path == tmp_path / "c"
    elsewhere = checkpoint.load(TrainConfig(resume=tmp_path / "c", out="new.pth"))
    assert (elsewhere.config.out, elsewhere.path) == (Path("new.pth"), None)


def test_each_run_claims_a_file_of_its_own_and_a_resumed_run_keeps_its_file(tmp_path):
    paths = [checkpoint.claim_path(tmp_path / "mnist.pth", None) for _ in range(3)]
    assert [path.name for path in paths] == ["mnist.resume.pth", "mnist.2.resume.pth", "mnist.3.resume.pth"]
    assert [checkpoint.partial_path(path).name for path in paths[:2]] == ["mnist.partial.pth", "mnist.2.partial.pth"]
    assert checkpoint.claim_path(tmp_path / "mnist.pth", tmp_path / "kept.pth") == tmp_path / "kept.pth"
    assert checkpoint.partial_path(tmp_path / "kept.pth").name == "kept.partial.pth"


def test_process_that_writes_no_files_saves_nothing(tmp_path):
    checkpoint.save(None, TrainConfig(), [], make_state(1))
    assert checkpoint.conclude_interrupted_run(None, tmp_path / "w.pth", []) == ""
    assert checkpoint.conclude_failed_run(None, []) == ""
    assert list(tmp_path.iterdir()) == []


def test_message_after_ctrl_c_names_only_files_that_exist(tmp_path):
    path, out, curve = tmp_path / "w.resume.pth", tmp_path / "w.pth", [{"validation_accuracy": 99.0}]
    partial = f"the weights so far are in {checkpoint.partial_path(path)}"
    path.touch()
    message = checkpoint.conclude_interrupted_run(path, out, curve)
    assert partial in message
    assert f"python train.py --resume {path}" in message
    assert path.exists()
    assert "nothing was saved" in checkpoint.conclude_interrupted_run(path, out, [])
    assert not path.exists()
    message = checkpoint.conclude_interrupted_run(path, out, curve)
    assert partial in message
    assert "--resume" not in message


def test_message_after_a_failure_names_the_checkpoint_of_the_finished_epochs(tmp_path):
    path = tmp_path / "w.resume.pth"
    path.touch()
    assert checkpoint.conclude_failed_run(path, [{}, {}]).endswith(f"after epoch 2 is kept in {path}.")
    assert path.exists()
    assert checkpoint.conclude_failed_run(path, []) == ""
    assert not path.exists()
    assert checkpoint.conclude_failed_run(path, [{}, {}]) == ""


def test_deleting_a_checkpoint_deletes_its_partial_weights(tmp_path):
    path = checkpoint.claim_path(tmp_path / "w.pth", None)
    checkpoint.partial_path(path).touch()
    for _ in range(2):  # another run may have deleted them
        checkpoint.delete(path)
        assert list(tmp_path.iterdir()) == []
