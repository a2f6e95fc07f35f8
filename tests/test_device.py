"""`digits.device`: selection, description and mixed precision."""

import pytest
import torch

from digits import UserError, device


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_selects_cuda_then_mps_then_cpu(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device.select("auto").type == expected


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_unavailable_device_is_refused_with_the_alternative(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UserError, match=f"sees no {name.upper()} device.*--device auto"):
        device.select(name)


@pytest.mark.parametrize(
    ("amx", "enabled", "expected"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_bfloat16_is_used_where_it_is_enabled_and_fast(monkeypatch, amx, enabled, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx}, raising=False)
    with device.autocast(torch.device("cpu"), enabled):
        assert torch.is_autocast_enabled("cpu") == expected


def test_torch_without_capabilities_uses_no_bfloat16(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    with device.autocast(torch.device("cpu")):
        assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize(("count", "description"), [(1, ", 1 thread"), (2, ", 2 threads")])
def test_cpu_is_described_with_its_threads(monkeypatch, count, description):
    monkeypatch.setattr(torch, "get_num_threads", lambda: count)
    assert device.describe(torch.device("cpu")).endswith(description)
