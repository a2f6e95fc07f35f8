"""Weights as other programs save them load like our own; other kinds of tensors are refused with a sentence."""

import sys

import pytest
import torch
from safetensors.torch import save_file

import model
from digits import UserError, errors, state_dicts


@pytest.fixture
def state(network):
    # Contiguous, as safetensors demands: a Reader in another test may have changed the memory format.
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}


def assert_loads(path, network) -> None:
    loaded = model.load(path).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("key", [None, *state_dicts.CHECKPOINT_KEYS])
def test_prefixes_and_checkpoints_are_unwrapped(tmp_path, network, state, prefix, key):
    prefixed = {prefix + name: tensor for name, tensor in state.items()}
    torch.save(prefixed if key is None else {"epoch": 3, key: prefixed}, tmp_path / "w.pth")
    assert_loads(tmp_path / "w.pth", network)


def test_wrapped_networks_load(tmp_path, network):
    torch.save(torch.nn.DataParallel(network).state_dict(), tmp_path / "parallel.pth")
    assert_loads(tmp_path / "parallel.pth", network)
    torch.save(torch.compile(network).state_dict(), tmp_path / "compiled.pth")
    assert_loads(tmp_path / "compiled.pth", network)


def test_prefix_that_only_some_names_have_is_kept(tmp_path, state):
    state["module.fc2.bias"] = state.pop("fc2.bias")
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"fc2\.bias is missing"):
        model.load(tmp_path / "w.pth")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_load_as_single(tmp_path, state, dtype):
    torch.save({name: tensor.to(dtype) for name, tensor in state.items()}, tmp_path / "w.pth")
    for name, tensor in model.load(tmp_path / "w.pth").state_dict().items():
        assert torch.equal(tensor, state[name].to(dtype).float())


def test_safetensors_load_whatever_the_name_of_the_file(tmp_path, network, state):
    save_file(state, tmp_path / "w.pth")
    assert_loads(tmp_path / "w.pth", network)


def test_truncated_safetensors_are_reported_as_damaged(tmp_path, state):
    save_file(state, tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:-1])
    with pytest.raises(UserError, match=r"w\.safetensors cannot be read .* damaged"):
        model.load(tmp_path / "w.safetensors")


def test_missing_safetensors_names_the_extra(tmp_path, state, monkeypatch):
    save_file(state, tmp_path / "w.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    monkeypatch.setattr(errors, "EXTRAS", {"formats": ("safetensors.torch",)})
    with pytest.raises(UserError, match=r'pip install "\.\[formats\]"'):
        model.load(tmp_path / "w.safetensors")


@pytest.mark.filterwarnings("ignore")  # of PyTorch, about nested tensors
def test_nested_tensor_is_refused_with_a_sentence(tmp_path, state):
    torch.save(state | {"fc1.weight": torch.nested.nested_tensor([torch.ones(3), torch.ones(2)])}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"fc1\.weight is a nested tensor"):
        model.load(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda tensor: tensor.to(torch.int8), "of int8"),
        (lambda tensor: tensor.to(torch.complex64), "of complex64"),
        (lambda tensor: tensor.to(torch.float8_e4m3fn), "of float8_e4m3fn"),
        (lambda tensor: tensor.to("meta"), "a meta tensor, without values"),
        (lambda tensor: tensor.to_sparse(), "sparse"),
        (lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8), "quantized"),
    ],
    ids=["integers", "complex", "float8", "meta", "sparse", "quantized"],
)
@pytest.mark.filterwarnings("ignore")  # of PyTorch, about sparse and quantized tensors
def test_other_kinds_of_tensors_are_refused_with_a_sentence(tmp_path, state, change, kind):
    torch.save(state | {"fc1.weight": change(state["fc1.weight"])}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=rf"w\.pth: fc1\.weight is {kind}.*float32.* save the weights in one of these"):
        model.load(tmp_path / "w.pth")
